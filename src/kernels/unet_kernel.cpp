/// Forward and VJP of the U-Net, compiled once for each instruction set.
#include "kernels/unet_kernel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/unet_kernel.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, once for each target:
#include "kernels/convolution-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {
namespace {

using Shifts = UNetKernel::Shifts;

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
  with_products(c.arithmetic, [&](auto products) {
    using Products = decltype(products);
    using T = typename Products::T;
    with_tiles(c.reach, to.flat, [&](auto y, auto x) {
      convolve<Products, decltype(y), decltype(x)>(memory.at<T>(map), from, to, c.template forward_as<T>(), c.in, c.out,
                                                   memory.at<std::byte>(plan.tiles), epilogue(products));
    });
  });
}

template <class Make>
void backward_pass(const PackedConvolution& c, const UNetPlan& plan, const Memory& memory, const Grid& from,
                   const Grid& to, const Place& map, const Make& epilogue) {
  with_products(c.arithmetic, [&](auto products) {
    using Products = decltype(products);
    using T = typename Products::T;
    with_tiles(c.reach, to.flat, [&](auto y, auto x) {
      convolve<Products, typename decltype(y)::Back, typename decltype(x)::Back>(
          memory.at<T>(map), from, to, c.template backward_as<T>(), c.out, c.in, memory.at<std::byte>(plan.tiles),
          epilogue(products));
    });
  });
}

void halo_of(const PackedConvolution& c, const Memory& memory, const Place& map, const Grid& grid,
             std::int64_t channels, bool circular) {
  with_products(c.arithmetic, [&](auto products) {
    using T = typename decltype(products)::T;
    fill_halo(memory.at<T>(map), grid, padded(channels), circular);
  });
}

/// The stream as a convolution reads it, with a halo.
void narrow_stream(const PackedConvolution& c, const Memory& memory, const float* stream, const Place& map,
                   const Grid& grid, std::int64_t channels, bool circular) {
  const std::int64_t ld = padded(channels);
  with_products(c.arithmetic, [&](auto products) {
    using Products = decltype(products);
    auto* to = memory.at<typename Products::T>(map);
    for_each_row(grid, [&](std::int64_t pixel, std::int64_t) {
      for (std::int64_t i = pixel * ld; i < (pixel + grid.width) * ld; i += lanes())
        Products::keep(load(stream + i), to + i);
    });
  });
  halo_of(c, memory, map, grid, channels, circular);
}

/// norm(h + shift) as a convolution reads it, with a halo.
template <class Values>
void normalise_stream(const PackedConvolution& c, const Memory& memory, const Place& map, const Place& inverse,
                      const Grid& grid, bool circular, const Values& values) {
  const std::int64_t ld = padded(c.in);
  with_products(c.arithmetic, [&](auto products) {
    using Products = decltype(products);
    auto* to = memory.at<typename Products::T>(map);
    for_each_row(grid, [&](std::int64_t pixel, std::int64_t image) {
      normalise<Products>(values(pixel, image), grid.width, ld, c.in, to + pixel * ld,
                          memory.at<float>(inverse) + pixel);
    });
  });
  halo_of(c, memory, map, grid, c.in, circular);
}

