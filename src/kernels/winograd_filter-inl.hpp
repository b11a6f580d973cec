// The filter transform: a convolution's taps combined and packed for the products, and back (see winograd-inl.hpp).
#pragma once

#include <memory>

#include "kernels/gemm-inl.hpp"
#include "kernels/winograd_tiles-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {

/// w of each product for `number` pairs of channels, from their taps (number, …3): G g along each axis. Gemm are
/// `apart` from one another, which leaves room for whole vectors.
template <class Y, class X>
void transform_filter(const float* g, std::int64_t number, std::int64_t apart, float* w) {
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
      X::transform_filter(row, combined);
      for (int px = 0; px < X::products; ++px) half[px][y] = combined[px];
    }
    for (int px = 0; px < X::products; ++px) {
      V combined[Y::products];
      Y::transform_filter(half[px], combined);
      for (int py = 0; py < Y::products; ++py) store(combined[py], w + (py * X::products + px) * apart + begin);
    }
  }
}

/// Gᵀ w along each axis: the taps (number, …3) from w of each product, `apart` one from the next.
template <class Y, class X>
void transform_filter_adjoint(const float* w, std::int64_t apart, std::int64_t number, float* g) {
  constexpr int taps = Y::taps * X::taps, max = 16;
  alignas(64) float beside[taps][max] = {};
  for (std::int64_t begin = 0; begin < number; begin += lanes()) {
    V half[Y::taps][X::products];
    for (int px = 0; px < X::products; ++px) {
      V column[Y::products], spread[Y::taps];
      for (int py = 0; py < Y::products; ++py) column[py] = load(w + (py * X::products + px) * apart + begin);
      Y::transform_filter_adjoint(column, spread);
      for (int y = 0; y < Y::taps; ++y) half[y][px] = spread[y];
    }
    for (int y = 0; y < Y::taps; ++y) {
      V row[X::taps];
      X::transform_filter_adjoint(half[y], row);
      for (int x = 0; x < X::taps; ++x) store(row[x], beside[y * X::taps + x]);
    }
    const std::int64_t n = std::min(lanes(), number - begin);
    for (std::int64_t i = 0; i < n; ++i)
      for (int tap = 0; tap < taps; ++tap) g[(begin + i) * taps + tap] = beside[tap][i];
  }
}

template <class Gemm, class Y, class X>
void pack_convolution(const ConvolutionView& view, PackedConvolution& packed) {
  using T = typename Gemm::T;
  constexpr std::int64_t products = Y::products * X::products;
  const std::int64_t forward = rounded_up(view.in, Gemm::depth_multiple) * padded(view.out);
  const std::int64_t backward = rounded_up(view.out, Gemm::depth_multiple) * padded(view.in);
  packed.forward.resize(static_cast<std::size_t>(products * forward) * sizeof(T));
  packed.backward.resize(static_cast<std::size_t>(products * backward) * sizeof(T));
  const std::int64_t pairs = view.out * view.in, apart = padded(pairs);
  const std::unique_ptr<float[]> combined(new float[static_cast<std::size_t>(products * apart)]);
  transform_filter<Y, X>(view.weight, pairs, apart, combined.get());
  for (std::int64_t p = 0; p < products; ++p)
    Gemm::pack_map({combined.get() + p * apart, nullptr, view.in, view.out, view.in}, 0, view.out,
                   reinterpret_cast<T*>(packed.forward.data()) + p * forward,
                   reinterpret_cast<T*>(packed.backward.data()) + p * backward);
  packed.bias.assign(static_cast<std::size_t>(padded(view.out)), 0.0f);
  std::copy_n(view.bias, view.out, packed.bias.begin());
}

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();
