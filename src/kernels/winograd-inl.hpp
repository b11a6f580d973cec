// Convolutions with 3 × 3 (or 3) taps by Winograd's minimal filtering, per instruction set (Highway) and kind of
// product. The inputs d of a tile are transformed, v = Bᵀ d B, multiplied with the transformed filter w = G g Gᵀ, and
// the products transformed to the tile's outputs, y = Aᵀ (v ⊙ w) A (winograd_tiles-inl.hpp). Inputs and outputs are
// vectors of channels, so that over many tiles one element of v ⊙ w is one matrix product: the 16 products of a 3 × 3
// convolution make 4 pixels, where 36 would without. VJPs are convolutions with the same transformed filter; the
// filter's gradient is Gᵀ Σ_tiles (Bᵀ d B) ⊗ (A ∂y Aᵀ) G.
//
// Digits. In bfloat16 a convolution's input is a map of bfloat16 values; v is rounded once more, and w once. A rounding
// is uniform over a step of 2⁻⁷ of the value's binade: ρ = √(E[step²] / (12 E[value²])) = 1.66e-3 for normally
// distributed values of any deviation. F(2, 3) hands that of v or w on to y larger by √(5/3) along each axis: for
// independent d and g, Σ E[v² w²] = 2 (1 + 3/4 + 3/4) for an output where Σ E[d² g²] = 3. So y deviates by ρ √2 (5/3)
// = 3.9e-3 of its root mean square over two axes, and by ρ √(2 · 5/3) = 3.0e-3 along one; direct convolutions of
// rounded factors, by ρ √2 = 2.3e-3. What a network makes of that is its own matter: a norm over few channels magnifies
// it, as it does the roundings of float32. tests/unit/kernels_winograd_test.cpp measures both.
#pragma once

#include "kernels/epilogues-inl.hpp"
#include "kernels/winograd_tiles-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {

// All tiles of a stack of images, in order of image, row and column ---------------------------------------------------

struct Tiles {
  std::int64_t images, rows, columns;

  template <class Y, class X>
  static Tiles making(const Grid& outputs) {
    return {outputs.images, (outputs.height + Y::outputs - 1) / Y::outputs,
            (outputs.width + X::outputs - 1) / X::outputs};
  }
  std::int64_t count() const { return images * rows * columns; }

  /// Calls f(image, row, column, n, at) for the runs of tiles in one row that make up `first` … first + count − 1;
  /// `at` counts tiles from the first.
  template <class Function>
  HWY_INLINE void for_each_run(std::int64_t begin, std::int64_t number, const Function& f) const {
    for (std::int64_t at = 0; at < number;) {
      const std::int64_t tile = begin + at, column = tile % columns, line = tile / columns;
      const std::int64_t n = std::min(columns - column, number - at);
      f(line / rows, line % rows, column, n, at);
      at += n;
    }
  }
};

/// v = Bᵀ d for tiles of one block: combination (py, px) of tile i at v + ((py · X::products + px) · capacity + i) ·
/// ld; or those of one row of them alone, as if it were the first.
template <class Gemm, class Y, class X, int only = -1, class T>
HWY_NOINLINE void transform_input_tiles(const T* map, const Grid& grid, std::int64_t ld, const Tiles& tiles,
                                        std::int64_t begin, std::int64_t number, std::int64_t capacity, T* v) {
  constexpr int overlap = X::inputs - X::step;
  tiles.for_each_run(
      begin, number,
      [&](std::int64_t image, std::int64_t row, std::int64_t column, std::int64_t n, std::int64_t at) HWY_ATTR {
        const std::int64_t line = grid.stored_columns() * ld;
        const T* corner = map + grid.pixel(image, row * Y::step + Y::first, column * X::step + X::first) * ld;
        for (std::int64_t c = 0; c < ld; c += lanes()) {
          V columns[X::inputs][Y::products];
          const auto read = [&](int x, const T* from) HWY_ATTR {
            V d[Y::inputs];
#pragma GCC unroll 4
            for (int y = 0; y < Y::inputs; ++y) d[y] = load(from + y * line);
            Y::transform_input(d, columns[x]);
          };
          const T* from = corner + c;
#pragma GCC unroll 4
          for (int x = 0; x < overlap; ++x) read(x, from + x * ld);
          T* to = v + at * ld + c;
          for (std::int64_t i = 0; i < n; ++i, from += X::step * ld, to += ld) {
#pragma GCC unroll 4
            for (int x = overlap; x < X::inputs; ++x) read(x, from + x * ld);
#pragma GCC unroll 4
            for (int py = only < 0 ? 0 : only; py < (only < 0 ? Y::products : only + 1); ++py) {
              V d[X::inputs], combined[X::products];
#pragma GCC unroll 4
              for (int x = 0; x < X::inputs; ++x) d[x] = columns[x][py];
              X::transform_input(d, combined);
#pragma GCC unroll 4
              for (int px = 0; px < X::products; ++px)
                Gemm::keep(combined[px], to + ((only < 0 ? py : 0) * X::products + px) * capacity * ld);
            }
#pragma GCC unroll 4
            for (int x = 0; x < overlap; ++x)
#pragma GCC unroll 4
              for (int py = 0; py < Y::products; ++py) columns[x][py] = columns[x + X::step][py];
          }
        }
      });
}

