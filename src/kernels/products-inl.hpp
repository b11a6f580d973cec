// Matrix products for panels of rows: (rows, depth) × (depth, columns), the right factor packed once, the result handed
// vector by vector to an epilogue, so that no product is written only to be read again. Per instruction set (Highway).
//
// A kind of product says how its factors are stored and multiplied:
//   T                    float or BFloat16
//   arithmetic           what it is called outside
//   keep                 a vector into memory as T
//   row_multiple         rows are multiplied in tiles of so many: buffers hold rounded_up(rows, row_multiple) of them,
//                        and what the rows beyond are given and become does not matter
//   depth_multiple       depth is padded with zeros to a multiple of this
//   pack_map             rows begin … end − 1 of a linear map's weights as right factors, for both directions; begin a
//                        multiple of 32, end too or the last
//   multiply             epilogue(row, column, vector) for all tiles of a B
//   parts                a factor that is a sum of bfloat16 values has so many terms one after the other in its depth
//   Thin                 products for the linear maps between blocks, whose factors are float32; they have
//   as_left              rows of float32 (rows, ld) as a left factor (rows, parts · ld), themselves or in `buffer`
//   Rough                Thin's counterpart for the gradients of weights
// and for gᵀ a, the gradient of a linear map's weights, whose depth is the rows of a batch, in pieces (Piece):
//   pack_right           rows of a (rows, columns) into the right factor, (depth, columns)
//   pack_left            rows of g (rows, columns) into the left factor, (columns, depth)
//   multiply_packed      the same as `multiply` for factors packed so

#if defined(SDA_SCORE_KERNELS_PRODUCTS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SDA_SCORE_KERNELS_PRODUCTS_INL
#undef SDA_SCORE_KERNELS_PRODUCTS_INL
#else
#define SDA_SCORE_KERNELS_PRODUCTS_INL
#endif

#include <hwy/highway.h>

#undef SDA_AVX512
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
#include <immintrin.h>
#define SDA_AVX512 1
#else
#define SDA_AVX512 0
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "kernels/residual_mlp.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
using BFloat16 = std::uint16_t;  ///< the upper half of a float32

HWY_INLINE std::int64_t lanes() {
  return static_cast<std::int64_t>(hn::Lanes(D()));
}

