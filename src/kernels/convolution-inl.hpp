// Convolutions of three taps by few products (Winograd 1980; Lavin & Gray 2016), per instruction set (Highway) and kind
// of product. Along one axis a convolution goes by tiles: from a tile's inputs d come combinations v = Bᵀ d, each is
// multiplied with a combination w = G g of the taps, and the tile's outputs are y = Aᵀ (v ⊙ w). Along two axes the same
// is done along each. Inputs and outputs are vectors of channels, so that a combination is, over many tiles, one matrix
// product: 16 products of a 3 × 3 convolution make 4 pixels, where 36 would without. Pull-backs are convolutions of the
// same combined taps; the taps' gradient is Gᵀ Σ_tiles (Bᵀ d) ⊗ (A ∂y).

#if defined(SDA_SCORE_KERNELS_CONVOLUTION_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SDA_SCORE_KERNELS_CONVOLUTION_INL
#undef SDA_SCORE_KERNELS_CONVOLUTION_INL
#else
#define SDA_SCORE_KERNELS_CONVOLUTION_INL
#endif

#include <memory>

#include "kernels/residual_mlp-inl.hpp"
#include "kernels/unet.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {

// Tiles along one axis: tile i reads inputs i · step + first …, and makes outputs i · outputs …  `combine` is Bᵀ,
// `collect` Aᵀ, `spread` A, `combine_taps` G and `spread_taps` Gᵀ.
// -----------------------------------------------------

/// The axis that a flat image does not have.
struct Absent {
  static constexpr int inputs = 1, step = 1, first = 0, products = 1, outputs = 1, taps = 1;
  using Back = Absent;
  static HWY_INLINE void combine(const V* d, V* v) { v[0] = d[0]; }
  static HWY_INLINE void collect(const V* m, V* y) { y[0] = m[0]; }
  static HWY_INLINE void spread(const V* y, V* m) { m[0] = y[0]; }
  static HWY_INLINE void combine_taps(const V* g, V* w) { w[0] = g[0]; }
  static HWY_INLINE void spread_taps(const V* w, V* g) { g[0] = w[0]; }
};

/// dx of a convolution with stride 1: the taps reversed, hence the first and the last combination change places.
struct SameBack {
  static constexpr int inputs = 4, step = 2, first = -1, products = 4, outputs = 2;
  static HWY_INLINE void combine(const V* d, V* v) {
    v[0] = hn::Sub(d[1], d[3]);
    v[1] = hn::Add(d[1], d[2]);
    v[2] = hn::Sub(d[2], d[1]);
    v[3] = hn::Sub(d[0], d[2]);
  }
  static HWY_INLINE void collect(const V* m, V* y) {
    y[0] = hn::Add(m[3], hn::Add(m[1], m[2]));
    y[1] = hn::Sub(hn::Sub(m[1], m[2]), m[0]);
  }
};

/// Stride 1: F(2, 3).
struct Same {
  static constexpr int inputs = 4, step = 2, first = -1, products = 4, outputs = 2, taps = 3;
  using Back = SameBack;
  static HWY_INLINE void combine(const V* d, V* v) {
    v[0] = hn::Sub(d[0], d[2]);
    v[1] = hn::Add(d[1], d[2]);
    v[2] = hn::Sub(d[2], d[1]);
    v[3] = hn::Sub(d[1], d[3]);
  }
  static HWY_INLINE void collect(const V* m, V* y) {
    y[0] = hn::Add(m[0], hn::Add(m[1], m[2]));
    y[1] = hn::Sub(hn::Sub(m[1], m[2]), m[3]);
  }
  static HWY_INLINE void spread(const V* y, V* m) {
    m[0] = y[0];
    m[1] = hn::Add(y[0], y[1]);
    m[2] = hn::Sub(y[0], y[1]);
    m[3] = hn::Neg(y[1]);
  }
  static HWY_INLINE void combine_taps(const V* g, V* w) {
    const V half = hn::Set(D(), 0.5f), outer = hn::Mul(half, hn::Add(g[0], g[2])), middle = hn::Mul(half, g[1]);
    w[0] = g[0];
    w[1] = hn::Add(outer, middle);
    w[2] = hn::Sub(outer, middle);
    w[3] = g[2];
  }
  static HWY_INLINE void spread_taps(const V* w, V* g) {
    const V half = hn::Set(D(), 0.5f), outer = hn::Mul(half, hn::Add(w[1], w[2]));
    g[0] = hn::Add(w[0], outer);
    g[1] = hn::Mul(half, hn::Sub(w[1], w[2]));
    g[2] = hn::Add(w[3], outer);
  }
};

