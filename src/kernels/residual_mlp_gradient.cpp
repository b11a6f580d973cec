/// Forward, back and the weights' gradients of the residual MLP, compiled once for each instruction set.
#include "kernels/residual_mlp_gradient.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/residual_mlp_gradient.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, once for each target:
#include "kernels/residual_mlp-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {
namespace {

using Pass = ResidualMlpGradient::Pass;
using Scratch = ResidualMlpGradient::Scratch;

/// (cos, sin)(π j t), j = 1 … half, into a row of zeros behind: each angle is the one before, turned by π t.
void waves(float t, std::int64_t half, float* to) {
  const double c = std::cos(std::numbers::pi * t), s = std::sin(std::numbers::pi * t);
  double x = c, y = s;
  for (std::int64_t j = 0; j < half; ++j) {
    to[j] = static_cast<float>(x);
    to[half + j] = static_cast<float>(y);
    const double turned = c * x - s * y;
    y = s * x + c * y;
    x = turned;
  }
  std::fill(to + 2 * half, to + padded(2 * half), 0.0f);
}

float* on_tape(Pass& pass, std::int64_t offset) {
  return reinterpret_cast<float*>(pass.tape.data() + offset);
}

/// Blocks work in place and on the tape.
Workspace workspace(const Pass& pass) {
  return {.rows = pass.rows, .capacity = max_rows, .buffer = {}};
}

void forward(const PackedEmbeddedMlp& model, const float* x, const float* t, const float* epsilon, std::int64_t n,
             Pass& pass, Scratch& scratch) {
  const PackedProducts &first = model.embedding[0], &second = model.embedding[1];
  float *phases = on_tape(pass, model.waves), *hidden = on_tape(pass, model.hidden),
        *embedded = on_tape(pass, model.embedded), *stream = on_tape(pass, model.forward.front());
  pass.rows = n;

  // e(t), beside x.
  for (std::int64_t row = 0; row < n; ++row) waves(t[row], first.in / 2, phases + row * padded(first.in));
  float* left = scratch.left.data();
  thin_forward(
      model.arithmetic, first, phases, n, left,
      AddBiasThenSilu<Float32Products>{first.bias.data(), hidden, on_tape(pass, model.slope), padded(first.out)});
  thin_forward(model.arithmetic, second, hidden, n, left, AddBias{second.bias.data(), embedded, padded(second.out)});
  const std::int64_t features = model.layers.back().first.out, in = model.layers.front().first.in;
  for (std::int64_t row = 0; row < n; ++row) {
    float* to = std::copy_n(x + row * features, features, stream + row * padded(in));
    to = std::copy_n(embedded + row * padded(second.out), second.out, to);
    std::fill(to, stream + (row + 1) * padded(in), 0.0f);
  }

  std::size_t stretch = 0;
  for (const PackedLayer& layer : model.layers) {
    if (layer.residual) {
      with_products(layer.arithmetic, [&](auto products) {
        block_forward<decltype(products), true>(layer, workspace(pass), stream, pass.tape.data() + layer.tape);
      });
    } else {
      float* next = on_tape(pass, model.forward[++stretch]);
      thin_forward(layer.arithmetic, layer.first, stream, n, left,
                   AddBias{layer.first.bias.data(), next, padded(layer.first.out)});
      stream = next;
    }
  }

  // ε_φ − ε in the place of ε_φ, zero in the padding.
  const std::int64_t ld = padded(features);
  for (std::int64_t row = 0; row < n; ++row) {
    double squares = 0;
    for (std::int64_t i = 0; i < features; ++i) {
      const float error = stream[row * ld + i] - epsilon[row * features + i];
      squares += static_cast<double>(error) * error;
      stream[row * ld + i] = error;
    }
    std::fill_n(stream + row * ld + features, ld - features, 0.0f);
    pass.squares[static_cast<std::size_t>(row)] = squares;
  }
}

void back(const PackedEmbeddedMlp& model, float scale, Pass& pass, Scratch& scratch) {
  const PackedProducts& second = model.embedding[1];
  const std::int64_t n = pass.rows, features = model.layers.back().first.out, in = model.layers.front().first.in;
  std::size_t stretch = model.backward.size() - 1;
  float* stream = on_tape(pass, model.backward[stretch]);
  for (std::int64_t i = 0; i < n * padded(features); ++i) stream[i] *= 2 * scale;  // ∂L/∂ε_φ
  float* left = scratch.left.data();
  for (auto layer = model.layers.rbegin(); layer != model.layers.rend(); ++layer) {
    if (layer->residual) {
      with_products(layer->arithmetic, [&](auto products) {
        block_vjp<decltype(products), true>(*layer, workspace(pass), stream, scratch.floats.data(),
                                            pass.tape.data() + layer->tape,
                                            pass.tape.data() + block_before(model.layers, *layer).tape);
      });
    } else {
      float* next = on_tape(pass, model.backward[--stretch]);
      thin_vjp(layer->arithmetic, layer->first, stream, n, left, Write{next, padded(layer->first.in)});
      stream = next;
    }
  }

  // stream holds ∂L/∂[x, e]; the gradients at both maps' results take the place of e and of the slope.
  float *embedded = on_tape(pass, model.embedded), *slope = on_tape(pass, model.slope);
  for (std::int64_t row = 0; row < n; ++row) {
    float* to = embedded + row * padded(second.out);
    std::fill(std::copy_n(stream + row * padded(in) + features, second.out, to), to + padded(second.out), 0.0f);
  }
  thin_vjp(model.arithmetic, second, embedded, n, left, Multiply<Float32Products>{slope, slope, padded(second.in)});
}

/// Kept is what the map's factors are on the tape.
template <class Products, class Kept>
void differentiate(const TrainedMap& map, std::int64_t begin, std::int64_t end, const std::vector<Pass>& passes,
                   std::int64_t number_of_passes, Scratch& scratch, const ResidualMlpGradient::Take& take) {
  using T = typename Products::T;
  constexpr std::int64_t block = ResidualMlpGradient::block;
  const std::int64_t in = map.view->in, ld = padded(in), ldg = padded(map.view->out);
  std::int64_t depth = 0;
  for (std::int64_t p = 0; p < number_of_passes; ++p) depth += passes[p].rows;
  const std::int64_t full_depth = rounded_up(depth, Products::depth_multiple);
  T* right = reinterpret_cast<T*>(scratch.factors.data());
  T* left = right + full_depth * ld;
  T* narrow = reinterpret_cast<T*>(scratch.left.data());
  const auto for_each_piece = [&](std::int64_t place, const auto& f) {
    std::int64_t at = 0;
    for (std::int64_t p = 0; p < number_of_passes; ++p) {
      const std::int64_t rows = passes[p].rows, next = at + rows;
      f(reinterpret_cast<const Kept*>(passes[p].tape.data() + place),
        Piece{at, rows, p + 1 < number_of_passes ? next : full_depth});
      at = next;
    }
  };
  for_each_piece(map.input, [&](const Kept* kept, const Piece& piece) {
    const auto a = as_factor<Products>(kept, ld, piece.rows, ld, narrow);
    Products::pack_right(a.a, a.ld, piece, depth, in, right);
  });
  for (std::int64_t first = begin; first < end; first += block) {
    const std::int64_t rows = std::min(block, end - first);
    float *weight = scratch.gradient.data(), *bias = weight + block * ld;
    std::fill_n(bias, block, 0.0f);
    for_each_piece(map.gradient, [&](const Kept* g, const Piece& piece) {
      const auto narrow_g = as_factor<Products>(g + first, ldg, piece.rows, padded(rows), narrow);
      Products::pack_left(narrow_g.a, narrow_g.ld, piece, depth, rows, left);
      for (std::int64_t row = 0; row < piece.rows; ++row)
        for (std::int64_t i = 0; i < padded(rows); i += lanes())
          store(hn::Add(load(bias + i), load(g + first + row * ldg + i)), bias + i);
    });
    Products::multiply_packed(left, right, rows, depth, ld, Write{weight, ld});
    if (ld != in)
      for (std::int64_t row = 1; row < rows; ++row) std::copy_n(weight + row * ld, in, weight + row * in);
    take(map.offset + first * in, weight, rows * in);
    take(map.offset + map.view->out * in + first, bias, rows);
  }
}

void differentiate_map(const TrainedMap& map, std::int64_t begin, std::int64_t end, const std::vector<Pass>& passes,
                       std::int64_t number_of_passes, Scratch& scratch, const ResidualMlpGradient::Take& take) {
  with_products(map.arithmetic, [&](auto products) {
    using Products = decltype(products);
    if (map.thin)
      differentiate<typename Products::Thin::Rough, float>(map, begin, end, passes, number_of_passes, scratch, take);
    else
      differentiate<Products, typename Products::T>(map, begin, end, passes, number_of_passes, scratch, take);
  });
}

/// Calls f with the products that a map is packed for.
template <class Function>
void with_products_of(const TrainedMap& map, const Function& f) {
  with_products(map.arithmetic, [&](auto products) {
    if (map.thin)
      f(typename decltype(products)::Thin());
    else
      f(products);
  });
}

void make_space_for(const TrainedMap& map) {
  with_products_of(map, [&](auto products) { make_space<decltype(products)>(*map.view, *map.packed); });
}
void pack(const TrainedMap& map, std::int64_t begin, std::int64_t end) {
  with_products_of(map, [&](auto products) { pack_rows_of<decltype(products)>(*map.view, begin, end, *map.packed); });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sda::kernels {

HWY_EXPORT(forward);
HWY_EXPORT(back);
HWY_EXPORT(differentiate_map);
HWY_EXPORT(make_space_for);
HWY_EXPORT(pack);

ResidualMlpGradient::ResidualMlpGradient(EmbeddedMlpView network, Arithmetic arithmetic)
    : network_(std::move(network)) {
  const auto floats_on_tape = [this](std::int64_t width) {
    const std::int64_t begin = tape_size_;
    tape_size_ += max_rows * padded(width) * std::int64_t{sizeof(float)};
    return begin;
  };
  std::int64_t offset = 0;
  const auto add = [&](const AffineView& view, PackedProducts& packed, Arithmetic kind, bool thin, std::int64_t g,
                       std::int64_t a) {
    maps_.push_back({&view, &packed, kind, thin, g, a, offset});
    offset += view.out * view.in + view.out;
    gradient_size_ = std::max(gradient_size_, block * (padded(view.in) + 1));
    packed_.widest = std::max({packed_.widest, padded(view.in), padded(view.out)});
    HWY_DYNAMIC_DISPATCH(make_space_for)(maps_.back());
  };
  const AffineView &first = network_.embedding[0], &second = network_.embedding[1];
  packed_.waves = floats_on_tape(first.in);
  packed_.hidden = floats_on_tape(first.out);
  packed_.slope = floats_on_tape(first.out);
  packed_.embedded = floats_on_tape(second.out);
  packed_.arithmetic = arithmetic;
  add(first, packed_.embedding[0], arithmetic, /*thin=*/true, packed_.slope, packed_.waves);
  add(second, packed_.embedding[1], arithmetic, /*thin=*/true, packed_.embedded, packed_.hidden);

  packed_.layers.resize(network_.layers.size());
  packed_.forward = {floats_on_tape(network_.layers.front().first.in)};
  packed_.backward = {floats_on_tape(network_.layers.front().first.in)};
  for (std::size_t i = 0; i < packed_.layers.size(); ++i) {
    const LayerView& view = network_.layers[i];
    PackedLayer& layer = packed_.layers[i];
    layer.residual = view.residual;
    layer.arithmetic = arithmetic_of(view, arithmetic);
    if (view.residual) {
      const BlockTapeLayout tape(padded(view.first.in), max_rows, bytes_of_value(layer.arithmetic), /*training=*/true);
      layer.tape = tape_size_;
      tape_size_ += tape.size;
      add(view.first, layer.first, layer.arithmetic, /*thin=*/false, layer.tape + tape.derivative,
          layer.tape + tape.normalised);
      add(view.second, layer.second, layer.arithmetic, /*thin=*/false, layer.tape + tape.gradient,
          layer.tape + tape.activation);
    } else {
      packed_.backward.push_back(floats_on_tape(view.first.out));
      add(view.first, layer.first, layer.arithmetic, /*thin=*/true, packed_.backward.back(), packed_.forward.back());
      packed_.forward.push_back(floats_on_tape(view.first.out));
    }
  }
  packed_.forward.back() = packed_.backward.back();  // ε_φ, and in its place ∂L/∂ε_φ
  std::stable_sort(maps_.begin(), maps_.end(), [](const TrainedMap& a, const TrainedMap& b) {
    return a.view->out * a.view->in > b.view->out * b.view->in;
  });
}

void ResidualMlpGradient::pack(std::int64_t map, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(pack)(maps_[static_cast<std::size_t>(map)], begin, end);
}

ResidualMlpGradient::Pass ResidualMlpGradient::make_pass() const {
  return {.tape = Aligned<std::byte>(static_cast<std::size_t>(tape_size_)), .squares = Aligned<double>(max_rows)};
}

ResidualMlpGradient::Scratch ResidualMlpGradient::make_scratch(std::int64_t rows) const {
  // The right factor of a map's gradient and a block of the left one, of float32 at most.
  const std::int64_t factors = rounded_up(rows, 32) * (padded(packed_.widest) + block) * std::int64_t{sizeof(float)};
  return {.rows = rows,
          .floats = Aligned<float>(static_cast<std::size_t>(max_rows * packed_.widest)),
          .left = Aligned<float>(static_cast<std::size_t>(thin_left * max_rows * packed_.widest)),
          .gradient = Aligned<float>(static_cast<std::size_t>(gradient_size_)),
          .factors = Aligned<std::byte>(static_cast<std::size_t>(factors))};
}

void ResidualMlpGradient::forward(const float* x, const float* t, const float* epsilon, std::int64_t n, Pass& pass,
                                  Scratch& scratch) const {
  HWY_DYNAMIC_DISPATCH(forward)(packed_, x, t, epsilon, n, pass, scratch);
}

void ResidualMlpGradient::back(float scale, Pass& pass, Scratch& scratch) const {
  HWY_DYNAMIC_DISPATCH(back)(packed_, scale, pass, scratch);
}

void ResidualMlpGradient::differentiate(std::int64_t map, std::int64_t begin, std::int64_t end,
                                        const std::vector<Pass>& passes, std::int64_t number_of_passes,
                                        Scratch& scratch, const Take& take) const {
  HWY_DYNAMIC_DISPATCH(differentiate_map)
  (maps_[static_cast<std::size_t>(map)], begin, end, passes, number_of_passes, scratch, take);
}

}  // namespace sda::kernels
#endif
