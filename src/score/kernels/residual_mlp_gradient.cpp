/// Forward, back and the weights' gradients of the residual MLP, compiled once for each instruction set.
#include "score/kernels/residual_mlp_gradient.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "score/kernels/residual_mlp_gradient.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, once for each target:
#include "score/kernels/residual_mlp-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {
namespace {

/// W (out, in) and b of h ↦ W h + b: ∂L/∂W = gᵀ a and ∂L/∂b = Σ g over rows of g (rows, out) and a (rows, in).
template <class Products, class T>
void add_map_gradient(const T* g, const T* a, std::int64_t rows, std::int64_t out, std::int64_t in, bool fresh,
                      std::byte* room, ResidualMlpGradient::MapGradient& sum) {
  const std::int64_t ldg = padded(out), lda = padded(in);
  auto* factors = reinterpret_cast<T*>(room);
  if (fresh)
    Products::multiply_transposed(g, ldg, a, lda, rows, out, in, factors, Write{sum.weight.data(), lda});
  else
    Products::multiply_transposed(g, ldg, a, lda, rows, out, in, factors, AddTo{sum.weight.data(), lda});
  for (std::int64_t column = 0; column < ldg; column += lanes()) {
    V total = fresh ? hn::Zero(D()) : load(sum.bias.data() + column);
    for (std::int64_t row = 0; row < rows; ++row) total = hn::Add(total, load(g + row * ldg + column));
    store(total, sum.bias.data() + column);
  }
}

/// Rows of `width` values, `stride` apart, into rows of padded(width) with zeros behind.
void spread(const float* rows, std::int64_t stride, std::int64_t n, std::int64_t width, float* to) {
  for (std::int64_t row = 0; row < n; ++row, to += padded(width))
    std::fill(std::copy_n(rows + row * stride, width, to), to + padded(width), 0.0f);
}

void affine(const PackedAffine& map, const float* rows, std::int64_t n, float* out) {
  Float32Products::multiply(rows, padded(map.in), n, map.forward_as<float>(), map.in, padded(map.out),
                            AddBias{map.bias.data(), out, padded(map.out)});
}
void affine_pull_back(const PackedAffine& map, const float* g, std::int64_t n, float* out) {
  Float32Products::multiply(g, padded(map.out), n, map.backward_as<float>(), map.out, padded(map.in),
                            Write{out, padded(map.in)});
}

void add(const PackedEmbeddedMlp& model, const float* x, const float* waves, const float* epsilon, std::int64_t n,
         float scale, ResidualMlpGradient::Sums& sums, ResidualMlpGradient::Bench& bench) {
  const PackedAffine &first = model.embedding[0], &second = model.embedding[1];
  float* free = bench.floats.data();
  const auto take = [&free](std::int64_t width) {
    float* taken = free;
    free += most_rows * padded(width);
    return taken;
  };
  const Workspace work{.rows = n,
                       .capacity = most_rows,
                       .buffer = {take(model.widest), take(model.widest), take(model.widest), take(model.widest)}};
  float *phases = take(first.in), *hidden = take(first.out), *slope = take(first.out), *embedded = take(second.out);
  std::byte *tape = bench.tape.data(), *room = bench.room.data();

  // e(t), beside x.
  spread(waves, first.in, n, first.in, phases);
  Float32Products::multiply(phases, padded(first.in), n, first.forward_as<float>(), first.in, padded(first.out),
                            AddBiasThenSilu<Float32Products>{first.bias.data(), hidden, slope, padded(first.out)});
  affine(second, hidden, n, embedded);
  float *stream = work.buffer[0], *next = work.buffer[1];
  const std::int64_t features = model.layers.back().first.out, in = model.layers.front().first.in;
  for (std::int64_t row = 0; row < n; ++row) {
    float* to = std::copy_n(x + row * features, features, stream + row * padded(in));
    to = std::copy_n(embedded + row * padded(second.out), second.out, to);
    std::fill(to, stream + (row + 1) * padded(in), 0.0f);
  }

  for (const PackedLayer& layer : model.layers) {
    if (layer.residual) {
      with_products(layer.arithmetic, [&](auto products) {
        block_forward<decltype(products), true>(layer, work, stream, tape + layer.tape);
      });
    } else {
      std::copy_n(stream, n * padded(layer.first.in), reinterpret_cast<float*>(tape + layer.tape));
      affine(layer.first, stream, n, next);
      std::swap(stream, next);
    }
  }

  // g = ∂L/∂ε_φ = 2 scale (ε_φ − ε), zero in the padding.
  const std::int64_t ld = padded(features);
  for (std::int64_t row = 0; row < n; ++row) {
    double squares = 0;
    for (std::int64_t i = 0; i < features; ++i) {
      const float error = stream[row * ld + i] - epsilon[row * features + i];
      squares += static_cast<double>(error) * error;
      stream[row * ld + i] = 2 * scale * error;
    }
    std::fill_n(stream + row * ld + features, ld - features, 0.0f);
    sums.squares += squares;
  }

  auto sum = sums.maps.end();
  for (auto layer = model.layers.rbegin(); layer != model.layers.rend(); ++layer) {
    if (layer->residual) {
      sum -= 2;
      with_products(layer->arithmetic, [&](auto products) {
        using Products = decltype(products);
        const auto take_second = [&](const auto* g, const auto& kept) {
          add_map_gradient<Products>(g, static_cast<decltype(g)>(kept.activation), n, layer->second.out,
                                     layer->second.in, sums.fresh, room, sum[1]);
        };
        const auto take_first = [&](const auto* g, const auto& kept) {
          add_map_gradient<Products>(g, static_cast<decltype(g)>(kept.normalised), n, layer->first.out, layer->first.in,
                                     sums.fresh, room, sum[0]);
        };
        block_pull_back<Products>(*layer, work, stream, next, tape + layer->tape, take_second, take_first);
      });
    } else {
      sum -= 1;
      const auto* input = reinterpret_cast<const float*>(tape + layer->tape);
      add_map_gradient<Float32Products>(static_cast<const float*>(stream), input, n, layer->first.out, layer->first.in,
                                        sums.fresh, room, sum[0]);
      affine_pull_back(layer->first, stream, n, next);
      std::swap(stream, next);
    }
  }

  // stream holds ∂L/∂[x, e].
  float* g = embedded;
  for (std::int64_t row = 0; row < n; ++row) {
    float* to = g + row * padded(second.out);
    std::fill(std::copy_n(stream + row * padded(in) + features, second.out, to), g + (row + 1) * padded(second.out),
              0.0f);
  }
  add_map_gradient<Float32Products>(static_cast<const float*>(g), static_cast<const float*>(hidden), n, second.out,
                                    second.in, sums.fresh, room, sums.maps[1]);
  Float32Products::multiply(g, padded(second.out), n, second.backward_as<float>(), second.out, padded(second.in),
                            Multiply<Float32Products>{slope, hidden, padded(second.in)});
  add_map_gradient<Float32Products>(static_cast<const float*>(hidden), static_cast<const float*>(phases), n, first.out,
                                    first.in, sums.fresh, room, sums.maps[0]);
  sums.fresh = false;
}

void pack(const LayerView& view, Arithmetic arithmetic, PackedLayer& layer) {
  layer.arithmetic = arithmetic_of(view, arithmetic);
  with_products(layer.arithmetic, [&](auto products) { pack_layer<decltype(products)>(view, layer); });
}

void pack_linear(const AffineView& view, PackedAffine& packed) {
  pack_affine<Float32Products>(view, packed);
}

/// Bytes that any map's two factors take.
std::int64_t room_for(Arithmetic arithmetic, std::int64_t out, std::int64_t in) {
  std::int64_t bytes = Float32Products::room_for(most_rows, out, in) * std::int64_t{sizeof(float)};
  with_products(arithmetic, [&](auto products) {
    using Products = decltype(products);
    bytes = std::max(bytes, Products::room_for(most_rows, out, in) * std::int64_t{sizeof(typename Products::T)});
  });
  return bytes;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sda::kernels {

HWY_EXPORT(add);
HWY_EXPORT(pack);
HWY_EXPORT(pack_linear);
HWY_EXPORT(room_for);

ResidualMlpGradient::ResidualMlpGradient(EmbeddedMlpView network, Arithmetic arithmetic)
    : network_(std::move(network)), arithmetic_(arithmetic) {
  packed_.layers.resize(network_.layers.size());
  std::int64_t offset = 0;
  const auto place = [&](const AffineView& view) {
    places_.push_back({&view, offset});
    offset += view.out * view.in + view.out;
    room_size_ = std::max(room_size_, HWY_DYNAMIC_DISPATCH(room_for)(arithmetic_, view.out, view.in));
  };
  place(network_.embedding[0]);
  place(network_.embedding[1]);
  for (std::size_t i = 0; i < packed_.layers.size(); ++i) {
    const LayerView& view = network_.layers[i];
    place(view.first);
    if (view.residual) place(view.second);
    const std::int64_t in = padded(view.first.in);
    packed_.widest = std::max({packed_.widest, in, padded(view.first.out)});
    packed_.layers[i].tape = tape_size_;
    tape_size_ += view.residual ? block_tape_size(in, most_rows, arithmetic_of(view, arithmetic_), true)
                                : most_rows * in * std::int64_t{sizeof(float)};
  }
  for (std::int64_t part = 0; part < parts(); ++part) pack(part);
}

void ResidualMlpGradient::pack(std::int64_t part) {
  if (part == 0)
    for (int i = 0; i < 2; ++i) HWY_DYNAMIC_DISPATCH(pack_linear)(network_.embedding[i], packed_.embedding[i]);
  else
    HWY_DYNAMIC_DISPATCH(pack)(network_.layers[part - 1], arithmetic_, packed_.layers[part - 1]);
}

std::int64_t ResidualMlpGradient::first_map_of(std::int64_t part) const {
  std::int64_t map = 0;
  for (std::int64_t before = 0; before < part; ++before) map += maps_of(before);
  return map;
}

ResidualMlpGradient::Sums ResidualMlpGradient::make_sums() const {
  Sums sums;
  for (const Place& place : places_) {
    // Products write whole tiles of rows.
    const std::int64_t rows = rounded_up(place.view->out, most_rows), in = padded(place.view->in);
    MapGradient& map = sums.maps.emplace_back();
    map.weight.resize(static_cast<std::size_t>(rows * in));
    map.bias.resize(static_cast<std::size_t>(padded(place.view->out)));
  }
  return sums;
}

ResidualMlpGradient::Bench ResidualMlpGradient::make_bench() const {
  const auto &first = network_.embedding[0], &second = network_.embedding[1];
  const std::int64_t row = 4 * packed_.widest + padded(first.in) + 2 * padded(first.out) + padded(second.out);
  return {.floats = Aligned<float>(static_cast<std::size_t>(most_rows * row)),
          .tape = Aligned<std::byte>(static_cast<std::size_t>(tape_size_)),
          .room = Aligned<std::byte>(static_cast<std::size_t>(room_size_))};
}

void ResidualMlpGradient::add(const float* x, const float* waves, const float* epsilon, std::int64_t n, float scale,
                              Sums& sums, Bench& bench) const {
  HWY_DYNAMIC_DISPATCH(add)
  (packed_, x, waves, epsilon, n, scale, sums, bench);
}

void ResidualMlpGradient::collect(const std::vector<Sums>& sums, std::int64_t part, float* gradient) const {
  const std::int64_t begin = first_map_of(part);
  for (std::int64_t map = begin; map < begin + maps_of(part); ++map) {
    const auto [view, offset] = places_[map];
    const std::int64_t in = view->in, ld = padded(in);
    float *weight = gradient + offset, *bias = weight + view->out * in;
    bool first = true;
    for (const Sums& own : sums) {
      if (own.fresh) continue;
      const float *from = own.maps[map].weight.data(), *from_bias = own.maps[map].bias.data();
      const auto add_row = [first](float* to, const float* row, std::int64_t n) {
        if (first)
          std::copy_n(row, n, to);
        else
          for (std::int64_t i = 0; i < n; ++i) to[i] += row[i];
      };
      for (std::int64_t o = 0; o < view->out; ++o) add_row(weight + o * in, from + o * ld, in);
      add_row(bias, from_bias, view->out);
      first = false;
    }
  }
}

}  // namespace sda::kernels
#endif
