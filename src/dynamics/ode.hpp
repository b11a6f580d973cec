/// Ordinary differential equations in lanes: the right-hand sides, and the classic Runge-Kutta step of fourth order.
/// Private to src/.
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

/// Lorenz (1963): ẋ = σ (y − x), ẏ = x (ρ − z) − y, ż = x y − β z.
template <class Real>
struct Lorenz63 {
  Real sigma, rho, beta;
  SDA_INLINE void tendency(const Real* s, Real* k, std::int64_t) const {
#pragma GCC ivdep
    for (int lane = 0; lane < width; ++lane) {
      const Real x = s[lane], y = s[lane + width], z = s[lane + 2 * width];
      k[lane] = sigma * (y - x);
      k[lane + width] = x * (rho - z) - y;
      k[lane + 2 * width] = x * y - beta * z;
    }
  }
};

/// Lorenz (1963) with parameters that are not known: components of the state that keep their values. A parameter's row
/// is that in the state, or −1 where `known` holds it.
template <class Real>
struct Lorenz63Unknown {
  Lorenz63<Real> known;
  int sigma_row = -1, rho_row = -1, beta_row = -1;
  SDA_INLINE void tendency(const Real* s, Real* k, std::int64_t size) const {
    Real sigma[width], rho[width], beta[width];
    fill(sigma, s, sigma_row, known.sigma);
    fill(rho, s, rho_row, known.rho);
    fill(beta, s, beta_row, known.beta);
#pragma GCC ivdep
    for (int lane = 0; lane < width; ++lane) {
      const Real x = s[lane], y = s[lane + width], z = s[lane + 2 * width];
      k[lane] = sigma[lane] * (y - x);
      k[lane + width] = x * (rho[lane] - z) - y;
      k[lane + 2 * width] = x * y - beta[lane] * z;
    }
    for (std::int64_t i = 3 * width; i < size * width; ++i) k[i] = 0;
  }

 private:
  SDA_INLINE static void fill(Real* lanes, const Real* s, int row, Real value) {
    for (int lane = 0; lane < width; ++lane) lanes[lane] = row < 0 ? value : s[lane + row * width];
  }
};

/// Lorenz (1996), ẋ_i = (x_{i−1} − x_{i+2}) x_{i+1} − x_i + F on a ring: the public reference's form, which is the
/// usual one with the sites counted the other way round.
template <class Real>
struct Lorenz96 {
  Real forcing;
  SDA_INLINE void tendency(const Real* s, Real* k, std::int64_t sites) const {
    for (std::int64_t i = 0; i < sites; ++i) {
      const Real* x = s + i * width;
      const Real* before = s + (i == 0 ? sites - 1 : i - 1) * width;
      const Real* next = s + (i + 1 < sites ? i + 1 : i + 1 - sites) * width;
      const Real* second = s + (i + 2 < sites ? i + 2 : i + 2 - sites) * width;
#pragma GCC ivdep
      for (int lane = 0; lane < width; ++lane) {
        k[i * width + lane] = (before[lane] - second[lane]) * next[lane] - x[lane] + forcing;
      }
    }
  }
};

/// Lotka (1925) and Volterra (1926) for u = log prey, v = log predators: u̇ = α − β eᵛ, v̇ = δ eᵘ − γ.
template <class Real>
struct LotkaVolterra {
  Real growth, predation, reproduction, death;
  SDA_INLINE void tendency(const Real* s, Real* k, std::int64_t) const {
#pragma GCC ivdep
    for (int lane = 0; lane < width; ++lane) {
      k[lane] = growth - predation * exponential(s[lane + width]);
      k[lane + width] = reproduction * exponential(s[lane]) - death;
    }
  }
};

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
