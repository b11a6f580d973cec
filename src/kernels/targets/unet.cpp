/// Forward and VJP of the U-Net, for one instruction set.
#include "kernels/unet_passes.hpp"
#include "kernels/winograd-inl.hpp"
#include "kernels/winograd_filter-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {
namespace {

/// One pass's buffers.
struct Memory {
  std::byte *tape, *workspace;
  template <class T>
  T* at(const Place& place) const {
    return reinterpret_cast<T*>((place.kept ? tape : workspace) + place.offset);
  }
};

struct ShiftedRead {
  const float* x;
  const float* shift;
  std::int64_t ld;
  HWY_INLINE V operator()(std::int64_t row, std::int64_t column) const {
    return hn::Add(load(x + row * ld + column), load(shift + column));
  }
};

/// Into the stream, and into the sum over pixels that is the shift's gradient.
struct AddToBoth {
  float* stream;
  float* sum;
  std::int64_t ld;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const {
    AddTo{stream, ld}(row, column, v);
    AddTo{sum, 0}(0, column, v);
  }
};

/// A convolution of `plan`'s maps, forward or back; `map` has its halo.
template <class Make>
void forward_pass(const PackedConvolution& c, const UNetPlan& plan, const Memory& memory, const Grid& from,
                  const Grid& to, const Place& map, const Make& epilogue) {
  with_gemm(c.arithmetic, [&](auto products) {
    using Gemm = decltype(products);
    using T = typename Gemm::T;
    with_tiles(c.sampling, to.flat, [&](auto y, auto x) {
      convolve<Gemm, decltype(y), decltype(x)>(memory.at<T>(map), from, to, c.template forward_as<T>(), c.in, c.out,
                                               memory.at<std::byte>(plan.tiles), epilogue(products));
    });
  });
}

template <class Make>
void backward_pass(const PackedConvolution& c, const UNetPlan& plan, const Memory& memory, const Grid& from,
                   const Grid& to, const Place& map, const Make& epilogue) {
  with_gemm(c.arithmetic, [&](auto products) {
    using Gemm = decltype(products);
    using T = typename Gemm::T;
    with_tiles(c.sampling, to.flat, [&](auto y, auto x) {
      convolve<Gemm, typename decltype(y)::Adjoint, typename decltype(x)::Adjoint>(
          memory.at<T>(map), from, to, c.template backward_as<T>(), c.out, c.in, memory.at<std::byte>(plan.tiles),
          epilogue(products));
    });
  });
}

void halo_of(const PackedConvolution& c, const Memory& memory, const Place& map, const Grid& grid,
             std::int64_t channels, bool circular) {
  with_gemm(c.arithmetic, [&](auto products) {
    using T = typename decltype(products)::T;
    fill_halo(memory.at<T>(map), grid, padded(channels), circular);
  });
}

/// The stream as a convolution reads it, with a halo.
void narrow_stream(const PackedConvolution& c, const Memory& memory, const float* stream, const Place& map,
                   const Grid& grid, std::int64_t channels, bool circular) {
  const std::int64_t ld = padded(channels);
  with_gemm(c.arithmetic, [&](auto products) {
    using Gemm = decltype(products);
    auto* to = memory.at<typename Gemm::T>(map);
    for_each_row(grid, [&](std::int64_t pixel, std::int64_t) {
      for (std::int64_t i = pixel * ld; i < (pixel + grid.width) * ld; i += lanes())
        Gemm::keep(load(stream + i), to + i);
    });
  });
  halo_of(c, memory, map, grid, channels, circular);
}

/// norm(h + shift) as a convolution reads it, with a halo.
template <class Values>
void normalise_stream(const PackedConvolution& c, const Memory& memory, const Place& map, const Place& inverse,
                      const Grid& grid, bool circular, const Values& values) {
  const std::int64_t ld = padded(c.in);
  with_gemm(c.arithmetic, [&](auto products) {
    using Gemm = decltype(products);
    auto* to = memory.at<typename Gemm::T>(map);
    for_each_row(grid, [&](std::int64_t pixel, std::int64_t image) {
      normalise<Gemm>(values(pixel, image), grid.width, ld, c.in, to + pixel * ld, memory.at<float>(inverse) + pixel);
    });
  });
  halo_of(c, memory, map, grid, c.in, circular);
}

template <class Take>
void normalise_stream_vjp(const PackedConvolution& c, const Memory& memory, const float* g, const Place& map,
                          const Place& inverse, const Grid& grid, const Take& take) {
  const std::int64_t ld = padded(c.in);
  with_gemm(c.arithmetic, [&](auto products) {
    using T = typename decltype(products)::T;
    for_each_row(grid, [&](std::int64_t pixel, std::int64_t image) {
      normalise_vjp(g + pixel * ld, memory.at<T>(map) + pixel * ld, memory.at<float>(inverse) + pixel, grid.width, ld,
                    c.in, take(pixel, image));
    });
  });
}

struct Pass {
  const PackedUNet& network;
  const UNetPlan& plan;
  Memory memory;
  bool keeps;  ///< what a VJP needs

