// The layers of the residual MLP on a panel of rows, forward and back, per instruction set (Highway) and kind of
// product. Linear maps multiply in float32 always: they are thin (a window wide), and the first one sees the state
// itself, whose resolution near t = 0 is finer than bfloat16. Wide residual blocks, nearly all of the work, multiply as
// asked; the stream h that runs through them, norms, activations and sums are float32.

#if defined(SDA_SCORE_KERNELS_RESIDUAL_MLP_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SDA_SCORE_KERNELS_RESIDUAL_MLP_INL
#undef SDA_SCORE_KERNELS_RESIDUAL_MLP_INL
#else
#define SDA_SCORE_KERNELS_RESIDUAL_MLP_INL
#endif

#include <hwy/cache_control.h>
#include <cmath>
#include <type_traits>

#include "kernels/products-inl.hpp"
#include "kernels/residual_mlp.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {

// Epilogues: what happens to a finished vector at (row, column). Buffers share the leading dimension `ld`. ------------

struct AddBias {
  const float* bias;
  float* out;
  std::int64_t ld;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const {
    store(hn::Add(v, load(bias + column)), out + row * ld + column);
  }
};

/// 1/(1 + e^−a) to float32's rounding, or to bfloat16's. e^−a = 2^(n + f), n whole, |f| ≤ 1/2: a polynomial of f, n
/// into the exponent.
template <class T>
HWY_INLINE V sigmoid(V a) {
  constexpr bool fine = std::is_same_v<T, float>;
  const D d;
  const hn::Rebind<std::int32_t, D> whole;
  const V y = hn::Clamp(hn::Mul(a, hn::Set(d, -1.44269504f)), hn::Set(d, -126.0f), hn::Set(d, 126.0f));
  // 1.5 · 2^23 leaves no room for a fraction: the sum is rounded, and its lowest bits are n.
  const V rounder = hn::Set(d, 12582912.0f), sum_with_n = hn::Add(y, rounder);
  const V f = hn::Sub(y, hn::Sub(sum_with_n, rounder));
  // Least squares of the relative error at Chebyshev's points: 2e-9 and 8e-5 at most.
  constexpr float to_float32[] = {1.000000001e+00f, 6.931472056e-01f, 2.402264661e-01f, 5.550328998e-02f,
                                  9.618519534e-03f, 1.339986036e-03f, 1.533757684e-04f};
  constexpr float to_bfloat16[] = {9.999289404e-01f, 6.932762417e-01f, 2.426040515e-01f, 5.508868381e-02f};
  const float* c = fine ? to_float32 : to_bfloat16;
  constexpr int degree = fine ? 6 : 3;
  V p = hn::Set(d, c[degree]);
#pragma GCC unroll 6
  for (int i = degree - 1; i >= 0; --i) p = hn::MulAdd(p, f, hn::Set(d, c[i]));
  const V power = hn::BitCast(d, hn::Add(hn::BitCast(whole, p), hn::ShiftLeft<23>(hn::BitCast(whole, sum_with_n))));
  const V sum = hn::Add(hn::Set(d, 1.0f), power), rough = hn::ApproximateReciprocal(sum);
  // One step of Newton's method doubles the digits.
  return fine ? hn::Mul(rough, hn::NegMulAdd(sum, rough, hn::Set(d, 2.0f))) : rough;
}

/// silu(a) = a s with s = 1/(1 + e^−a), and its derivative s + a s (1 − s).
template <class Products>
struct AddBiasThenSilu {
  using T = typename Products::T;
  const float* bias;
  T* out;
  T* derivative;  ///< may be null
  std::int64_t ld;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const {
    const V a = hn::Add(v, load(bias + column));
    const V s = sigmoid<T>(a), silu = hn::Mul(a, s);
    Products::keep(silu, out + row * ld + column);
    if (derivative != nullptr)
      Products::keep(hn::MulAdd(silu, hn::Sub(hn::Set(D(), 1.0f), s), s), derivative + row * ld + column);
  }
};

struct AddBiasToStream {
  const float* bias;
  float* stream;
  std::int64_t ld;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const {
    float* at = stream + row * ld + column;
    store(hn::Add(load(at), hn::Add(v, load(bias + column))), at);
  }
};

template <class Products>
struct Multiply {
  using T = typename Products::T;
  const T* factor;
  T* out;
  std::int64_t ld;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const {
    Products::keep(hn::Mul(v, load(factor + row * ld + column)), out + row * ld + column);
  }
};

struct Write {
  float* out;
  std::int64_t ld;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const { store(v, out + row * ld + column); }
};