HWY_INLINE V load(const float* from) {
  return hn::LoadU(D(), from);
}
HWY_INLINE void store(V v, float* to) {
  hn::StoreU(v, D(), to);
}
HWY_INLINE V load(const BFloat16* from) {
  const hn::Rebind<std::uint32_t, D> wide;
  return hn::BitCast(D(), hn::ShiftLeft<16>(hn::PromoteTo(wide, hn::LoadU(hn::Rebind<BFloat16, D>(), from))));
}
/// Rounded to nearest, ties to even.
HWY_INLINE void store(V v, BFloat16* to) {
  const hn::Rebind<std::int32_t, D> wide;
  const hn::Rebind<std::uint32_t, D> bits;
  const hn::Rebind<BFloat16, D> narrow;
  const auto u = hn::BitCast(bits, v);
  const auto odd = hn::And(hn::ShiftRight<16>(u), hn::Set(bits, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(u, hn::Add(odd, hn::Set(bits, 0x7fff))));
  hn::StoreU(hn::DemoteTo(narrow, hn::BitCast(wide, rounded)), narrow, to);
}

HWY_INLINE void assign(float value, float& to) {
  to = value;
}
HWY_INLINE void assign(float value, BFloat16& to) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  to = static_cast<BFloat16>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float wide(BFloat16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value) << 16;
  float result = 0;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

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

struct Float32Products {
  using T = float;
  static constexpr Arithmetic arithmetic = Arithmetic::float32;
  /// With two vectors of columns, what fits in 32 or in 16 registers.
  static constexpr std::int64_t row_multiple = HWY_TARGET <= HWY_AVX3 ? 12 : 6;
  static constexpr std::int64_t third = row_multiple / 3;  ///< the last tile has a third, two thirds or all of them
  static constexpr std::int64_t depth_multiple = 1;

  static constexpr std::int64_t parts = 1;
  using Thin = Float32Products;
  using Rough = Float32Products;

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
    tiles(RowByRow<float>{a, lda}, rows, packed, depth, columns, epilogue);
  }

  template <class Epilogue>
  static void multiply_packed(const float* left, const float* right, std::int64_t rows, std::int64_t depth,
                              std::int64_t columns, const Epilogue& epilogue) {
    tiles(ColumnByColumn<float>{left, padded(rows)}, rows, right, depth, columns, epilogue);
  }

 private:
  template <class Left, class Epilogue>
  static HWY_INLINE void tiles(Left left, std::int64_t rows, const float* packed, std::int64_t depth,
                               std::int64_t columns, const Epilogue& epilogue) {
    for (std::int64_t column = 0; column < columns; column += panel_columns()) {
      const float* b = packed + column * depth;
      std::int64_t row = 0;
      for (; row + 2 * third < rows; row += row_multiple)
        tile<row_multiple>(left.from_row(row), b, depth, row, column, epilogue);
      if (row + third < rows)
        tile<2 * third>(left.from_row(row), b, depth, row, column, epilogue);
      else if (row < rows)
        tile<third>(left.from_row(row), b, depth, row, column, epilogue);
    }
  }

  template <std::int64_t count, class Left, class Epilogue>
  static HWY_INLINE void tile(Left a, const float* HWY_RESTRICT b, std::int64_t depth, std::int64_t row,
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

struct BFloat16Avx512Products : BFloat16Packing {
  static constexpr Arithmetic arithmetic = Arithmetic::bfloat16_avx512;
  static constexpr std::int64_t row_multiple = 12;
  static constexpr std::int64_t third = row_multiple / 3;  ///< as for float32
  using Thin = Float32Products;
  static HWY_INLINE void keep(V v, BFloat16* to) { narrow(v, to); }

  template <class Epilogue>
  static void multiply(const BFloat16* a, std::int64_t lda, std::int64_t rows, const BFloat16* packed,
                       std::int64_t depth, std::int64_t columns, const Epilogue& epilogue) {
    tiles(RowByRow<Pair>{reinterpret_cast<const Pair*>(a), lda / 2}, rows, packed, depth, columns, epilogue);
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
    tiles(ColumnByColumn<Pair>{reinterpret_cast<const Pair*>(left), padded(rows)}, rows, right, depth, columns,
          epilogue);
  }

 private:
  struct __attribute__((may_alias)) Pair {
    std::int32_t bits;
  };

  template <class Left, class Epilogue>
  static SDA_WITH_AVX512_BF16 void tiles(Left left, std::int64_t rows, const BFloat16* packed, std::int64_t depth,
                                         std::int64_t columns, const Epilogue& epilogue) {
    const std::int64_t block = 16 * rounded_up(depth, depth_multiple), pairs = (depth + 1) / 2;
    for (std::int64_t column = 0; column < columns; column += 32) {
      const BFloat16* b = packed + column / 16 * block;
      std::int64_t row = 0;
      for (; row + 2 * third < rows; row += row_multiple)
        tile<row_multiple>(left.from_row(row), b, block, pairs, row, column, epilogue);
      if (row + third < rows)
        tile<2 * third>(left.from_row(row), b, block, pairs, row, column, epilogue);
      else if (row < rows)
        tile<third>(left.from_row(row), b, block, pairs, row, column, epilogue);
    }
  }

  template <std::int64_t count, class Left, class Epilogue>
  static HWY_INLINE SDA_WITH_AVX512_BF16 void tile(Left a, const BFloat16* b, std::int64_t block, std::int64_t pairs,
                                                   std::int64_t row, std::int64_t column, const Epilogue& epilogue) {
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

/// The processor's tiles: 0 … 3 hold sums (16 × 16 float32), 4 and 5 the left factor (16 × 32), 6 and 7 the right one.
/// In assembler, because the intrinsics take no tile numbers from a template.
struct HardwareTiles {
  static HWY_INLINE void keep(V v, BFloat16* to) { narrow(v, to); }
  static void begin() {
    struct alignas(64) Configuration {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t bytes_of_row[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    };
    const Configuration configuration;
    asm volatile("ldtilecfg %0" ::"m"(configuration));
  }
  static void end() { asm volatile("tilerelease"); }
  template <int tile>
  static HWY_INLINE void zero() {
    asm volatile("tilezero %%tmm%c0" ::"i"(tile));
  }
  template <int tile>
  static HWY_INLINE void load(const BFloat16* from, std::int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(2 * stride), "i"(tile) : "memory");
  }
  template <int sum, int left, int right>
  static HWY_INLINE void multiply_add() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sum), "i"(left), "i"(right));
  }
  template <int tile>
  static HWY_INLINE void store(float* to, std::int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(4 * stride), "i"(tile) : "memory");
  }
};
#endif  // SDA_AVX512