  float* stream_of(const UNetLevelPlaces& level) const { return memory.at<float>(level.stream); }

  void block_forward(const PackedUNetBlock& block, const UNetBlockPlaces& places, const UNetLevelPlaces& level,
                     UNetShifts shifts) const {
    const std::int64_t ld = padded(block.inner.in);
    float* stream = stream_of(level);
    normalise_stream(block.inner, memory, places.inner.input, places.inverse, level.grid, network.circular,
                     [&](std::int64_t pixel, std::int64_t image) {
                       return ShiftedRead{stream + pixel * ld, shifts.values + image * shifts.stride + block.shift, ld};
                     });
    forward_pass(block.inner, plan, memory, level.grid, level.grid, places.inner.input, [&](auto products) {
      using Gemm = decltype(products);
      using T = typename Gemm::T;
      return AddBiasThenSilu<Gemm>{block.inner.bias.data(), memory.at<T>(places.outer.input),
                                   keeps ? memory.at<T>(places.derivative) : nullptr, ld};
    });
    halo_of(block.outer, memory, places.outer.input, level.grid, block.outer.in, network.circular);
    forward_pass(block.outer, plan, memory, level.grid, level.grid, places.outer.input, [&](auto) {
      return AddBiasToStream{block.outer.bias.data(), stream, ld};
    });
  }

  void block_vjp(const PackedUNetBlock& block, const UNetBlockPlaces& places, const UNetLevelPlaces& level,
                 float* shift_gradient) const {
    const std::int64_t ld = padded(block.inner.in);
    float *stream = stream_of(level), *next = memory.at<float>(plan.next);
    narrow_stream(block.outer, memory, stream, places.outer.gradient, level.grid, block.outer.out, network.circular);
    backward_pass(block.outer, plan, memory, level.grid, level.grid, places.outer.gradient, [&](auto products) {
      using Gemm = decltype(products);
      using T = typename Gemm::T;
      return Multiply<Gemm>{memory.at<T>(places.derivative), memory.at<T>(places.inner.gradient), ld};
    });
    halo_of(block.inner, memory, places.inner.gradient, level.grid, block.inner.out, network.circular);
    backward_pass(block.inner, plan, memory, level.grid, level.grid, places.inner.gradient, [&](auto) {
      return Write{next, ld};
    });
    const auto vjp = [&](const auto& take) {
      normalise_stream_vjp(block.inner, memory, next, places.inner.input, places.inverse, level.grid, take);
    };
    if (shift_gradient == nullptr)
      vjp([&](std::int64_t pixel, std::int64_t) { return AddTo{stream + pixel * ld, ld}; });
    else
      vjp([&](std::int64_t pixel, std::int64_t image) {
        return AddToBoth{stream + pixel * ld, shift_gradient + image * network.shifts + block.shift, ld};
      });
  }

