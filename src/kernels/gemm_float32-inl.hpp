// Matrix products in float32 (see gemm-inl.hpp), on vectors of any instruction set.
#pragma once

#include <algorithm>

#include "kernels/residual_mlp.hpp"
#include "kernels/vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {

/// A piece of a product's depth: `rows` of it from `begin`, both even unless it is the last, which zeros follow up to
/// `end` − 1.
struct Piece {
  std::int64_t begin, rows, end;
};

/// The left factor's element (row, depth) where its rows lie one after the other, and where its columns do.
template <class T>
struct RowByRow {
  const T* a;
  std::int64_t ld;
  HWY_INLINE const T& operator()(std::int64_t row, std::int64_t k) const { return a[row * ld + k]; }
  HWY_INLINE RowByRow from_row(std::int64_t row) const { return {a + row * ld, ld}; }
};
template <class T>
struct ColumnByColumn {
  const T* a;
  std::int64_t ld;
  HWY_INLINE const T& operator()(std::int64_t row, std::int64_t k) const { return a[k * ld + row]; }
  HWY_INLINE ColumnByColumn from_row(std::int64_t row) const { return {a + row, ld}; }
};

struct Float32Gemm {
  using T = float;
  static constexpr Arithmetic arithmetic = Arithmetic::float32;
  /// With two vectors of columns, what fits in the registers: 2 · 12 sums, 2 vectors of the right factor and one of the
  /// left are 27 of AVX-512's 32; 2 · 6 sums and those are 15 of 16. Twelve or more sums also cover a multiply-add's
  /// latency (4 cycles, two a cycle).
  static constexpr std::int64_t row_multiple = HWY_TARGET <= HWY_AVX3 ? 12 : 6;
  static constexpr std::int64_t third = row_multiple / 3;  ///< the last tile has a third, two thirds or all of them
  static constexpr std::int64_t depth_multiple = 1;

  static constexpr std::int64_t parts = 1;
  using Precise = Float32Gemm;
  using Rounded = Float32Gemm;

  static std::int64_t panel_columns() { return 2 * lanes(); }
  static HWY_INLINE void keep(V v, float* to) { store(v, to); }
  static const float* as_left(const float* rows, std::int64_t, std::int64_t, float*) { return rows; }

  /// W of a map, as the right factor of x Wᵀ and of g W.
  static void pack_map(const AffineView& map, std::int64_t begin, std::int64_t end, float* forward, float* backward) {
    const std::int64_t panel = panel_columns();
    for (std::int64_t first = begin; first < end; first += panel)
      for (std::int64_t c = 0; c < std::min(panel, end - first); ++c) {
        const float* from = map.weight + (first + c) * map.row_stride;
        float* to = forward + first * map.in + c;
        for (std::int64_t k = 0; k < map.in; ++k) to[k * panel] = from[k];
      }
    pack_right(map.weight + begin * map.row_stride, map.row_stride, {begin, end - begin, end}, map.out, map.in,
               backward);
  }

  /// Panels of columns, each (depth, panel).
  static void pack_right(const float* a, std::int64_t lda, Piece piece, std::int64_t depth, std::int64_t columns,
                         float* packed) {
    const std::int64_t panel = panel_columns();
    for (std::int64_t begin = 0; begin < padded(columns); begin += panel) {
      const std::int64_t inside = std::clamp<std::int64_t>(columns - begin, 0, panel);
      float* to = packed + begin * depth + piece.begin * panel;
      if (inside == panel) {
        for (std::int64_t row = 0; row < piece.rows; ++row, to += panel)
          for (std::int64_t c = 0; c < panel; c += lanes()) store(load(a + row * lda + begin + c), to + c);
        continue;
      }
      for (std::int64_t row = 0; row < piece.rows; ++row, to += panel)
        std::fill(std::copy_n(a + row * lda + begin, inside, to), to + panel, 0.0f);
    }
  }

  /// (depth, columns), row by row.
  static void pack_left(const float* g, std::int64_t ldg, Piece piece, std::int64_t, std::int64_t columns,
                        float* packed) {
    for (std::int64_t row = 0; row < piece.rows; ++row)
      std::copy_n(g + row * ldg, padded(columns), packed + (piece.begin + row) * padded(columns));
  }

  template <class Epilogue>
  static void multiply(const float* a, std::int64_t lda, std::int64_t rows, const float* packed, std::int64_t depth,
                       std::int64_t columns, const Epilogue& epilogue) {
    macro_kernel(RowByRow<float>{a, lda}, rows, packed, depth, columns, epilogue);
  }

  template <class Epilogue>
  static void multiply_packed(const float* left, const float* right, std::int64_t rows, std::int64_t depth,
                              std::int64_t columns, const Epilogue& epilogue) {
    macro_kernel(ColumnByColumn<float>{left, padded(rows)}, rows, right, depth, columns, epilogue);
  }

 private:
  template <class Left, class Epilogue>
  static HWY_INLINE void macro_kernel(Left left, std::int64_t rows, const float* packed, std::int64_t depth,
                                      std::int64_t columns, const Epilogue& epilogue) {
    for (std::int64_t column = 0; column < columns; column += panel_columns()) {
      const float* b = packed + column * depth;
      std::int64_t row = 0;
      for (; row + 2 * third < rows; row += row_multiple)
        micro_kernel<row_multiple>(left.from_row(row), b, depth, row, column, epilogue);
      if (row + third < rows)
        micro_kernel<2 * third>(left.from_row(row), b, depth, row, column, epilogue);
      else if (row < rows)
        micro_kernel<third>(left.from_row(row), b, depth, row, column, epilogue);
    }
  }

  template <std::int64_t count, class Left, class Epilogue>
  static HWY_INLINE void micro_kernel(Left a, const float* HWY_RESTRICT b, std::int64_t depth, std::int64_t row,
                                      std::int64_t column, const Epilogue& epilogue) {
    const D d;
    const std::int64_t n = lanes();
    V left[count], right[count];
#pragma GCC unroll 12
    for (int m = 0; m < count; ++m) left[m] = right[m] = hn::Zero(d);
    for (std::int64_t k = 0; k < depth; ++k) {
      const V b0 = hn::Load(d, b + 2 * n * k), b1 = hn::Load(d, b + 2 * n * k + n);
#pragma GCC unroll 12
      for (int m = 0; m < count; ++m) {
        const V value = hn::Set(d, a(m, k));
        left[m] = hn::MulAdd(value, b0, left[m]);
        right[m] = hn::MulAdd(value, b1, right[m]);
      }
    }
#pragma GCC unroll 12
    for (int m = 0; m < count; ++m) {
      epilogue(row + m, column, left[m]);
      epilogue(row + m, column + n, right[m]);
    }
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();