/// The same in plain loops.
struct EmulatedTiles {
  static HWY_INLINE void keep(V v, BFloat16* to) { HWY_NAMESPACE::store(v, to); }
  static float* sums(int tile) {
    alignas(64) static thread_local float values[4][256];
    return values[tile];
  }
  static const BFloat16*& place(int tile) {
    static thread_local const BFloat16* places[8];
    return places[tile];
  }
  static std::int64_t& stride_of(int tile) {
    static thread_local std::int64_t strides[8];
    return strides[tile];
  }
  static void begin() {}
  static void end() {}
  template <int tile>
  static void zero() {
    std::fill_n(sums(tile), 256, 0.0f);
  }
  template <int tile>
  static void load(const BFloat16* from, std::int64_t stride) {
    place(tile) = from;
    stride_of(tile) = stride;
  }
  template <int sum, int left, int right>
  static void multiply_add() {
    float* to = sums(sum);
    const BFloat16 *a = place(left), *b = place(right);
    const std::int64_t lda = stride_of(left), ldb = stride_of(right);
    for (std::int64_t row = 0; row < 16; ++row)
      for (std::int64_t pair = 0; pair < 16; ++pair)
        for (std::int64_t column = 0; column < 16; ++column)
          for (std::int64_t half = 0; half < 2; ++half)
            to[row * 16 + column] += wide(a[row * lda + 2 * pair + half]) * wide(b[pair * ldb + 2 * column + half]);
  }
  template <int tile>
  static void store(float* to, std::int64_t stride) {
    for (std::int64_t row = 0; row < 16; ++row) std::copy_n(sums(tile) + 16 * row, 16, to + row * stride);
  }
};

template <class Tiles>
struct SplitTileProducts;

/// Two by two tiles of sums, so that every tile that is loaded is multiplied twice.
template <class Tiles>
struct BFloat16TileProducts : BFloat16Packing {
  static constexpr Arithmetic arithmetic = Arithmetic::bfloat16_tiles;  // or by hardware, which is the same
  static constexpr std::int64_t row_multiple = 32;
  using Thin = SplitTileProducts<Tiles>;
  static HWY_INLINE void keep(V v, BFloat16* to) { Tiles::keep(v, to); }

  /// gᵀ, row by row.
  static void pack_left(const BFloat16* g, std::int64_t ldg, Piece piece, std::int64_t depth, std::int64_t columns,
                        BFloat16* packed) {
    const std::int64_t ld = rounded_up(depth, depth_multiple), whole = piece.rows - piece.rows % 32;
    alignas(64) BFloat16 pairs[2][16 * 32];
    for (std::int64_t column = 0; column < padded(columns); column += 32) {
      BFloat16* to = packed + column * ld + piece.begin;
      for (std::int64_t row = 0; row < whole; row += 32) {
        for (std::int64_t pair = 0; pair < 16; ++pair)
          interleave(g + row * ldg, ldg, 32, pair, column, pairs[0] + 32 * pair, pairs[1] + 32 * pair);
        transpose_pairs(pairs[0], 32, to + row, ld);
        transpose_pairs(pairs[1], 32, to + 16 * ld + row, ld);
      }
      for (std::int64_t row = whole; row < piece.end - piece.begin; ++row)
        for (std::int64_t c = 0; c < 32; ++c)
          to[c * ld + row] = row < piece.rows ? g[row * ldg + column + c] : BFloat16{0};
    }
  }

  template <class Epilogue>
  static void multiply_packed(const BFloat16* left, const BFloat16* right, std::int64_t rows, std::int64_t depth,
                              std::int64_t columns, const Epilogue& epilogue) {
    multiply(left, rounded_up(depth, depth_multiple), rows, right, depth, columns, epilogue);
  }