struct AddTo {
  float* out;
  std::int64_t ld;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const {
    float* at = out + row * ld + column;
    store(hn::Add(load(at), v), at);
  }
};

/// Meanwhile fetches what is expected next, laid out as the result is: the tape is larger than any cache.
template <class Epilogue, class T>
struct Fetch {
  const T* expected;
  std::int64_t ld;
  Epilogue then;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const {
    constexpr std::int64_t line = 64 / sizeof(T);
    if (column % line == 0) hwy::Prefetch(expected + row * ld + column);
    then(row, column, v);
  }
};

// Norms ---------------------------------------------------------------------------------------------------------------

struct Read {
  const float* x;
  std::int64_t ld;
  HWY_INLINE V operator()(std::int64_t row, std::int64_t column) const { return load(x + row * ld + column); }
};

/// f(column, inside) for the vectors of a row's first `width` values; inside(v) is v with zeros beyond them.
template <class Function>
HWY_INLINE void for_each_vector(std::int64_t width, const Function& f) {
  const std::int64_t n = lanes(), whole = width - width % n;
  for (std::int64_t i = 0; i < whole; i += n) f(i, [](V v) { return v; });
  if (whole == width) return;
  const auto mask = hn::FirstN(D(), static_cast<std::size_t>(width - whole));
  f(whole, [mask](V v) { return hn::IfThenElseZero(mask, v); });
}

/// (x − mean) / √(unbiased variance + 1e-5) of each row's first `width` values x(row, column); zero up to `ld`.
template <class Products, class Values>
void normalise(const Values& x, std::int64_t rows, std::int64_t ld, std::int64_t width, typename Products::T* out,
               float* inverse) {
  const D d;
  const std::int64_t n = lanes();
  for (std::int64_t row = 0; row < rows; ++row) {
    auto* to = out + row * ld;
    V sum = hn::Zero(d);
    for_each_vector(width, [&](std::int64_t i, auto inside) { sum = hn::Add(sum, inside(x(row, i))); });
    const V mean = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sum)) / static_cast<float>(width));
    V squares = hn::Zero(d);
    for_each_vector(width, [&](std::int64_t i, auto inside) {
      const V centred = inside(hn::Sub(x(row, i), mean));
      squares = hn::MulAdd(centred, centred, squares);
    });
    const float variance = hn::GetLane(hn::SumOfLanes(d, squares)) / static_cast<float>(width - 1);
    inverse[row] = 1 / std::sqrt(variance + 1e-5f);
    const V scale = hn::Set(d, inverse[row]);
    for_each_vector(width, [&](std::int64_t i, auto inside) {
      Products::keep(inside(hn::Mul(hn::Sub(x(row, i), mean), scale)), to + i);
    });
    for (std::int64_t i = rounded_up(width, n); i < ld; i += n) Products::keep(hn::Zero(d), to + i);
  }
}

/// The VJP of `normalise`: take(row, column, inverse (g − mean g − y Σ g y / (width − 1))), zero up to `ld`.
template <class T, class Take>
void normalise_vjp(const float* g, const T* y, const float* inverse, std::int64_t rows, std::int64_t ld,
                   std::int64_t width, const Take& take) {
  const D d;
  const std::int64_t n = lanes();
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* gr = g + row * ld;
    const T* yr = y + row * ld;
    V sum = hn::Zero(d), product = hn::Zero(d);
    for_each_vector(width, [&](std::int64_t i, auto) {
      const V value = load(gr + i);  // zero beyond the width, as the packed weights are
      sum = hn::Add(sum, value);
      product = hn::MulAdd(value, load(yr + i), product);
    });
    const V mean = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sum)) / static_cast<float>(width));
    const V slope = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, product)) / static_cast<float>(width - 1));
    const V scale = hn::Set(d, inverse[row]);
    for_each_vector(width, [&](std::int64_t i, auto inside) {
      const V centred = hn::NegMulAdd(load(yr + i), slope, hn::Sub(load(gr + i), mean));
      take(row, i, inside(hn::Mul(scale, centred)));
    });
    for (std::int64_t i = rounded_up(width, n); i < ld; i += n) take(row, i, hn::Zero(d));
  }
}

// Layers --------------------------------------------------------------------------------------------------------------

template <class Products>
const typename Products::T* narrowed(const float* stream, std::int64_t size, typename Products::T* buffer) {
  for (std::int64_t i = 0; i < size; i += lanes()) Products::keep(load(stream + i), buffer + i);
  return buffer;
}