/// A ∂y for tiles of one block, row `py` of the products: product px of tile i at m + (px · capacity + i) · ld. What
/// lies beyond the image has no gradient.
template <class Gemm, class Y, class X, int py, class T>
HWY_NOINLINE void transform_gradient_tiles(const T* map, const Grid& grid, std::int64_t ld, const Tiles& tiles,
                                           std::int64_t begin, std::int64_t number, std::int64_t capacity, T* m) {
  const std::int64_t line = grid.stored_columns() * ld;
  tiles.for_each_run(begin, number,
                     [&](std::int64_t image, std::int64_t row, std::int64_t column, std::int64_t n, std::int64_t at)
                         HWY_ATTR {
                           const bool all_rows = (row + 1) * Y::outputs <= grid.height;
                           for (std::int64_t i = 0; i < n; ++i) {
                             const T* from = map + grid.pixel(image, row * Y::outputs, (column + i) * X::outputs) * ld;
                             const bool all_columns = (column + i + 1) * X::outputs <= grid.width;
                             T* to = m + (at + i) * ld;
                             for (std::int64_t c = 0; c < ld; c += lanes()) {
                               V half[X::outputs], spread[X::products];
#pragma GCC unroll 2
                               for (int x = 0; x < X::outputs; ++x) {
                                 V y[Y::outputs], products[Y::products];
                                 y[0] = load(from + x * ld + c);
                                 if constexpr (Y::outputs > 1)
                                   y[1] = all_rows ? load(from + line + x * ld + c) : hn::Zero(D());
                                 Y::transform_gradient(y, products);
                                 half[x] = products[py];
                               }
                               if constexpr (X::outputs > 1)
                                 if (!all_columns) half[1] = hn::Zero(D());
                               X::transform_gradient(half, spread);
#pragma GCC unroll 4
                               for (int px = 0; px < X::products; ++px)
                                 Gemm::keep(spread[px], to + px * capacity * ld + c);
                             }
                           }
                         });
}

/// y = Aᵀ m of 32 columns of outputs, handed to epilogue(pixel, column, vector).
template <class Y, class X, class Epilogue>
HWY_NOINLINE void transform_output_tiles(const float* m, const Grid& grid, const Tiles& tiles, std::int64_t begin,
                                         std::int64_t number, std::int64_t capacity, std::int64_t column_of_outputs,
                                         const Epilogue& epilogue) {
  constexpr std::int64_t ld = width_multiple;
  tiles.for_each_run(
      begin, number,
      [&](std::int64_t image, std::int64_t row, std::int64_t column, std::int64_t n, std::int64_t at) HWY_ATTR {
        const std::int64_t rows = std::min<std::int64_t>(Y::outputs, grid.height - row * Y::outputs);
        for (std::int64_t i = 0; i < n; ++i) {
          const float* from = m + (at + i) * ld;
          const std::int64_t columns = std::min<std::int64_t>(X::outputs, grid.width - (column + i) * X::outputs);
          const std::int64_t pixel = grid.pixel(image, row * Y::outputs, (column + i) * X::outputs);
          for (std::int64_t c = 0; c < ld; c += lanes()) {
            V half[X::products][Y::outputs];
#pragma GCC unroll 4
            for (int px = 0; px < X::products; ++px) {
              V products[Y::products];
#pragma GCC unroll 4
              for (int py = 0; py < Y::products; ++py)
                products[py] = load(from + (py * X::products + px) * capacity * ld + c);
              Y::transform_output(products, half[px]);
            }
#pragma GCC unroll 2
            for (int y = 0; y < Y::outputs; ++y) {
              V products[X::products], made[X::outputs];
#pragma GCC unroll 4
              for (int px = 0; px < X::products; ++px) products[px] = half[px][y];
              X::transform_output(products, made);
              if (y >= rows) continue;
#pragma GCC unroll 2
              for (int x = 0; x < X::outputs; ++x)
                if (x < columns) epilogue(pixel + y * grid.stored_columns() + x, column_of_outputs + c, made[x]);
            }
          }
        }
      });
}