/// dx of stride 2: x_2i was read by the middle tap alone, x_2i+1 by the last of one output and the first of the next.
struct DownBack {
  static constexpr int inputs = 2, step = 1, first = 0, products = 3, outputs = 2;
  static HWY_INLINE void combine(const V* d, V* v) {
    v[0] = d[1];
    v[1] = d[0];
    v[2] = d[0];
  }
  static HWY_INLINE void collect(const V* m, V* y) {
    y[0] = m[1];
    y[1] = hn::Add(m[0], m[2]);
  }
};

/// Stride 2: nothing to combine.
struct Down {
  static constexpr int inputs = 3, step = 2, first = -1, products = 3, outputs = 1, taps = 3;
  using Back = DownBack;
  static HWY_INLINE void combine(const V* d, V* v) {
    v[0] = d[0];
    v[1] = d[1];
    v[2] = d[2];
  }
  static HWY_INLINE void collect(const V* m, V* y) { y[0] = hn::Add(m[0], hn::Add(m[1], m[2])); }
  static HWY_INLINE void spread(const V* y, V* m) { m[0] = m[1] = m[2] = y[0]; }
  static HWY_INLINE void combine_taps(const V* g, V* w) { std::copy_n(g, 3, w); }
  static HWY_INLINE void spread_taps(const V* w, V* g) { std::copy_n(w, 3, g); }
};

/// dx of doubling and stride 1.
struct UpBack {
  static constexpr int inputs = 4, step = 2, first = -1, products = 3, outputs = 1;
  static HWY_INLINE void combine(const V* d, V* v) {
    v[0] = hn::Sub(d[3], d[1]);
    v[1] = hn::Add(d[1], d[2]);
    v[2] = hn::Sub(d[0], d[2]);
  }
  static HWY_INLINE void collect(const V* m, V* y) { y[0] = hn::Add(m[0], hn::Add(m[1], m[2])); }
};

/// Every value doubled, then stride 1: F(2, 3) of x_i−1, x_i, x_i, x_i+1, one of whose combinations is zero.
struct Up {
  static constexpr int inputs = 3, step = 1, first = -1, products = 3, outputs = 2, taps = 3;
  using Back = UpBack;
  static HWY_INLINE void combine(const V* d, V* v) {
    v[0] = hn::Sub(d[0], d[1]);
    v[1] = d[1];
    v[2] = hn::Sub(d[1], d[2]);
  }
  static HWY_INLINE void collect(const V* m, V* y) {
    y[0] = hn::Add(m[0], m[1]);
    y[1] = hn::Sub(m[1], m[2]);
  }
  static HWY_INLINE void spread(const V* y, V* m) {
    m[0] = y[0];
    m[1] = hn::Add(y[0], y[1]);
    m[2] = hn::Neg(y[1]);
  }
  static HWY_INLINE void combine_taps(const V* g, V* w) {
    w[0] = g[0];
    w[1] = hn::Add(g[0], hn::Add(g[1], g[2]));
    w[2] = g[2];
  }
  static HWY_INLINE void spread_taps(const V* w, V* g) {
    g[0] = hn::Add(w[0], w[1]);
    g[1] = w[1];
    g[2] = hn::Add(w[2], w[1]);
  }
};

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
template <class Products, class Y, class X, int only = -1, class T>
HWY_NOINLINE void combine_tiles(const T* map, const Grid& grid, std::int64_t ld, const Tiles& tiles, std::int64_t begin,
                                std::int64_t number, std::int64_t capacity, T* v) {
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
            Y::combine(d, columns[x]);
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
              X::combine(d, combined);
#pragma GCC unroll 4
              for (int px = 0; px < X::products; ++px)
                Products::keep(combined[px], to + ((only < 0 ? py : 0) * X::products + px) * capacity * ld);
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
template <class Products, class Y, class X, int py, class T>
HWY_NOINLINE void spread_tiles(const T* map, const Grid& grid, std::int64_t ld, const Tiles& tiles, std::int64_t begin,
                               std::int64_t number, std::int64_t capacity, T* m) {
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
                                 Y::spread(y, products);
                                 half[x] = products[py];
                               }
                               if constexpr (X::outputs > 1)
                                 if (!all_columns) half[1] = hn::Zero(D());
                               X::spread(half, spread);
#pragma GCC unroll 4
                               for (int px = 0; px < X::products; ++px)
                                 Products::keep(spread[px], to + px * capacity * ld + c);
                             }
                           }
                         });
}

