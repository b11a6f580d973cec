/// Forward, back and the weights' gradients of the residual MLP, for one instruction set.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/residual_mlp-inl.hpp"
#include "kernels/residual_mlp_gradient_passes.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {
namespace {

using Pass = ResidualMlpGradient::Pass;
using Scratch = ResidualMlpGradient::Scratch;

/// (cos, sin)(π j t), j = 1 … half, into a row of zeros behind: each angle is the one before, turned by π t.
void fourier_features(float t, std::int64_t half, float* to) {
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

}  // namespace

void mlp_training_forward(const PackedEmbeddedMlp& model, const float* x, const float* t, const float* epsilon,
                          std::int64_t n, Pass& pass, Scratch& scratch) {
  const PackedMatrix &first = model.embedding[0], &second = model.embedding[1];
  float *phases = on_tape(pass, model.fourier_features), *hidden = on_tape(pass, model.hidden),
        *embedded = on_tape(pass, model.embedded), *stream = on_tape(pass, model.forward.front());
  pass.rows = n;

  // e(t), beside x.
  for (std::int64_t row = 0; row < n; ++row) fourier_features(t[row], first.in / 2, phases + row * padded(first.in));
  float* left = scratch.left.data();
  linear_forward(
      model.arithmetic, first, phases, n, left,
      AddBiasThenSilu<Float32Gemm>{first.bias.data(), hidden, on_tape(pass, model.slope), padded(first.out)});
  linear_forward(model.arithmetic, second, hidden, n, left, AddBias{second.bias.data(), embedded, padded(second.out)});
  const std::int64_t features = model.layers.back().first.out, in = model.layers.front().first.in;
  for (std::int64_t row = 0; row < n; ++row) {
    float* to = std::copy_n(x + row * features, features, stream + row * padded(in));
    to = std::copy_n(embedded + row * padded(second.out), second.out, to);
    std::fill(to, stream + (row + 1) * padded(in), 0.0f);
  }

  std::size_t stretch = 0;
  for (const PackedLayer& layer : model.layers) {
    if (layer.residual) {
      with_gemm(layer.arithmetic, [&](auto products) {
        block_forward<decltype(products), true>(layer, workspace(pass), stream, pass.tape.data() + layer.tape);
      });
    } else {
      float* next = on_tape(pass, model.forward[++stretch]);
      linear_forward(layer.arithmetic, layer.first, stream, n, left,
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

void mlp_training_back(const PackedEmbeddedMlp& model, float scale, Pass& pass, Scratch& scratch) {
  const PackedMatrix& second = model.embedding[1];
  const std::int64_t n = pass.rows, features = model.layers.back().first.out, in = model.layers.front().first.in;
  std::size_t stretch = model.backward.size() - 1;
  float* stream = on_tape(pass, model.backward[stretch]);
  for (std::int64_t i = 0; i < n * padded(features); ++i) stream[i] *= 2 * scale;  // ∂L/∂ε_φ
  float* left = scratch.left.data();
  for (auto layer = model.layers.rbegin(); layer != model.layers.rend(); ++layer) {
    if (layer->residual) {
      with_gemm(layer->arithmetic, [&](auto products) {
        block_vjp<decltype(products), true>(*layer, workspace(pass), stream, scratch.floats.data(),
                                            pass.tape.data() + layer->tape,
                                            pass.tape.data() + block_before(model.layers, *layer).tape);
      });
    } else {
      float* next = on_tape(pass, model.backward[--stretch]);
      linear_vjp(layer->arithmetic, layer->first, stream, n, left, Write{next, padded(layer->first.in)});
      stream = next;
    }
  }

  // stream holds ∂L/∂[x, e]; the gradients at both maps' results take the place of e and of the slope.
  float *embedded = on_tape(pass, model.embedded), *slope = on_tape(pass, model.slope);
  for (std::int64_t row = 0; row < n; ++row) {
    float* to = embedded + row * padded(second.out);
    std::fill(std::copy_n(stream + row * padded(in) + features, second.out, to), to + padded(second.out), 0.0f);
  }
  linear_vjp(model.arithmetic, second, embedded, n, left, Multiply<Float32Gemm>{slope, slope, padded(second.in)});
}

namespace {

/// Kept is what the map's factors are on the tape.
template <class Gemm, class Kept>
void differentiate(const TrainedMap& map, std::int64_t begin, std::int64_t end, const std::vector<Pass>& passes,
                   std::int64_t number_of_passes, Scratch& scratch, const ResidualMlpGradient::Take& take) {
  using T = typename Gemm::T;
  constexpr std::int64_t block = ResidualMlpGradient::block;
  const std::int64_t in = map.view->in, ld = padded(in), ldg = padded(map.view->out);
  std::int64_t depth = 0;
  for (std::int64_t p = 0; p < number_of_passes; ++p) depth += passes[p].rows;
  const std::int64_t full_depth = rounded_up(depth, Gemm::depth_multiple);
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
    const auto a = as_factor<Gemm>(kept, ld, piece.rows, ld, narrow);
    Gemm::pack_right(a.a, a.ld, piece, depth, in, right);
  });
  for (std::int64_t first = begin; first < end; first += block) {
    const std::int64_t rows = std::min(block, end - first);
    float *weight = scratch.gradient.data(), *bias = weight + block * ld;
    std::fill_n(bias, block, 0.0f);
    for_each_piece(map.gradient, [&](const Kept* g, const Piece& piece) {
      const auto narrow_g = as_factor<Gemm>(g + first, ldg, piece.rows, padded(rows), narrow);
      Gemm::pack_left(narrow_g.a, narrow_g.ld, piece, depth, rows, left);
      for (std::int64_t row = 0; row < piece.rows; ++row)
        for (std::int64_t i = 0; i < padded(rows); i += lanes())
          store(hn::Add(load(bias + i), load(g + first + row * ldg + i)), bias + i);
    });
    Gemm::multiply_packed(left, right, rows, depth, ld, Write{weight, ld});
    if (ld != in)
      for (std::int64_t row = 1; row < rows; ++row) std::copy_n(weight + row * ld, in, weight + row * in);
    take(map.offset + first * in, weight, rows * in);
    take(map.offset + map.view->out * in + first, bias, rows);
  }
}

}  // namespace

void mlp_differentiate(const TrainedMap& map, std::int64_t begin, std::int64_t end, const std::vector<Pass>& passes,
                       std::int64_t number_of_passes, Scratch& scratch, const ResidualMlpGradient::Take& take) {
  with_gemm(map.arithmetic, [&](auto products) {
    using Gemm = decltype(products);
    if (map.linear)
      differentiate<typename Gemm::Precise::Rounded, float>(map, begin, end, passes, number_of_passes, scratch, take);
    else
      differentiate<Gemm, typename Gemm::T>(map, begin, end, passes, number_of_passes, scratch, take);
  });
}

namespace {

/// Calls f with the products that a map is packed for.
template <class Function>
void with_gemm_of(const TrainedMap& map, const Function& f) {
  with_gemm(map.arithmetic, [&](auto products) {
    if (map.linear)
      f(typename decltype(products)::Precise());
    else
      f(products);
  });
}

}  // namespace

void mlp_make_space(const TrainedMap& map) {
  with_gemm_of(map, [&](auto products) { make_space<decltype(products)>(*map.view, *map.packed); });
}
void mlp_pack_map(const TrainedMap& map, std::int64_t begin, std::int64_t end) {
  with_gemm_of(map, [&](auto products) { pack_rows_of<decltype(products)>(*map.view, begin, end, *map.packed); });
}

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();