/// The convolution of `map` (depth channels) with combined taps, packed, for `out` channels: epilogue(pixel, column,
/// vector) for every pixel of `to`. `workspace` holds a block of tiles and its products.
template <class Gemm, class Y, class X, class Epilogue>
void convolve(const typename Gemm::T* map, const Grid& from, const Grid& to, const typename Gemm::T* packed,
              std::int64_t depth, std::int64_t out, std::byte* workspace, const Epilogue& epilogue) {
  using T = typename Gemm::T;
  constexpr std::int64_t products = Y::products * X::products, columns = width_multiple;
  const Tiles tiles = Tiles::making<Y, X>(to);
  const std::int64_t ld = padded(depth), deep = rounded_up(depth, Gemm::depth_multiple);
  const TileBlocks blocks(tiles.count(), products, depth, Gemm::arithmetic);
  auto* v = reinterpret_cast<T*>(workspace);
  auto* m = reinterpret_cast<float*>(v + products * blocks.capacity() * ld);
  for (std::int64_t begin = 0; begin < tiles.count(); begin += blocks.max) {
    const std::int64_t number = std::min(blocks.max, tiles.count() - begin);
    transform_input_tiles<Gemm, Y, X>(map, from, ld, tiles, begin, number, blocks.capacity(), v);
    for (std::int64_t column = 0; column < padded(out); column += columns) {
      for (std::int64_t p = 0; p < products; ++p)
        Gemm::multiply(v + p * blocks.capacity() * ld, ld, number, packed + (p * padded(out) + column) * deep, depth,
                       columns, Write{m + p * blocks.capacity() * columns, columns});
      transform_output_tiles<Y, X>(m, to, tiles, begin, number, blocks.capacity(), column, epilogue);
    }
  }
}

/// f(Y(), X()) with the tiles along both axes.
template <class Function>
void with_tiles(Sampling sampling, bool flat, const Function& f) {
  const auto along = [&](auto x) {
    if (flat)
      f(NoAxis(), x);
    else
      f(x, x);
  };
  switch (sampling) {
    case Sampling::same:
      return along(Stride1());
    case Sampling::down:
      return along(Downsample());
    case Sampling::up:
      return along(Upsample());
  }
}

/// What lies beyond the images of a map: zeros, or where it is circular the image again.
template <class T>
void fill_halo(T* map, const Grid& grid, std::int64_t ld, bool circular) {
  const std::int64_t height = grid.height, width = grid.width;
  const auto copy = [&](std::int64_t to, std::int64_t from, std::int64_t pixels) {
    std::copy_n(map + from * ld, pixels * ld, map + to * ld);
  };
  const auto clear = [&](std::int64_t at, std::int64_t pixels) { std::fill_n(map + at * ld, pixels * ld, T{}); };
  const std::int64_t stored = grid.stored_columns();
  for (std::int64_t image = 0; image < grid.images; ++image) {
    for (std::int64_t y = 0; y < height; ++y) {
      clear(grid.pixel(image, y, -1), 1);
      clear(grid.pixel(image, y, width), stored - width - 1);
      if (!circular) continue;
      copy(grid.pixel(image, y, -1), grid.pixel(image, y, width - 1), 1);
      copy(grid.pixel(image, y, width), grid.pixel(image, y, 0), 1);
    }
    if (grid.flat) continue;
    clear(grid.pixel(image, -1, -1), stored);
    clear(grid.pixel(image, height, -1), (grid.stored_rows() - height - 1) * stored);
    if (!circular) continue;
    copy(grid.pixel(image, -1, -1), grid.pixel(image, height - 1, -1), stored);
    copy(grid.pixel(image, height, -1), grid.pixel(image, 0, -1), stored);
  }
}

/// Calls f(first pixel, image) for every row of pixels.
template <class Function>
HWY_INLINE void for_each_row(const Grid& grid, const Function& f) {
  for (std::int64_t image = 0; image < grid.images; ++image)
    for (std::int64_t y = 0; y < grid.height; ++y) f(grid.pixel(image, y, 0), image);
}

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();
