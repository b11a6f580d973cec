// Lorenz (1963), with parameters that may not be known.
#include "sda/dynamics/lorenz63.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "dynamics/simulated.hpp"
#include "dynamics/systems/rows.hpp"

namespace sda {
namespace ode {
namespace {

/// Lorenz (1963): ẋ = σ (y − x), ẏ = x (ρ − z) − y, ż = x y − β z.
template <class Real>
struct Lorenz63 {
  Real sigma, rho, beta;
  Lorenz63<float> narrow() const {
    return {static_cast<float>(sigma), static_cast<float>(rho), static_cast<float>(beta)};
  }
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
  Lorenz63Unknown<float> narrow() const { return {known.narrow(), sigma_row, rho_row, beta_row}; }
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

SDA_SIMD_CLONES void step(const Lorenz63<float>& f, float* x, std::int64_t n, float h, Scratch<float>& s) {
  runge_kutta(f, x, n, h, s);
}
SDA_SIMD_CLONES void step(const Lorenz63<double>& f, double* x, std::int64_t n, double h, Scratch<double>& s) {
  runge_kutta(f, x, n, h, s);
}
SDA_SIMD_CLONES void step(const Lorenz63Unknown<float>& f, float* x, std::int64_t n, float h, Scratch<float>& s) {
  runge_kutta(f, x, n, h, s);
}
SDA_SIMD_CLONES void step(const Lorenz63Unknown<double>& f, double* x, std::int64_t n, double h, Scratch<double>& s) {
  runge_kutta(f, x, n, h, s);
}

}  // namespace
}  // namespace ode

namespace {

using ode::Lorenz63;
using ode::Lorenz63Unknown;

/// A parameter that is not known: its name in TOML, what it is, and its range.
struct Unknown {
  std::string name, meaning;
  double min, max;
};

std::vector<Unknown> unknowns_of(const Lorenz63Parameters& p, Lorenz63Unknown<double>& equation) {
  std::vector<Unknown> unknowns;
  int row = 3;
  const auto add = [&](const std::string& name, const std::string& meaning, const std::vector<double>& range, int& at) {
    if (range.empty()) return;
    if (range.size() != 2 || !(range[0] < range[1])) {
      refuse_dynamics(name + "_range", fmt::format("[{}]", fmt::join(range, ", ")), "[min, max], min below max");
    }
    unknowns.push_back({name, meaning, range[0], range[1]});
    at = row++;
  };
  add("sigma", "Lorenz 1963 Prandtl number", p.sigma_range, equation.sigma_row);
  add("rho", "Lorenz 1963 Rayleigh number", p.rho_range, equation.rho_row);
  add("beta", "Lorenz 1963 geometric factor", p.beta_range, equation.beta_row);
  return unknowns;
}

/// With the paper's start and normalisation.
std::unique_ptr<Dynamics> make_lorenz63(const DynamicsParameters& p) {
  const Lorenz63Parameters& own = p.lorenz63;
  const double dt = p.dt > 0 ? p.dt : 0.025;
  const Tensor mean = numbers({0, 0, 25}), deviation = numbers({8, 9, 8.6});
  const Tensor factor =
      covariance_factor(numbers({64, 50, 0, 50, 81, 0, 0, 0, 75}).reshape({3, 3}), "covariance of the first state");
  Description about{.name = "lorenz63",
                    .layout = {.event = {3},
                               .variables = {{"x", "Lorenz 1963 convection intensity"},
                                             {"y", "Lorenz 1963 horizontal temperature variation"},
                                             {"z", "Lorenz 1963 vertical temperature variation"}},
                               .space_names = {},
                               .dt = dt},
                    .normalisation = {.mean = mean, .std = deviation},
                    .substeps = p.substeps,
                    .noise = p.noise < 0 ? std::sqrt(dt) : p.noise,
                    .noisy = 3,
                    .start = [=](std::int64_t members, const StreamKey& key, at::ScalarType dtype) {
                      return correlate(normal({members, 3}, key, dtype), factor, mean);
                    }};
  Lorenz63Unknown<double> equation{.known = {own.sigma, own.rho, own.beta}};
  const auto unknowns = unknowns_of(own, equation);
  if (unknowns.empty()) return std::make_unique<Simulated<Lorenz63>>(equation.known, std::move(about));

  std::vector<double> min, width;
  for (const auto& unknown : unknowns) {
    about.layout.variables.push_back({unknown.name, unknown.meaning});
    min.push_back(unknown.min), width.push_back(unknown.max - unknown.min);
  }
  const Tensor from = at::tensor(min, at::kDouble), over = at::tensor(width, at::kDouble);
  about.layout.event = {3 + std::ssize(unknowns)};
  about.normalisation = {.mean = at::cat({mean, from + over / 2}), .std = at::cat({deviation, over / std::sqrt(12)})};
  // Φ of further draws of the member's stream.
  about.start = [=, n = from.size(0)](std::int64_t members, const StreamKey& key, at::ScalarType dtype) {
    const Tensor z = normal({members, 3 + n}, key, dtype);
    const Tensor constants = at::special_ndtr(z.narrow(1, 3, n)) * over.to(dtype) + from.to(dtype);
    return at::cat({correlate(z.narrow(1, 0, 3), factor, mean), constants}, 1);
  };
  return std::make_unique<Simulated<Lorenz63Unknown>>(equation, std::move(about));
}

}  // namespace

DynamicsSystem lorenz63_system() {
  return {
      .name = "lorenz63",
      .help = "Lorenz (1963): three variables, chaotic; noise √dt unless said otherwise",
      .make = make_lorenz63,
      .cases = {{"lorenz63", {}}, {"lorenz63_deterministic", {.noise = 0}}, {"lorenz63_in_substeps", {.substeps = 4}}}};
}

}  // namespace sda
