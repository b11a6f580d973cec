// How bfloat16 factors are packed, and their products by AVX512_BF16's dot products (see gemm-inl.hpp).
#pragma once

#include "kernels/gemm_float32-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {

/// What both kinds of bfloat16 product share: blocks of 16 columns, each (depth / 2, 16, 2): the pairs that one
/// instruction multiplies and adds lie side by side.
struct BFloat16Packing {
  using T = BFloat16;
  static constexpr std::int64_t depth_multiple = 32;
  static constexpr std::int64_t parts = 1;

  /// W of a map, as the right factor of x Wᵀ and of g W.
  static void pack_map(const AffineView& map, std::int64_t first, std::int64_t end, BFloat16* forward,
                       BFloat16* backward) {
    pack_parts<1>(map, first, end, forward, backward, narrow_row);
  }

  /// The same of depths that hold `parts` factors one after the other: narrow(row of W, values, to the first part's
  /// row, how far it is to the next part's).
  template <std::int64_t parts, class Narrow>
  static void pack_parts(const AffineView& map, std::int64_t first, std::int64_t end, BFloat16* forward,
                         BFloat16* backward, const Narrow& narrow) {
    const std::int64_t ld = padded(map.in), depth = padded(map.out), apart = 16 * ld;
    Aligned<BFloat16> rows(static_cast<std::size_t>(parts * apart));
    for (std::int64_t begin = first; begin < end; begin += 16) {
      // 16 rows of W are a block of columns of Wᵀ, and 8 pairs of W's depth.
      const std::int64_t inside = std::min<std::int64_t>(16, end - begin);
      if (inside < 16) std::fill(rows.begin(), rows.end(), BFloat16{0});
      for (std::int64_t row = 0; row < inside; ++row)
        narrow(map.weight + (begin + row) * map.row_stride, map.in, rows.data() + row * ld, apart);
      for (std::int64_t part = 0; part < parts; ++part) {
        const BFloat16* from = rows.data() + part * apart;
        for (std::int64_t pair = 0; pair < ld / 2; pair += 16)
          transpose_pairs(from + 2 * pair, ld, forward + (begin * parts + 16 * part) * ld + 32 * pair, 32);
        const std::int64_t at = part * depth + begin;
        pack_right(from, ld, {at, inside, at + 16}, parts * depth, map.in, backward);
      }
    }
  }

  static void narrow_row(const float* from, std::int64_t n, BFloat16* to, std::int64_t = 0) {
    std::int64_t i = 0;
    for (; i + lanes() <= n; i += lanes()) store(load(from + i), to + i);
    for (; i < n; ++i) assign(from[i], to[i]);
  }

  /// 16 × 16 pairs.
  static HWY_INLINE void transpose_pairs(const BFloat16* from, std::int64_t ld, BFloat16* to, std::int64_t ld_to) {
#if SDA_AVX512
    // Four rows at a time: within each 128 bits, then those one under the other.
    for (int group = 0; group < 4; ++group) {
      __m512i row[4];
      for (int i = 0; i < 4; ++i) row[i] = _mm512_loadu_si512(from + (4 * group + i) * ld);
      const __m512i a = _mm512_unpacklo_epi32(row[0], row[1]), b = _mm512_unpackhi_epi32(row[0], row[1]);
      const __m512i c = _mm512_unpacklo_epi32(row[2], row[3]), d = _mm512_unpackhi_epi32(row[2], row[3]);
      const __m512i column[4] = {_mm512_unpacklo_epi64(a, c), _mm512_unpackhi_epi64(a, c), _mm512_unpacklo_epi64(b, d),
                                 _mm512_unpackhi_epi64(b, d)};
      const auto put = [&](int quarter, int i, __m128i values) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + ld_to * (4 * quarter + i) + 8 * group), values);
      };
      for (int i = 0; i < 4; ++i) {
        put(0, i, _mm512_extracti32x4_epi32(column[i], 0));
        put(1, i, _mm512_extracti32x4_epi32(column[i], 1));
        put(2, i, _mm512_extracti32x4_epi32(column[i], 2));
        put(3, i, _mm512_extracti32x4_epi32(column[i], 3));
      }
    }
#else
    for (std::int64_t pair = 0; pair < 16; ++pair)
      for (std::int64_t row = 0; row < 16; ++row)
        std::memcpy(to + pair * ld_to + 2 * row, from + row * ld + 2 * pair, 2 * sizeof(BFloat16));
#endif
  }

  /// Rows 2 pair and 2 pair + 1 of a (rows, ≥ 32), 16 columns from `column` and the next 16, interleaved; zero beyond
  /// the rows.
  static HWY_INLINE void interleave(const BFloat16* a, std::int64_t lda, std::int64_t rows, std::int64_t pair,
                                    std::int64_t column, BFloat16* to, BFloat16* to_next) {
    const BFloat16* from = a + 2 * pair * lda + column;
#if SDA_AVX512
    __m512i even = _mm512_setzero_si512(), odd = even;
    if (2 * pair < rows) even = _mm512_loadu_si512(from);
    if (2 * pair + 1 < rows) odd = _mm512_loadu_si512(from + lda);
    alignas(64) static constexpr std::uint16_t order[2][32] = {
        {0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
         8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47},
        {16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55,
         24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63}};
    _mm512_storeu_si512(to, _mm512_permutex2var_epi16(even, _mm512_load_si512(order[0]), odd));
    _mm512_storeu_si512(to_next, _mm512_permutex2var_epi16(even, _mm512_load_si512(order[1]), odd));
#else
    const hn::Rebind<std::uint32_t, D> wide;
    const hn::Rebind<BFloat16, D> narrow;
    for (std::int64_t c = 0; c < 32; c += lanes()) {
      auto both = hn::Zero(wide);
      if (2 * pair < rows) both = hn::PromoteTo(wide, hn::LoadU(narrow, from + c));
      if (2 * pair + 1 < rows)
        both = hn::Or(both, hn::ShiftLeft<16>(hn::PromoteTo(wide, hn::LoadU(narrow, from + lda + c))));
      hn::StoreU(both, wide, reinterpret_cast<std::uint32_t*>(c < 16 ? to : to_next) + c % 16);
    }
#endif
  }

  static void pack_right(const BFloat16* a, std::int64_t lda, Piece piece, std::int64_t depth, std::int64_t columns,
                         BFloat16* packed) {
    const std::int64_t block = 16 * rounded_up(depth, depth_multiple), pairs = (piece.end - piece.begin + 1) / 2;
    for (std::int64_t column = 0; column < padded(columns); column += 32) {
      BFloat16* to = packed + column / 16 * block + 16 * piece.begin;
      for (std::int64_t pair = 0; pair < pairs; ++pair, to += 32)
        interleave(a, lda, piece.rows, pair, column, to, to + block);
    }
  }
};