  template <class Epilogue>
  static void multiply(const BFloat16* a, std::int64_t lda, std::int64_t rows, const BFloat16* packed,
                       std::int64_t depth, std::int64_t columns, const Epilogue& epilogue) {
    constexpr std::int64_t side = 32;
    alignas(64) float sums[2][side * side];
    const std::int64_t full_depth = rounded_up(depth, depth_multiple), block = 16 * full_depth;
    // While a block is multiplied the one before it goes through the epilogue, some rows a step: tiles and vectors are
    // different parts of the processor, and neither then waits for the other.
    struct Finished {
      const float* sums;
      std::int64_t row, column;
    };
    Finished before{sums[1], 0, 0};
    const auto hand_on = [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r)
        for (std::int64_t c = 0; c < side; c += lanes())
          epilogue(before.row + r, before.column + c, hn::Load(D(), before.sums + side * r + c));
    };
    const std::int64_t steps = std::max<std::int64_t>(1, full_depth / depth_multiple),
                       share = (side + steps - 1) / steps;
    std::int64_t handed_on = side;  // of the block before; there is none yet
    Tiles::begin();
    for (std::int64_t row = 0; row < rows; row += row_multiple)
      for (std::int64_t column = 0; column < columns; column += side) {
        Tiles::template zero<0>();
        Tiles::template zero<1>();
        Tiles::template zero<2>();
        Tiles::template zero<3>();
        const BFloat16 *b = packed + column / 16 * block, *from = a + row * lda;
        for (std::int64_t k = 0; k < full_depth; k += depth_multiple) {
          Tiles::template load<4>(from + k, lda);
          Tiles::template load<6>(b + 16 * k, 32);
          Tiles::template multiply_add<0, 4, 6>();
          Tiles::template load<7>(b + 16 * k + block, 32);
          Tiles::template multiply_add<1, 4, 7>();
          Tiles::template load<5>(from + 16 * lda + k, lda);
          Tiles::template multiply_add<2, 5, 6>();
          Tiles::template multiply_add<3, 5, 7>();
          const std::int64_t next = std::min(side, handed_on + share);
          hand_on(handed_on, next);
          handed_on = next;
        }
        float* to = before.sums == sums[0] ? sums[1] : sums[0];
        Tiles::template store<0>(to, side);
        Tiles::template store<1>(to + 16, side);
        Tiles::template store<2>(to + 16 * side, side);
        Tiles::template store<3>(to + 16 * side + 16, side);
        before = {to, row, column};
        handed_on = 0;
      }
    hand_on(handed_on, side);
    Tiles::end();
  }
};

/// Float32 factors by tiles, each as the sum of the bfloat16 value next to it and the one next to what remains:
/// a b ≈ a₁ b₁ + a₂ b₁ + a₁ b₂, to 2⁻¹⁶ of the factors.
template <class Tiles>
struct SplitTileProducts : BFloat16TileProducts<Tiles> {
  using Rough = BFloat16TileProducts<Tiles>;
  static constexpr std::int64_t parts = 3;

  /// [a₁, a₂, a₁]
  static const BFloat16* as_left(const float* rows, std::int64_t n, std::int64_t ld, BFloat16* buffer) {
    for (std::int64_t row = 0; row < n; ++row, rows += ld, buffer += parts * ld)
      for (std::int64_t i = 0; i < ld; i += lanes()) {
        const V v = load(rows + i);
        Tiles::keep(v, buffer + i);
        Tiles::keep(v, buffer + 2 * ld + i);
        Tiles::keep(hn::Sub(v, load(buffer + i)), buffer + ld + i);
      }
    return buffer - n * parts * ld;
  }

  /// [b₁, b₁, b₂]
  static void pack_map(const AffineView& map, std::int64_t first, std::int64_t end, BFloat16* forward,
                       BFloat16* backward) {
    Aligned<float> rest(static_cast<std::size_t>(map.in));
    const auto split = [&rest](const float* from, std::int64_t n, BFloat16* to, std::int64_t apart) {
      BFloat16Packing::narrow_row(from, n, to);
      std::copy_n(to, n, to + apart);
      for (std::int64_t i = 0; i < n; ++i) rest[i] = from[i] - wide(to[i]);
      BFloat16Packing::narrow_row(rest.data(), n, to + 2 * apart);
    };
    BFloat16Packing::template pack_parts<parts>(map, first, end, forward, backward, split);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();

#endif
