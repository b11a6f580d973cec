// Matrix products in bfloat16 by AMX's tiles, or by the same in plain loops (see gemm-inl.hpp).
#pragma once

#include "kernels/gemm_bfloat16-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {

#if SDA_AVX512
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
        for (std::int64_t half = 0; half < 2; ++half) {
          const float value = wide(a[row * lda + 2 * pair + half]);
          for (std::int64_t column = 0; column < 16; ++column)
            to[row * 16 + column] += value * wide(b[pair * ldb + 2 * column + half]);
        }
  }
  template <int tile>
  static void store(float* to, std::int64_t stride) {
    for (std::int64_t row = 0; row < 16; ++row) std::copy_n(sums(tile) + 16 * row, 16, to + row * stride);
  }
};

template <class Tiles>
struct SplitTileGemm;

/// Two by two tiles of sums, so that every tile that is loaded is multiplied twice.
template <class Tiles>
struct BFloat16TileGemm : BFloat16Packing {
  static constexpr Arithmetic arithmetic = Arithmetic::bfloat16_tiles;  // or by hardware, which is the same
  static constexpr std::int64_t row_multiple = 32;
  using Precise = SplitTileGemm<Tiles>;
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
struct SplitTileGemm : BFloat16TileGemm<Tiles> {
  using Rounded = BFloat16TileGemm<Tiles>;
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