  void forward(UNetShifts shifts) const {
    const auto last = static_cast<std::int64_t>(network.levels.size()) - 1;
    for (std::int64_t i = 0; i <= last; ++i) {
      const PackedUNetLevel& level = network.levels[i];
      const UNetLevelPlaces &places = plan.levels[i], &finer = plan.levels[std::max<std::int64_t>(0, i - 1)];
      if (i > 0)
        narrow_stream(level.downsample, memory, stream_of(finer), places.downsample.input, finer.grid,
                      level.downsample.in, network.circular);
      forward_pass(level.downsample, plan, memory, finer.grid, places.grid, places.downsample.input, [&](auto) {
        return AddBias{level.downsample.bias.data(), stream_of(places), padded(level.width())};
      });
      for (std::size_t j = 0; j < level.encoder.size(); ++j)
        block_forward(level.encoder[j], places.encoder[j], places, shifts);
    }
    for (std::int64_t i = last; i >= 0; --i) {
      const PackedUNetLevel& level = network.levels[i];
      const UNetLevelPlaces& places = plan.levels[i];
      const float* stream = stream_of(places);
      const std::int64_t ld = padded(level.width());
      for (std::size_t j = 0; j < level.decoder.size(); ++j)
        block_forward(level.decoder[j], places.decoder[j], places, shifts);
      if (i > 0) {
        const UNetLevelPlaces& finer = plan.levels[i - 1];
        normalise_stream(level.upsample, memory, places.upsample.input, places.inverse, places.grid, network.circular,
                         [&](std::int64_t pixel, std::int64_t) {
                           return Read{stream + pixel * ld, ld};
                         });
        forward_pass(level.upsample, plan, memory, places.grid, finer.grid, places.upsample.input, [&](auto) {
          return AddBiasToStream{level.upsample.bias.data(), stream_of(finer), padded(level.upsample.out)};
        });
      } else {
        narrow_stream(level.upsample, memory, stream, places.upsample.input, places.grid, level.width(),
                      network.circular);
        forward_pass(level.upsample, plan, memory, places.grid, places.grid, places.upsample.input, [&](auto) {
          return AddBias{level.upsample.bias.data(), memory.at<float>(plan.result), padded(level.upsample.out)};
        });
      }
    }
  }

  /// The gradient at the result is in its upsample's place; that at x, where it is expected, comes into plan.result.
  void vjp(bool at_x, float* shift_gradient) const {
    const auto last = static_cast<std::int64_t>(network.levels.size()) - 1;
    for (std::int64_t i = 0; i <= last; ++i) {
      const PackedUNetLevel& level = network.levels[i];
      const UNetLevelPlaces& places = plan.levels[i];
      float *stream = stream_of(places), *next = memory.at<float>(plan.next);
      const std::int64_t ld = padded(level.width());
      if (i > 0) {
        const UNetLevelPlaces& finer = plan.levels[i - 1];
        narrow_stream(level.upsample, memory, stream_of(finer), places.upsample.gradient, finer.grid,
                      level.upsample.out, network.circular);
        backward_pass(level.upsample, plan, memory, finer.grid, places.grid, places.upsample.gradient, [&](auto) {
          return Write{next, ld};
        });
        normalise_stream_vjp(level.upsample, memory, next, places.upsample.input, places.inverse, places.grid,
                             [&](std::int64_t pixel, std::int64_t) {
                               return Write{stream + pixel * ld, ld};
                             });
      } else {
        backward_pass(level.upsample, plan, memory, places.grid, places.grid, places.upsample.gradient, [&](auto) {
          return Write{stream, ld};
        });
      }
      for (std::size_t j = level.decoder.size(); j-- > 0;)
        block_vjp(level.decoder[j], places.decoder[j], places, shift_gradient);
    }
    for (std::int64_t i = last; i >= 0; --i) {
      const PackedUNetLevel& level = network.levels[i];
      const UNetLevelPlaces& places = plan.levels[i];
      for (std::size_t j = level.encoder.size(); j-- > 0;)
        block_vjp(level.encoder[j], places.encoder[j], places, shift_gradient);
      narrow_stream(level.downsample, memory, stream_of(places), places.downsample.gradient, places.grid, level.width(),
                    network.circular);
      if (i > 0) {
        const UNetLevelPlaces& finer = plan.levels[i - 1];
        backward_pass(level.downsample, plan, memory, places.grid, finer.grid, places.downsample.gradient, [&](auto) {
          return AddTo{stream_of(finer), padded(level.downsample.in)};
        });
      } else if (at_x) {
        backward_pass(level.downsample, plan, memory, places.grid, places.grid, places.downsample.gradient, [&](auto) {
          return Write{memory.at<float>(plan.result), padded(level.downsample.in)};
        });
      }
    }
  }
};

/// Calls f(value's index in its image, place in a map of `ld` channels, image) for all values of `image`'s channels.
template <class Function>
void for_each_value(const ImageView& view, const Grid& grid, std::int64_t ld, const Function& f) {
  const std::int64_t pixels = grid.height * grid.width;
  for (std::int64_t image = 0; image < grid.images; ++image)
    for (std::int64_t y = 0; y < grid.height; ++y)
      for (std::int64_t x = 0; x < grid.width; ++x)
        for (std::int64_t c = 0; c < view.channels; ++c) {
          const std::int64_t pixel = y * grid.width + x;
          f(view.planar ? c * pixels + pixel : pixel * view.channels + c, grid.pixel(image, y, x) * ld + c, image);
        }
}

/// Images, with their context, as a map.
void read_images(const ImageView& view, const float* const* rows, const Grid& grid, std::int64_t ld, float* map) {
  std::fill_n(map, grid.size() * ld, 0.0f);
  for_each_value(view, grid, ld,
                 [&](std::int64_t i, std::int64_t at, std::int64_t image) { map[at] = rows[image][i]; });
  const ImageView context{view.extra, true, nullptr, 0};
  for_each_value(context, grid, ld,
                 [&](std::int64_t i, std::int64_t at, std::int64_t) { map[at + view.channels] = view.context[i]; });
}

/// A map as images (images, values).
void write_images(const ImageView& view, const float* map, const Grid& grid, std::int64_t ld, float* result) {
  const std::int64_t size = view.channels * grid.height * grid.width;
  for_each_value(view, grid, ld,
                 [&](std::int64_t i, std::int64_t at, std::int64_t image) { result[image * size + i] = map[at]; });
}

}  // namespace