#if SDA_AVX512
#define SDA_WITH_AVX512_BF16 __attribute__((target("avx512bf16")))

/// Rounded to nearest by the processor.
HWY_INLINE void narrow(V v, BFloat16* to) {
  __m256i halves;
  asm("vcvtneps2bf16 %1, %0" : "=v"(halves) : "v"(v.raw));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), halves);
}

struct BFloat16DotGemm : BFloat16Packing {
  static constexpr Arithmetic arithmetic = Arithmetic::bfloat16_avx512;
  static constexpr std::int64_t row_multiple = 12;  ///< as for float32: 27 of 32 registers
  static constexpr std::int64_t third = row_multiple / 3;
  using Precise = Float32Gemm;
  static HWY_INLINE void keep(V v, BFloat16* to) { narrow(v, to); }

  template <class Epilogue>
  static void multiply(const BFloat16* a, std::int64_t lda, std::int64_t rows, const BFloat16* packed,
                       std::int64_t depth, std::int64_t columns, const Epilogue& epilogue) {
    macro_kernel(RowByRow<Pair>{reinterpret_cast<const Pair*>(a), lda / 2}, rows, packed, depth, columns, epilogue);
  }

  /// (depth / 2, columns, 2): pairs side by side, as in the right factor.
  static void pack_left(const BFloat16* g, std::int64_t ldg, Piece piece, std::int64_t, std::int64_t columns,
                        BFloat16* packed) {
    const std::int64_t ld = padded(columns);
    BFloat16* to = packed + piece.begin * ld;
    for (std::int64_t pair = 0; pair < (piece.end - piece.begin + 1) / 2; ++pair)
      for (std::int64_t column = 0; column < ld; column += 32, to += 64)
        interleave(g, ldg, piece.rows, pair, column, to, to + 32);
  }

  template <class Epilogue>
  static void multiply_packed(const BFloat16* left, const BFloat16* right, std::int64_t rows, std::int64_t depth,
                              std::int64_t columns, const Epilogue& epilogue) {
    macro_kernel(ColumnByColumn<Pair>{reinterpret_cast<const Pair*>(left), padded(rows)}, rows, right, depth, columns,
                 epilogue);
  }

 private:
  struct __attribute__((may_alias)) Pair {
    std::int32_t bits;
  };

  template <class Left, class Epilogue>
  static SDA_WITH_AVX512_BF16 void macro_kernel(Left left, std::int64_t rows, const BFloat16* packed,
                                                std::int64_t depth, std::int64_t columns, const Epilogue& epilogue) {
    const std::int64_t block = 16 * rounded_up(depth, depth_multiple), pairs = (depth + 1) / 2;
    for (std::int64_t column = 0; column < columns; column += 32) {
      const BFloat16* b = packed + column / 16 * block;
      std::int64_t row = 0;
      for (; row + 2 * third < rows; row += row_multiple)
        micro_kernel<row_multiple>(left.from_row(row), b, block, pairs, row, column, epilogue);
      if (row + third < rows)
        micro_kernel<2 * third>(left.from_row(row), b, block, pairs, row, column, epilogue);
      else if (row < rows)
        micro_kernel<third>(left.from_row(row), b, block, pairs, row, column, epilogue);
    }
  }

  template <std::int64_t count, class Left, class Epilogue>
  static HWY_INLINE SDA_WITH_AVX512_BF16 void micro_kernel(Left a, const BFloat16* b, std::int64_t block,
                                                           std::int64_t pairs, std::int64_t row, std::int64_t column,
                                                           const Epilogue& epilogue) {
    __m512 left[count], right[count];
#pragma GCC unroll 12
    for (int m = 0; m < count; ++m) left[m] = right[m] = _mm512_setzero_ps();
    for (std::int64_t k = 0; k < pairs; ++k) {
      const auto b0 = (__m512bh)_mm512_load_si512(b + 32 * k), b1 = (__m512bh)_mm512_load_si512(b + 32 * k + block);
#pragma GCC unroll 12
      for (int m = 0; m < count; ++m) {
        const auto value = (__m512bh)_mm512_set1_epi32(a(m, k).bits);
        left[m] = _mm512_dpbf16_ps(left[m], value, b0);
        right[m] = _mm512_dpbf16_ps(right[m], value, b1);
      }
    }
#pragma GCC unroll 12
    for (int m = 0; m < count; ++m) {
      epilogue(row + m, column, V{left[m]});
      epilogue(row + m, column + 16, V{right[m]});
    }
  }
};
#endif  // SDA_AVX512

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();