/// Rows of a factor, `columns` of each, as they lie there or narrowed into `buffer`.
template <class Products, class Kept>
RowByRow<typename Products::T> as_factor(const Kept* rows, std::int64_t ld, std::int64_t n, std::int64_t columns,
                                         [[maybe_unused]] typename Products::T* buffer) {
  if constexpr (std::is_same_v<Kept, typename Products::T>) {
    return {rows, ld};
  } else {
    for (std::int64_t row = 0; row < n; ++row) narrowed<Products>(rows + row * ld, columns, buffer + row * columns);
    return {buffer, columns};
  }
}

/// What a block keeps for its VJP, and in training for the gradients of its weights.
template <class T>
struct BlockTape {
  T *normalised, *derivative;
  float* inverse;  ///< 1/√(variance + 1e-5)
  T* activation;   ///< in training: W₂'s input
  T* gradient;     ///< in training: at W₂'s result
  BlockTape(std::byte* at, std::int64_t capacity, std::int64_t ld, bool training) {
    const BlockTapeLayout layout(ld, capacity, sizeof(T), training);
    normalised = reinterpret_cast<T*>(at + layout.normalised);
    derivative = reinterpret_cast<T*>(at + layout.derivative);
    inverse = reinterpret_cast<float*>(at + layout.inverse);
    activation = reinterpret_cast<T*>(at + layout.activation);
    gradient = reinterpret_cast<T*>(at + layout.gradient);
  }
};

/// Rows of a pass and its buffers: stream, next and two more of (capacity, widest) floats each, which lie one after the
/// other. Products also write what follows the rows, up to a multiple of their row_multiple; nobody reads it.
struct Workspace {
  std::int64_t rows;
  std::int64_t capacity;
  float* buffer[4];
};

/// h ← h + W₂ silu(W₁ norm(h) + b₁) + b₂, in place in `stream`. `tape` may be null but in training.
template <class Products, bool training = false>
void block_forward(const PackedLayer& layer, const Workspace& work, float* stream, std::byte* tape) {
  using T = typename Products::T;
  const auto &first = layer.first, &second = layer.second;
  const std::int64_t ld = padded(first.in);
  const BlockTape<T> kept(tape, work.capacity, ld, training);
  const bool keeps = training || tape != nullptr;
  T* y = keeps ? kept.normalised : reinterpret_cast<T*>(work.buffer[2]);
  T* activation = training ? kept.activation : reinterpret_cast<T*>(work.buffer[3]);
  float unkept_inverse[max_rows];
  normalise<Products>(Read{stream, ld}, work.rows, ld, first.in, y, keeps ? kept.inverse : unkept_inverse);
  Products::multiply(y, ld, work.rows, first.template forward_as<T>(), first.in, ld,
                     AddBiasThenSilu<Products>{first.bias.data(), activation, keeps ? kept.derivative : nullptr, ld});
  Products::multiply(activation, ld, work.rows, second.template forward_as<T>(), second.in, ld,
                     AddBiasToStream{second.bias.data(), stream, ld});
}

/// The VJP of a block, in place in `stream`. In training the tape then holds both factors of the weights'
/// gradients: ∂L/∂(W₂'s result) beside W₂'s input, and ∂L/∂(W₁'s result), in place of the derivative, beside W₁'s.
/// `tape_before` is the tape of the block whose turn is next, `tape` itself if there is none.
template <class Products, bool training = false>
void block_vjp(const PackedLayer& layer, const Workspace& work, float* stream, float* next, std::byte* tape,
               std::byte* tape_before) {
  using T = typename Products::T;
  const auto &first = layer.first, &second = layer.second;
  const std::int64_t ld = padded(first.in);
  const BlockTape<T> kept(tape, work.capacity, ld, training);
  const BlockTape<T> before(tape_before, work.capacity, ld, training);
  T* inner = training ? kept.derivative : reinterpret_cast<T*>(work.buffer[3]);
  const T* g = training ? narrowed<Products>(stream, work.rows * ld, kept.gradient)
                        : as_factor<Products>(stream, ld, work.rows, ld, reinterpret_cast<T*>(work.buffer[2])).a;
  Products::multiply(g, ld, work.rows, second.template backward_as<T>(), second.out, ld,
                     Fetch<Multiply<Products>, T>{kept.normalised, ld, {kept.derivative, inner, ld}});
  Products::multiply(inner, ld, work.rows, first.template backward_as<T>(), first.out, ld,
                     Fetch<Write, T>{before.derivative, ld, {next, ld}});
  normalise_vjp(next, kept.normalised, kept.inverse, work.rows, ld, first.in, AddTo{stream, ld});
}