void unet_forward(const PackedUNet& network, const ImageView& image, const UNetPlan& plan, const float* const* rows,
                  UNetShifts shifts, float* result, std::byte* tape, std::byte* workspace) {
  const Pass pass{network, plan, {tape, workspace}, tape != nullptr};
  const UNetLevelPlaces& finest = plan.levels.front();
  const std::int64_t in = network.levels.front().downsample.in, out = network.levels.front().upsample.out;
  auto* x = pass.memory.at<float>(finest.downsample.input);
  read_images(image, rows, finest.grid, padded(in), x);
  fill_halo(x, finest.grid, padded(in), network.circular);
  pass.forward(shifts);
  write_images(image, pass.memory.at<float>(plan.result), finest.grid, padded(out), result);
}

void unet_vjp(const PackedUNet& network, const ImageView& image, const UNetPlan& plan, const float* v, float* gradient,
              float* shift_gradient, std::byte* tape, std::byte* workspace) {
  const Pass pass{network, plan, {tape, workspace}, true};
  const UNetLevelPlaces& finest = plan.levels.front();
  const Grid& grid = finest.grid;
  const std::int64_t in = network.levels.front().downsample.in, out = network.levels.front().upsample.out;
  if (shift_gradient != nullptr) std::fill_n(shift_gradient, grid.images * network.shifts, 0.0f);
  std::vector<const float*> rows;
  for (std::int64_t i = 0; i < grid.images; ++i) rows.push_back(v + i * image.channels * grid.height * grid.width);
  auto* g = pass.memory.at<float>(finest.upsample.gradient);
  read_images({image.channels, image.planar, nullptr, 0}, rows.data(), grid, padded(out), g);
  fill_halo(g, grid, padded(out), network.circular);
  pass.vjp(gradient != nullptr, shift_gradient);
  if (gradient != nullptr) write_images(image, pass.memory.at<float>(plan.result), grid, padded(in), gradient);
}

void unet_pack(const ConvolutionView& view, bool flat, PackedConvolution& packed) {
  with_gemm(packed.arithmetic, [&](auto products) {
    with_tiles(view.sampling, flat,
               [&](auto y, auto x) { pack_convolution<decltype(products), decltype(y), decltype(x)>(view, packed); });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();
