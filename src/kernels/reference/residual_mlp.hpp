/// The residual MLP in plain loops, forward and VJP: what residual_mlp_kernel.hpp does panel by panel in cache.
#pragma once

#include "kernels/reference/gemm.hpp"

namespace sda::kernels::reference {

inline double silu(double a) {
  return a / (1 + std::exp(-a));
}
/// s + a s (1 − s) with s = 1/(1 + e^−a).
inline double silu_derivative(double a) {
  const double s = 1 / (1 + std::exp(-a));
  return s + a * s * (1 - s);
}

/// y = (x − mean) / √(unbiased variance + 1e-5) of each row of `width` values, and that factor of each row.
struct Normalised {
  Values y, inverse;
};
inline Normalised normalise(const Values& x, std::int64_t width) {
  Normalised of{x, {}};
  for (std::size_t row = 0; row < x.size(); row += width) {
    double mean = 0, squares = 0;
    for (std::int64_t i = 0; i < width; ++i) mean += x[row + i] / static_cast<double>(width);
    for (std::int64_t i = 0; i < width; ++i) squares += (x[row + i] - mean) * (x[row + i] - mean);
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(width - 1) + 1e-5);
    for (std::int64_t i = 0; i < width; ++i) of.y[row + i] = (x[row + i] - mean) * inverse;
    of.inverse.push_back(inverse);
  }
  return of;
}
/// inverse (g − mean g − y Σ g y / (width − 1)).
inline Values normalise_vjp(const Normalised& of, const Values& g, std::int64_t width) {
  Values result = g;
  for (std::size_t row = 0; row < g.size(); row += width) {
    double mean = 0, slope = 0;
    for (std::int64_t i = 0; i < width; ++i) mean += g[row + i] / static_cast<double>(width);
    for (std::int64_t i = 0; i < width; ++i) slope += g[row + i] * of.y[row + i] / static_cast<double>(width - 1);
    for (std::int64_t i = 0; i < width; ++i)
      result[row + i] = of.inverse[row / width] * (g[row + i] - mean - of.y[row + i] * slope);
  }
  return result;
}

/// What a residual block keeps for its VJP.
struct BlockRecord {
  Normalised normalised;
  Values derivative;
};

/// The network's result for x (rows, in), and a record of each layer (empty for a linear map).
struct MlpRecord {
  Values result;
  std::vector<BlockRecord> blocks;
};
inline MlpRecord mlp_forward(const std::vector<LayerView>& layers, const Values& x, std::int64_t rows) {
  MlpRecord record{x, {}};
  Values& h = record.result;
  for (const LayerView& layer : layers) {
    BlockRecord& block = record.blocks.emplace_back();
    if (!layer.residual) {
      h = linear(layer.first, h, rows);
      continue;
    }
    block.normalised = normalise(h, layer.first.in);
    Values a = linear(layer.first, block.normalised.y, rows);
    for (double& value : a) {
      block.derivative.push_back(silu_derivative(value));
      value = silu(value);
    }
    const Values residual = linear(layer.second, a, rows);
    for (std::size_t i = 0; i < h.size(); ++i) h[i] += residual[i];
  }
  return record;
}

/// v (rows, out) → vᵀ ∂result/∂x (rows, in).
inline Values mlp_vjp(const std::vector<LayerView>& layers, const MlpRecord& record, Values v, std::int64_t rows) {
  for (std::size_t i = layers.size(); i-- > 0;) {
    const LayerView& layer = layers[i];
    if (!layer.residual) {
      v = linear_vjp(layer.first, v, rows);
      continue;
    }
    const BlockRecord& block = record.blocks[i];
    Values inner = linear_vjp(layer.second, v, rows);
    for (std::size_t j = 0; j < inner.size(); ++j) inner[j] *= block.derivative[j];
    const Values through = normalise_vjp(block.normalised, linear_vjp(layer.first, inner, rows), layer.first.in);
    for (std::size_t j = 0; j < v.size(); ++j) v[j] += through[j];
  }
  return v;
}

}  // namespace sda::kernels::reference