/// The one whose turn is next on the way back, if it is a block like `layer`, or else `layer` itself.
inline const PackedLayer& block_before(const std::vector<PackedLayer>& layers, const PackedLayer& layer) {
  if (&layer == layers.data()) return layer;
  const PackedLayer& before = *(&layer - 1);
  const bool alike = before.residual && before.arithmetic == layer.arithmetic && before.first.in == layer.first.in;
  return alike ? before : layer;
}

/// Memory for a map's packed weights, cleared.
template <class Products>
void make_space(const AffineView& affine, PackedProducts& packed) {
  const auto resize = [](Aligned<std::byte>& bytes, std::int64_t depth, std::int64_t columns) {
    const std::int64_t values = Products::parts * rounded_up(depth, Products::depth_multiple) * padded(columns);
    bytes.assign(static_cast<std::size_t>(values) * sizeof(typename Products::T), std::byte{0});
  };
  packed.in = affine.in;
  packed.out = affine.out;
  resize(packed.forward, affine.in, affine.out);
  resize(packed.backward, affine.out, affine.in);
  packed.bias.assign(static_cast<std::size_t>(padded(affine.out)), 0.0f);
}

/// Rows begin … end − 1 of W and of b; begin a multiple of 32, end too or the last.
template <class Products>
void pack_rows_of(const AffineView& affine, std::int64_t begin, std::int64_t end, PackedProducts& packed) {
  using T = typename Products::T;
  Products::pack_map(affine, begin, end, reinterpret_cast<T*>(packed.forward.data()),
                     reinterpret_cast<T*>(packed.backward.data()));
  std::copy(affine.bias + begin, affine.bias + end, packed.bias.begin() + begin);
}

template <class Products>
void pack_affine(const AffineView& affine, PackedProducts& packed) {
  make_space<Products>(affine, packed);
  pack_rows_of<Products>(affine, 0, affine.out, packed);
}

template <class Products>
void pack_layer(const LayerView& view, PackedLayer& layer) {
  layer.residual = view.residual;
  if (view.residual) {
    pack_affine<Products>(view.first, layer.first);
    pack_affine<Products>(view.second, layer.second);
  } else {
    pack_affine<typename Products::Thin>(view.first, layer.first);
  }
}

/// Calls f with the products of `arithmetic`; float32 where this instruction set has no others.
template <class Function>
void with_products(Arithmetic arithmetic, const Function& f) {
  switch (arithmetic) {
#if SDA_AVX512
    case Arithmetic::bfloat16_avx512:
      return f(BFloat16Avx512Products());
    case Arithmetic::bfloat16_amx:
      return f(BFloat16TileProducts<HardwareTiles>());
#endif
    case Arithmetic::bfloat16_tiles:
      return f(BFloat16TileProducts<EmulatedTiles>());
    default:
      return f(Float32Products());
  }
}

/// Rows through a linear map between blocks, x Wᵀ or g W, given to `epilogue`. `buffer` holds thin_left floats for each
/// value of the rows.
template <class Products, class Epilogue>
void thin_multiply(const float* rows, std::int64_t n, const std::byte* packed, std::int64_t depth, std::int64_t columns,
                   float* buffer, const Epilogue& epilogue) {
  using Thin = typename Products::Thin;
  using T = typename Thin::T;
  static_assert(Thin::parts * std::int64_t{sizeof(T)} <= thin_left * std::int64_t{sizeof(float)});
  const T* left = Thin::as_left(rows, n, padded(depth), reinterpret_cast<T*>(buffer));
  Thin::multiply(left, Thin::parts * padded(depth), n, reinterpret_cast<const T*>(packed),
                 Thin::parts * rounded_up(depth, Thin::depth_multiple), padded(columns), epilogue);
}
template <class Epilogue>
void thin_forward(Arithmetic arithmetic, const PackedProducts& map, const float* rows, std::int64_t n, float* buffer,
                  const Epilogue& epilogue) {
  with_products(arithmetic, [&](auto products) {
    thin_multiply<decltype(products)>(rows, n, map.forward.data(), map.in, map.out, buffer, epilogue);
  });
}
template <class Epilogue>
void thin_vjp(Arithmetic arithmetic, const PackedProducts& map, const float* g, std::int64_t n, float* buffer,
              const Epilogue& epilogue) {
  with_products(arithmetic, [&](auto products) {
    thin_multiply<decltype(products)>(g, n, map.backward.data(), map.out, map.in, buffer, epilogue);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();

#endif