template <class Take>
void normalise_stream_vjp(const PackedConvolution& c, const Memory& memory, const float* g, const Place& map,
                          const Place& inverse, const Grid& grid, const Take& take) {
  const std::int64_t ld = padded(c.in);
  with_products(c.arithmetic, [&](auto products) {
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
                     Shifts shifts) const {
    const std::int64_t ld = padded(block.inner.in);
    float* stream = stream_of(level);
    normalise_stream(block.inner, memory, places.inner.input, places.inverse, level.grid, network.circular,
                     [&](std::int64_t pixel, std::int64_t image) {
                       return ShiftedRead{stream + pixel * ld, shifts.values + image * shifts.stride + block.shift, ld};
                     });
    forward_pass(block.inner, plan, memory, level.grid, level.grid, places.inner.input, [&](auto products) {
      using Products = decltype(products);
      using T = typename Products::T;
      return AddBiasThenSilu<Products>{block.inner.bias.data(), memory.at<T>(places.outer.input),
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
      using Products = decltype(products);
      using T = typename Products::T;
      return Multiply<Products>{memory.at<T>(places.derivative), memory.at<T>(places.inner.gradient), ld};
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

  void forward(Shifts shifts) const {
    const auto last = static_cast<std::int64_t>(network.levels.size()) - 1;
    for (std::int64_t i = 0; i <= last; ++i) {
      const PackedUNetLevel& level = network.levels[i];
      const UNetLevelPlaces &places = plan.levels[i], &finer = plan.levels[std::max<std::int64_t>(0, i - 1)];
      if (i > 0)
        narrow_stream(level.head, memory, stream_of(finer), places.head.input, finer.grid, level.head.in,
                      network.circular);
      forward_pass(level.head, plan, memory, finer.grid, places.grid, places.head.input, [&](auto) {
        return AddBias{level.head.bias.data(), stream_of(places), padded(level.width())};
      });
      for (std::size_t j = 0; j < level.descent.size(); ++j)
        block_forward(level.descent[j], places.descent[j], places, shifts);
    }
    for (std::int64_t i = last; i >= 0; --i) {
      const PackedUNetLevel& level = network.levels[i];
      const UNetLevelPlaces& places = plan.levels[i];
      const float* stream = stream_of(places);
      const std::int64_t ld = padded(level.width());
      for (std::size_t j = 0; j < level.ascent.size(); ++j)
        block_forward(level.ascent[j], places.ascent[j], places, shifts);
      if (i > 0) {
        const UNetLevelPlaces& finer = plan.levels[i - 1];
        normalise_stream(level.tail, memory, places.tail.input, places.inverse, places.grid, network.circular,
                         [&](std::int64_t pixel, std::int64_t) {
                           return Read{stream + pixel * ld, ld};
                         });
        forward_pass(level.tail, plan, memory, places.grid, finer.grid, places.tail.input, [&](auto) {
          return AddBiasToStream{level.tail.bias.data(), stream_of(finer), padded(level.tail.out)};
        });
      } else {
        narrow_stream(level.tail, memory, stream, places.tail.input, places.grid, level.width(), network.circular);
        forward_pass(level.tail, plan, memory, places.grid, places.grid, places.tail.input, [&](auto) {
          return AddBias{level.tail.bias.data(), memory.at<float>(plan.result), padded(level.tail.out)};
        });
      }
    }
  }

  /// The gradient at the result is in its tail's place; that at x, where it is expected, comes into plan.result.
  void vjp(bool at_x, float* shift_gradient) const {
    const auto last = static_cast<std::int64_t>(network.levels.size()) - 1;
    for (std::int64_t i = 0; i <= last; ++i) {
      const PackedUNetLevel& level = network.levels[i];
      const UNetLevelPlaces& places = plan.levels[i];
      float *stream = stream_of(places), *next = memory.at<float>(plan.next);
      const std::int64_t ld = padded(level.width());
      if (i > 0) {
        const UNetLevelPlaces& finer = plan.levels[i - 1];
        narrow_stream(level.tail, memory, stream_of(finer), places.tail.gradient, finer.grid, level.tail.out,
                      network.circular);
        backward_pass(level.tail, plan, memory, finer.grid, places.grid, places.tail.gradient, [&](auto) {
          return Write{next, ld};
        });
        normalise_stream_vjp(level.tail, memory, next, places.tail.input, places.inverse, places.grid,
                             [&](std::int64_t pixel, std::int64_t) {
                               return Write{stream + pixel * ld, ld};
                             });
      } else {
        backward_pass(level.tail, plan, memory, places.grid, places.grid, places.tail.gradient, [&](auto) {
          return Write{stream, ld};
        });
      }
      for (std::size_t j = level.ascent.size(); j-- > 0;)
        block_vjp(level.ascent[j], places.ascent[j], places, shift_gradient);
    }
    for (std::int64_t i = last; i >= 0; --i) {
      const PackedUNetLevel& level = network.levels[i];
      const UNetLevelPlaces& places = plan.levels[i];
      for (std::size_t j = level.descent.size(); j-- > 0;)
        block_vjp(level.descent[j], places.descent[j], places, shift_gradient);
      narrow_stream(level.head, memory, stream_of(places), places.head.gradient, places.grid, level.width(),
                    network.circular);
      if (i > 0) {
        const UNetLevelPlaces& finer = plan.levels[i - 1];
        backward_pass(level.head, plan, memory, places.grid, finer.grid, places.head.gradient, [&](auto) {
          return AddTo{stream_of(finer), padded(level.head.in)};
        });
      } else if (at_x) {
        backward_pass(level.head, plan, memory, places.grid, places.grid, places.head.gradient, [&](auto) {
          return Write{memory.at<float>(plan.result), padded(level.head.in)};
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
void enter(const ImageView& view, const float* const* rows, const Grid& grid, std::int64_t ld, float* map) {
  std::fill_n(map, grid.size() * ld, 0.0f);
  for_each_value(view, grid, ld,
                 [&](std::int64_t i, std::int64_t at, std::int64_t image) { map[at] = rows[image][i]; });
  const ImageView context{view.extra, true, nullptr, 0};
  for_each_value(context, grid, ld,
                 [&](std::int64_t i, std::int64_t at, std::int64_t) { map[at + view.channels] = view.context[i]; });
}

/// A map as images (images, values).
void leave(const ImageView& view, const float* map, const Grid& grid, std::int64_t ld, float* result) {
  const std::int64_t size = view.channels * grid.height * grid.width;
  for_each_value(view, grid, ld,
                 [&](std::int64_t i, std::int64_t at, std::int64_t image) { result[image * size + i] = map[at]; });
}

void forward(const PackedUNet& network, const ImageView& image, const UNetPlan& plan, const float* const* rows,
             Shifts shifts, float* result, std::byte* tape, std::byte* workspace) {
  const Pass pass{network, plan, {tape, workspace}, tape != nullptr};
  const UNetLevelPlaces& finest = plan.levels.front();
  const std::int64_t in = network.levels.front().head.in, out = network.levels.front().tail.out;
  auto* x = pass.memory.at<float>(finest.head.input);
  enter(image, rows, finest.grid, padded(in), x);
  fill_halo(x, finest.grid, padded(in), network.circular);
  pass.forward(shifts);
  leave(image, pass.memory.at<float>(plan.result), finest.grid, padded(out), result);
}

void vjp(const PackedUNet& network, const ImageView& image, const UNetPlan& plan, const float* v, float* gradient,
         float* shift_gradient, std::byte* tape, std::byte* workspace) {
  const Pass pass{network, plan, {tape, workspace}, true};
  const UNetLevelPlaces& finest = plan.levels.front();
  const Grid& grid = finest.grid;
  const std::int64_t in = network.levels.front().head.in, out = network.levels.front().tail.out;
  if (shift_gradient != nullptr) std::fill_n(shift_gradient, grid.images * network.shifts, 0.0f);
  std::vector<const float*> rows;
  for (std::int64_t i = 0; i < grid.images; ++i) rows.push_back(v + i * image.channels * grid.height * grid.width);
  auto* g = pass.memory.at<float>(finest.tail.gradient);
  enter({image.channels, image.planar, nullptr, 0}, rows.data(), grid, padded(out), g);
  fill_halo(g, grid, padded(out), network.circular);
  pass.vjp(gradient != nullptr, shift_gradient);
  if (gradient != nullptr) leave(image, pass.memory.at<float>(plan.result), grid, padded(in), gradient);
}

void pack(const ConvolutionView& view, bool flat, PackedConvolution& packed) {
  with_products(packed.arithmetic, [&](auto products) {
    with_tiles(view.reach, flat,
               [&](auto y, auto x) { pack_convolution<decltype(products), decltype(y), decltype(x)>(view, packed); });
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sda::kernels {

HWY_EXPORT(forward);
HWY_EXPORT(vjp);
HWY_EXPORT(pack);

UNetKernel::UNetKernel(UNetView network, ImageView image, Arithmetic arithmetic)
    : network_(std::move(network)), image_(image) {
  packed_.flat = network_.flat;
  packed_.circular = network_.circular;
  const auto describe = [&](const ConvolutionView& view, PackedConvolution& packed, Arithmetic multiplies) {
    packed.reach = view.reach;
    packed.arithmetic = multiplies;
    packed.in = view.in;
    packed.out = view.out;
    convolutions_.push_back({view, &packed});
  };
  const auto describe_blocks = [&](const std::vector<UNetBlockView>& views, std::vector<PackedUNetBlock>& blocks) {
    blocks.resize(views.size());
    for (std::size_t j = 0; j < views.size(); ++j) {
      describe(views[j].inner, blocks[j].inner, arithmetic);
      describe(views[j].outer, blocks[j].outer, arithmetic);
      blocks[j].shift = packed_.shifts;
      packed_.shifts += padded(views[j].inner.in);
    }
  };
  packed_.levels.resize(network_.levels.size());
  // The first map sees the state, whose resolution near t = 0 is finer than bfloat16, and the last gives the result.
  const auto of_ends = [&](std::size_t i) { return i == 0 ? Arithmetic::float32 : arithmetic; };
  for (std::size_t i = 0; i < network_.levels.size(); ++i) {
    describe(network_.levels[i].head, packed_.levels[i].head, of_ends(i));
    describe_blocks(network_.levels[i].descent, packed_.levels[i].descent);
  }
  for (std::size_t i = network_.levels.size(); i-- > 0;) {
    describe_blocks(network_.levels[i].ascent, packed_.levels[i].ascent);
    describe(network_.levels[i].tail, packed_.levels[i].tail, of_ends(i));
  }
  for (std::int64_t part = 0; part < parts(); ++part) pack(part);
}

void UNetKernel::pack(std::int64_t part) {
  HWY_DYNAMIC_DISPATCH(pack)(convolutions_[part].view, packed_.flat, *convolutions_[part].packed);
}

namespace {

/// Shares out a tape and a workspace.
class Planner {
 public:
  explicit Planner(Keep keep) : keep_(keep) {}

  /// A buffer that is kept from `Keep` on, and else lies on the workspace until the next `release`.
  Place place(std::int64_t bytes, Keep from) {
    const bool kept = keep_ >= from;
    std::int64_t& end = kept ? tape : workspace;
    const Place place{kept, end};
    end += rounded_up(bytes, 64);
    max_ = std::max(max_, workspace);
    return place;
  }
  /// A buffer of the workspace for the whole pass.
  Place hold(std::int64_t bytes) {
    const Place place{false, workspace};
    workspace += rounded_up(bytes, 64);
    max_ = std::max(max_, workspace);
    held_ = workspace;
    return place;
  }
  void release() { workspace = held_; }
  std::int64_t workspace_size() const { return max_; }

  std::int64_t tape = 0, workspace = 0;

 private:
  Keep keep_;
  std::int64_t held_ = 0, max_ = 0;
};

}  // namespace

UNetPlan UNetKernel::plan(const Grid& finest, Keep keep) const {
  UNetPlan plan;
  Planner planner(keep);
  const auto levels = packed_.levels.size();
  const auto map = [](const Grid& grid, std::int64_t channels, std::int64_t bytes) {
    return grid.size() * padded(channels) * bytes;
  };
  plan.levels.resize(levels);
  std::int64_t widest = 0;
  for (std::size_t i = 0; i < levels; ++i) {
    plan.levels[i].grid = i == 0 ? finest : plan.levels[i - 1].grid.halved();
    const std::int64_t bytes = map(plan.levels[i].grid, packed_.levels[i].width(), 4);
    plan.levels[i].stream = planner.hold(bytes);
    widest = std::max(widest, bytes);
  }
  plan.next = planner.hold(widest);
  plan.result = planner.hold(map(finest, packed_.levels.front().head.in, 4));

  std::int64_t tiles = 0;
  const auto add_tiles = [&](const PackedConvolution& c, const Grid& outputs) {
    for (const std::int64_t channels : {c.in, c.out}) {
      const std::int64_t products = products_of(c.reach, packed_.flat);
      const std::int64_t per_tile = c.reach == Reach::same ? 2 : 1;
      const auto along = [&](std::int64_t size) { return (size + per_tile - 1) / per_tile; };
      const std::int64_t number = outputs.images * (outputs.flat ? 1 : along(outputs.height)) * along(outputs.width);
      const TileBlocks blocks(number, products, channels, c.arithmetic);
      tiles = std::max(tiles, blocks.room() * TileBlocks::bytes_of_tile(products, channels, c.arithmetic));
    }
  };
  for (std::size_t i = 0; i < levels; ++i) {
    const PackedUNetLevel& level = packed_.levels[i];
    add_tiles(level.head, plan.levels[i].grid);
    add_tiles(level.tail, plan.levels[i].grid);
    for (const auto& block : level.descent) add_tiles(block.inner, plan.levels[i].grid);
    for (const auto& block : level.ascent) add_tiles(block.inner, plan.levels[i].grid);
  }
  plan.tiles = planner.hold(tiles);

  for (std::size_t i = 0; i < levels; ++i) {
    const PackedUNetLevel& level = packed_.levels[i];
    UNetLevelPlaces& places = plan.levels[i];
    const Grid &grid = places.grid, &finer = plan.levels[i == 0 ? 0 : i - 1].grid;
    const std::int64_t width = level.width();
    const auto inverse = [&] { return planner.place(grid.size() * 4, Keep::for_vjp); };
    const auto place_blocks = [&](const std::vector<PackedUNetBlock>& blocks, std::vector<UNetBlockPlaces>& of_blocks) {
      for (const PackedUNetBlock& block : blocks) {
        planner.release();
        const std::int64_t bytes = map(grid, width, bytes_of_value(block.inner));
        UNetBlockPlaces& of = of_blocks.emplace_back();
        of.inner.input = planner.place(bytes, Keep::for_vjp);
        of.derivative = planner.place(bytes, Keep::for_vjp);
        of.inverse = inverse();
        of.outer.input = planner.place(bytes, Keep::for_gradient);
        of.outer.gradient = planner.place(bytes, Keep::for_gradient);
        of.inner.gradient = planner.place(bytes, Keep::for_gradient);
      }
    };
    place_blocks(level.descent, places.descent);
    place_blocks(level.ascent, places.ascent);
    planner.release();
    places.head.input = planner.place(map(finer, level.head.in, bytes_of_value(level.head)), Keep::for_gradient);
    places.head.gradient = planner.place(map(grid, level.head.out, bytes_of_value(level.head)), Keep::for_gradient);
    planner.release();
    places.tail.input = planner.place(map(grid, level.tail.in, bytes_of_value(level.tail)),
                                      i == 0 ? Keep::for_gradient : Keep::for_vjp);
    places.inverse = inverse();
    places.tail.gradient = planner.place(map(finer, level.tail.out, bytes_of_value(level.tail)), Keep::for_gradient);
  }
  plan.tape_size = planner.tape;
  plan.workspace_size = planner.workspace_size();
  return plan;
}

void UNetKernel::forward(const UNetPlan& plan, const float* const* rows, Shifts shifts, float* result, std::byte* tape,
                         std::byte* workspace) const {
  HWY_DYNAMIC_DISPATCH(forward)(packed_, image_, plan, rows, shifts, result, tape, workspace);
}

void UNetKernel::vjp(const UNetPlan& plan, const float* v, float* gradient, float* shift_gradient, std::byte* tape,
                     std::byte* workspace) const {
  HWY_DYNAMIC_DISPATCH(vjp)(packed_, image_, plan, v, gradient, shift_gradient, tape, workspace);
}

}  // namespace sda::kernels
#endif