/// y = Aᵀ m of 32 columns of outputs, handed to epilogue(pixel, column, vector).
template <class Y, class X, class Epilogue>
HWY_NOINLINE void collect_tiles(const float* m, const Grid& grid, const Tiles& tiles, std::int64_t begin,
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
              Y::collect(products, half[px]);
            }
#pragma GCC unroll 2
            for (int y = 0; y < Y::outputs; ++y) {
              V products[X::products], made[X::outputs];
#pragma GCC unroll 4
              for (int px = 0; px < X::products; ++px) products[px] = half[px][y];
              X::collect(products, made);
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
template <class Products, class Y, class X, class Epilogue>
void convolve(const typename Products::T* map, const Grid& from, const Grid& to, const typename Products::T* packed,
              std::int64_t depth, std::int64_t out, std::byte* workspace, const Epilogue& epilogue) {
  using T = typename Products::T;
  constexpr std::int64_t products = Y::products * X::products, columns = width_multiple;
  const Tiles tiles = Tiles::making<Y, X>(to);
  const std::int64_t ld = padded(depth), deep = rounded_up(depth, Products::depth_multiple);
  const TileBlocks blocks(tiles.count(), products, depth, Products::arithmetic);
  auto* v = reinterpret_cast<T*>(workspace);
  auto* m = reinterpret_cast<float*>(v + products * blocks.capacity() * ld);
  for (std::int64_t begin = 0; begin < tiles.count(); begin += blocks.max) {
    const std::int64_t number = std::min(blocks.max, tiles.count() - begin);
    combine_tiles<Products, Y, X>(map, from, ld, tiles, begin, number, blocks.capacity(), v);
    for (std::int64_t column = 0; column < padded(out); column += columns) {
      for (std::int64_t p = 0; p < products; ++p)
        Products::multiply(v + p * blocks.capacity() * ld, ld, number, packed + (p * padded(out) + column) * deep,
                           depth, columns, Write{m + p * blocks.capacity() * columns, columns});
      collect_tiles<Y, X>(m, to, tiles, begin, number, blocks.capacity(), column, epilogue);
    }
  }
}

/// f(Y(), X()) with the tiles along both axes.
template <class Function>
void with_tiles(Reach reach, bool flat, const Function& f) {
  const auto along = [&](auto x) {
    if (flat)
      f(Absent(), x);
    else
      f(x, x);
  };
  switch (reach) {
    case Reach::same:
      return along(Same());
    case Reach::down:
      return along(Down());
    case Reach::up:
      return along(Up());
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

// Weights -------------------------------------------------------------------------------------------------------------

/// w of each product for `number` pairs of channels, from their taps (number, …3): G g along each axis. Products are
/// `apart` from one another, which leaves room for whole vectors.
template <class Y, class X>
void combine_taps(const float* g, std::int64_t number, std::int64_t apart, float* w) {
  constexpr int taps = Y::taps * X::taps, max = 16;
  alignas(64) float beside[taps][max] = {};
  for (std::int64_t begin = 0; begin < number; begin += lanes()) {
    const std::int64_t n = std::min(lanes(), number - begin);
    for (std::int64_t i = 0; i < n; ++i)
      for (int tap = 0; tap < taps; ++tap) beside[tap][i] = g[(begin + i) * taps + tap];
    V half[X::products][Y::taps];
    for (int y = 0; y < Y::taps; ++y) {
      V row[X::taps], combined[X::products];
      for (int x = 0; x < X::taps; ++x) row[x] = load(beside[y * X::taps + x]);
      X::combine_taps(row, combined);
      for (int px = 0; px < X::products; ++px) half[px][y] = combined[px];
    }
    for (int px = 0; px < X::products; ++px) {
      V combined[Y::products];
      Y::combine_taps(half[px], combined);
      for (int py = 0; py < Y::products; ++py) store(combined[py], w + (py * X::products + px) * apart + begin);
    }
  }
}

/// Gᵀ w along each axis: the taps (number, …3) from w of each product, `apart` one from the next.
template <class Y, class X>
void spread_taps(const float* w, std::int64_t apart, std::int64_t number, float* g) {
  constexpr int taps = Y::taps * X::taps, max = 16;
  alignas(64) float beside[taps][max] = {};
  for (std::int64_t begin = 0; begin < number; begin += lanes()) {
    V half[Y::taps][X::products];
    for (int px = 0; px < X::products; ++px) {
      V column[Y::products], spread[Y::taps];
      for (int py = 0; py < Y::products; ++py) column[py] = load(w + (py * X::products + px) * apart + begin);
      Y::spread_taps(column, spread);
      for (int y = 0; y < Y::taps; ++y) half[y][px] = spread[y];
    }
    for (int y = 0; y < Y::taps; ++y) {
      V row[X::taps];
      X::spread_taps(half[y], row);
      for (int x = 0; x < X::taps; ++x) store(row[x], beside[y * X::taps + x]);
    }
    const std::int64_t n = std::min(lanes(), number - begin);
    for (std::int64_t i = 0; i < n; ++i)
      for (int tap = 0; tap < taps; ++tap) g[(begin + i) * taps + tap] = beside[tap][i];
  }
}

template <class Products, class Y, class X>
void pack_convolution(const ConvolutionView& view, PackedConvolution& packed) {
  using T = typename Products::T;
  constexpr std::int64_t products = Y::products * X::products;
  const std::int64_t forward = rounded_up(view.in, Products::depth_multiple) * padded(view.out);
  const std::int64_t backward = rounded_up(view.out, Products::depth_multiple) * padded(view.in);
  packed.forward.resize(static_cast<std::size_t>(products * forward) * sizeof(T));
  packed.backward.resize(static_cast<std::size_t>(products * backward) * sizeof(T));
  const std::int64_t pairs = view.out * view.in, apart = padded(pairs);
  const std::unique_ptr<float[]> combined(new float[static_cast<std::size_t>(products * apart)]);
  combine_taps<Y, X>(view.weight, pairs, apart, combined.get());
  for (std::int64_t p = 0; p < products; ++p)
    Products::pack_map({combined.get() + p * apart, nullptr, view.in, view.out, view.in}, 0, view.out,
                       reinterpret_cast<T*>(packed.forward.data()) + p * forward,
                       reinterpret_cast<T*>(packed.backward.data()) + p * backward);
  packed.bias.assign(static_cast<std::size_t>(padded(view.out)), 0.0f);
  std::copy_n(view.bias, view.out, packed.bias.begin());
}

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();

#endif
