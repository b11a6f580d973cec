// What happens to a product's vectors while they are in registers, and the norms between products; per instruction set.
#pragma once

#include <hwy/cache_control.h>
#include <cmath>
#include <type_traits>

#include "kernels/gemm-inl.hpp"

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
  const V sum = hn::Add(hn::Set(d, 1.0f), power), estimate = hn::ApproximateReciprocal(sum);
  // One step of Newton's method doubles the digits.
  return fine ? hn::Mul(estimate, hn::NegMulAdd(sum, estimate, hn::Set(d, 2.0f))) : estimate;
}

/// silu(a) = a s with s = 1/(1 + e^−a), and its derivative s + a s (1 − s).
template <class Gemm>
struct AddBiasThenSilu {
  using T = typename Gemm::T;
  const float* bias;
  T* out;
  T* derivative;  ///< may be null
  std::int64_t ld;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const {
    const V a = hn::Add(v, load(bias + column));
    const V s = sigmoid<T>(a), silu = hn::Mul(a, s);
    Gemm::keep(silu, out + row * ld + column);
    if (derivative != nullptr)
      Gemm::keep(hn::MulAdd(silu, hn::Sub(hn::Set(D(), 1.0f), s), s), derivative + row * ld + column);
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

template <class Gemm>
struct Multiply {
  using T = typename Gemm::T;
  const T* factor;
  T* out;
  std::int64_t ld;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const {
    Gemm::keep(hn::Mul(v, load(factor + row * ld + column)), out + row * ld + column);
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
template <class Gemm, class Values>
void normalise(const Values& x, std::int64_t rows, std::int64_t ld, std::int64_t width, typename Gemm::T* out,
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
      Gemm::keep(inside(hn::Mul(hn::Sub(x(row, i), mean), scale)), to + i);
    });
    for (std::int64_t i = rounded_up(width, n); i < ld; i += n) Gemm::keep(hn::Zero(d), to + i);
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

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();
