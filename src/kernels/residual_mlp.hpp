/// What the passes through a residual MLP share: layers as a network describes them, and packed for the kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/aligned.hpp"
#include "kernels/arithmetic.hpp"

namespace sda::kernels {

/// W (out, in), rows `row_stride` apart, and b (out), as a network holds them.
struct AffineView {
  const float* weight;
  const float* bias;
  std::int64_t in, out;
  std::int64_t row_stride;
};

/// One layer as a network describes it: h ← W h + b, or h ← h + W₂ silu(W₁ norm(h) + b₁) + b₂.
struct LayerView {
  bool residual;
  AffineView first;   ///< W, or W₁ of a residual block
  AffineView second;  ///< W₂
};

struct PackedLayer {
  bool residual = false;
  Arithmetic arithmetic = Arithmetic::float32;
  PackedMatrix first{}, second{};
  std::int64_t tape = 0;  ///< where this layer's part of the tape begins, in bytes
};

/// The most rows of one pass: a multiple of every product's row_multiple.
inline constexpr std::int64_t max_rows = 192;

/// Floats of working memory for each value that a linear map between blocks is given.
inline constexpr std::int64_t linear_left = 2;

/// What a layer multiplies in when the network is asked for `arithmetic`: narrow blocks are little work, so they stay
/// in float32; a linear map takes the products' Precise, for the last one gives the result.
inline Arithmetic arithmetic_of(const LayerView& layer, Arithmetic arithmetic) {
  constexpr std::int64_t narrow = 64;
  return layer.residual && layer.first.in < narrow ? Arithmetic::float32 : arithmetic;
}

/// Where a residual block's part of the tape holds what, in bytes from its begin; (capacity, padded width) values each,
/// and one float a row of `inverse`. In training the VJP leaves ∂L/∂(W₁'s result) in place of `derivative`.
struct BlockTapeLayout {
  std::int64_t normalised, derivative, inverse, activation, gradient, size;
  BlockTapeLayout(std::int64_t padded_width, std::int64_t capacity, std::int64_t bytes, bool training) {
    const std::int64_t rows = capacity * padded_width * bytes;
    normalised = 0;
    derivative = rows;
    inverse = 2 * rows;
    activation = rounded_up(inverse + capacity * std::int64_t{sizeof(float)}, 64);
    gradient = activation + (training ? rows : 0);
    size = gradient + (training ? rows : 0);
  }
};

}  // namespace sda::kernels
