// Lotka (1925) and Volterra (1926) for u = log prey, v = log predators: u̇ = α − β eᵛ, v̇ = δ eᵘ − γ.
#include "sda/dynamics/lotka_volterra.hpp"

#include "dynamics/simulated.hpp"
#include "dynamics/systems/rows.hpp"

namespace sda {
namespace ode {
namespace {

template <class Real>
struct LotkaVolterra {
  Real growth, predation, reproduction, death;
  LotkaVolterra<float> narrow() const {
    return {static_cast<float>(growth), static_cast<float>(predation), static_cast<float>(reproduction),
            static_cast<float>(death)};
  }
  SDA_INLINE void tendency(const Real* s, Real* k, std::int64_t) const {
#pragma GCC ivdep
    for (int lane = 0; lane < width; ++lane) {
      k[lane] = growth - predation * exponential(s[lane + width]);
      k[lane + width] = reproduction * exponential(s[lane]) - death;
    }
  }
};

SDA_SIMD_CLONES void step(const LotkaVolterra<float>& f, float* x, std::int64_t n, float h, Scratch<float>& s) {
  runge_kutta(f, x, n, h, s);
}
SDA_SIMD_CLONES void step(const LotkaVolterra<double>& f, double* x, std::int64_t n, double h, Scratch<double>& s) {
  runge_kutta(f, x, n, h, s);
}

}  // namespace
}  // namespace ode

namespace {

/// States are logarithms; starts are uniform in (0, 1). The normalisation holds the moments of long runs with all rates
/// 1, mean −0.2 and std 0.68, with the mean moved to the fixed point (log γ/δ, log α/β) of these
/// rates.
std::unique_ptr<Dynamics> make_lotka_volterra(const DynamicsParameters& p) {
  const LotkaVolterraParameters& own = p.lotka_volterra;
  Description about{
      .name = "lotka_volterra",
      .layout = {.event = {2},
                 .variables = {{"u", "logarithm of prey density"}, {"v", "logarithm of predator density"}},
                 .space_names = {},
                 .dt = p.dt > 0 ? p.dt : 0.01},
      .normalisation = {.mean = numbers({std::log(own.death / own.reproduction) - 0.2,
                                         std::log(own.prey_growth / own.predation) - 0.2}),
                        .std = numbers({0.68, 0.68})},
      .substeps = p.substeps,
      .noise = std::max(p.noise, 0.0),
      .start = [](std::int64_t members, const StreamKey& key, at::ScalarType dtype) {
        return uniform({members, 2}, key, dtype);
      }};
  return std::make_unique<Simulated<ode::LotkaVolterra>>(
      ode::LotkaVolterra<double>{own.prey_growth, own.predation, own.reproduction, own.death}, std::move(about));
}

}  // namespace

DynamicsSystem lotka_volterra_system() {
  return {.name = "lotka_volterra",
          .help = "Lotka (1925) and Volterra (1926): logarithms of prey and predators, periodic",
          .make = make_lotka_volterra,
          .cases = {{"lotka_volterra", {.system = "lotka_volterra"}},
                    {"lotka_volterra_noisy", {.system = "lotka_volterra", .noise = 0.05}}}};
}

}  // namespace sda
