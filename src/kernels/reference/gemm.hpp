/// Matrix products in plain loops: what gemm-inl.hpp does with vectors, tiles and packed panels. Read this first.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/residual_mlp.hpp"

namespace sda::kernels::reference {

/// Row by row.
using Values = std::vector<double>;

/// C = A B: a (rows, depth), b (depth, columns) → (rows, columns).
inline Values gemm(const Values& a, const Values& b, std::int64_t rows, std::int64_t depth, std::int64_t columns) {
  Values c(static_cast<std::size_t>(rows * columns));
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t k = 0; k < depth; ++k)
      for (std::int64_t column = 0; column < columns; ++column)
        c[row * columns + column] += a[row * depth + k] * b[k * columns + column];
  return c;
}

/// A linear map x Wᵀ + b: x (rows, in) → (rows, out).
inline Values linear(const AffineView& map, const Values& x, std::int64_t rows) {
  Values transposed(static_cast<std::size_t>(map.in * map.out));
  for (std::int64_t o = 0; o < map.out; ++o)
    for (std::int64_t i = 0; i < map.in; ++i) transposed[i * map.out + o] = map.weight[o * map.row_stride + i];
  Values y = gemm(x, transposed, rows, map.in, map.out);
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t o = 0; o < map.out; ++o) y[row * map.out + o] += map.bias[o];
  return y;
}

/// Its VJP g W: g (rows, out) → (rows, in).
inline Values linear_vjp(const AffineView& map, const Values& g, std::int64_t rows) {
  Values weight(static_cast<std::size_t>(map.out * map.in));
  for (std::int64_t o = 0; o < map.out; ++o)
    for (std::int64_t i = 0; i < map.in; ++i) weight[o * map.in + i] = map.weight[o * map.row_stride + i];
  return gemm(g, weight, rows, map.out, map.in);
}

}  // namespace sda::kernels::reference
