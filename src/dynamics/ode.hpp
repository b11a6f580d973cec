/// Ordinary differential equations in lanes: the classic Runge-Kutta step of fourth order, and an exponential for
/// right-hand sides. Private to src/.
#pragma once

#include <bit>
#include <cstdint>

#include "core/simd.hpp"
#include "dynamics/lanes.hpp"

namespace sda::ode {

using lanes::width;

/// eˣ by 2ⁿ × the Taylor series of the rest, |rest| ≤ ln 2 / 2; x is held within the range of finite, normal results.
SDA_INLINE float exponential(float x) {
  x = x > 87.0F ? 87.0F : x < -87.0F ? -87.0F : x;
  const float shifted = x * 1.442695041F + 0x1.8p23F;  // the sum's last bits are x / ln 2, rounded
  const float n = shifted - 0x1.8p23F;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;  // ln 2 in two parts, the first exact times n
  float series = 1.0F / 5040;
  series = 1.0F / 720 + r * series;
  series = 1.0F / 120 + r * series;
  series = 1.0F / 24 + r * series;
  series = 1.0F / 6 + r * series;
  series = 1.0F / 2 + r * series;
  series = 1.0F + r * (1.0F + r * series);
  return series * std::bit_cast<float>((std::bit_cast<std::int32_t>(shifted) + 127) << 23);
}

SDA_INLINE double exponential(double x) {
  x = x > 708.0 ? 708.0 : x < -708.0 ? -708.0 : x;
  const double shifted = x * 1.4426950408889634 + 0x1.8p52;
  const double n = shifted - 0x1.8p52;
  const double r = (x - n * 0x1.62e42ffp-1) + n * 0x1.718432a1b0e26p-35;
  double series = 1.0 / 6227020800;  // 13!
  series = 1.0 / 479001600 + r * series;
  series = 1.0 / 39916800 + r * series;
  series = 1.0 / 3628800 + r * series;
  series = 1.0 / 362880 + r * series;
  series = 1.0 / 40320 + r * series;
  series = 1.0 / 5040 + r * series;
  series = 1.0 / 720 + r * series;
  series = 1.0 / 120 + r * series;
  series = 1.0 / 24 + r * series;
  series = 1.0 / 6 + r * series;
  series = 1.0 / 2 + r * series;
  series = 1.0 + r * (1.0 + r * series);
  return series * std::bit_cast<double>((std::bit_cast<std::int64_t>(shifted) + 1023) << 52);
}

/// Scratch of a Runge-Kutta step, as many values as the state has in lanes.
template <class Real>
struct Scratch {
  explicit Scratch(std::int64_t size)
      : slope(static_cast<std::size_t>(size * width)), total(slope.size()), stage(slope.size()) {}
  std::vector<Real> slope, total, stage;
};

/// x ← x + h/6 (k₁ + 2 k₂ + 2 k₃ + k₄), k₁ = f(x), k₂ = f(x + h/2 k₁), k₃ = f(x + h/2 k₂), k₄ = f(x + h k₃).
template <class Real, class System>
SDA_INLINE void runge_kutta(const System& f, Real* x, std::int64_t size, Real h, Scratch<Real>& scratch) {
  const std::int64_t n = size * width;
  Real *k = scratch.slope.data(), *total = scratch.total.data(), *stage = scratch.stage.data();
  const Real reach[3] = {h / 2, h / 2, h}, weight[3] = {1, 2, 2};

  f.tendency(x, k, size);
  for (int i = 0; i < 3; ++i) {
#pragma GCC ivdep
    for (std::int64_t j = 0; j < n; ++j) {
      total[j] = (i == 0 ? Real{0} : total[j]) + weight[i] * k[j];
      stage[j] = x[j] + reach[i] * k[j];
    }
    f.tendency(stage, k, size);
  }
#pragma GCC ivdep
  for (std::int64_t j = 0; j < n; ++j) x[j] += h / 6 * (total[j] + k[j]);
}

}  // namespace sda::ode
