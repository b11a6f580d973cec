// Lorenz (1996), Lorenz & Emanuel (1998), equation 1: ẋ_j = (x_{j+1} − x_{j−2}) x_{j−1} − x_j + F on a ring.
#include "sda/dynamics/lorenz96.hpp"

#include "dynamics/simulated.hpp"
#include "dynamics/systems/rows.hpp"

namespace sda {
namespace ode {
namespace {

template <class Real>
struct Lorenz96 {
  Real forcing;
  std::int64_t forward;  ///< 1; −1 where sites are counted the other way round
  Lorenz96<float> narrow() const { return {static_cast<float>(forcing), forward}; }
  SDA_INLINE void tendency(const Real* s, Real* k, std::int64_t sites) const {
    for (std::int64_t j = 0; j < sites; ++j) {
      const Real* x = s + j * width;
      const Real* next = at(s, j + forward, sites);
      const Real* before = at(s, j - forward, sites);
      const Real* second_before = at(s, j - 2 * forward, sites);
#pragma GCC ivdep
      for (int lane = 0; lane < width; ++lane) {
        k[j * width + lane] = (next[lane] - second_before[lane]) * before[lane] - x[lane] + forcing;
      }
    }
  }

 private:
  SDA_INLINE static const Real* at(const Real* s, std::int64_t site, std::int64_t sites) {
    return s + (site < 0 ? site + sites : site < sites ? site : site - sites) * width;
  }
};

SDA_SIMD_CLONES void step(const Lorenz96<float>& f, float* x, std::int64_t n, float h, Scratch<float>& s) {
  runge_kutta(f, x, n, h, s);
}
SDA_SIMD_CLONES void step(const Lorenz96<double>& f, double* x, std::int64_t n, double h, Scratch<double>& s) {
  runge_kutta(f, x, n, h, s);
}

}  // namespace
}  // namespace ode

namespace {

/// Starts from N(0, I). The normalisation is one mean and one standard deviation for all sites. Energy balance,
/// d/dt Σ x²/2 = F Σ x − Σ x², makes the long-run variance F m − m² of the mean m, and m ≈ 1.1 F^0.37 fits long runs.
std::unique_ptr<Dynamics> make_lorenz96(const DynamicsParameters& p) {
  const Lorenz96Parameters& own = p.lorenz96;
  const double mean = 1.1 * std::pow(std::abs(own.forcing), 0.37);
  const double variance = std::abs(own.forcing) * mean - mean * mean;
  Description about{.name = "lorenz96",
                    .layout = {.event = {own.sites},
                               .variables = {{"x", "Lorenz 1996 state on a ring"}},
                               .space_names = {"site"},
                               .dt = p.dt > 0 ? p.dt : 0.01},
                    .normalisation = {.mean = at::full({own.sites}, std::copysign(mean, own.forcing), at::kDouble),
                                      .std = at::full({own.sites}, std::sqrt(std::max(variance, 1.0)), at::kDouble)},
                    .substeps = p.substeps,
                    .noise = std::max(p.noise, 0.0),
                    .start = [sites = own.sites](std::int64_t members, const StreamKey& key, at::ScalarType dtype) {
                      return normal({members, sites}, key, dtype);
                    }};
  return std::make_unique<Simulated<ode::Lorenz96>>(ode::Lorenz96<double>{own.forcing, own.mirrored ? -1 : 1},
                                                    std::move(about));
}

}  // namespace

DynamicsSystem lorenz96_system() {
  return {.name = "lorenz96",
          .help = "Lorenz (1996): sites on a ring, chaotic",
          .make = make_lorenz96,
          .cases = {{"lorenz96", {.system = "lorenz96", .lorenz96 = {.sites = 40}}},
                    {"lorenz96_mirrored", {.system = "lorenz96", .lorenz96 = {.sites = 8, .mirrored = true}}},
                    {"lorenz96_noisy", {.system = "lorenz96", .noise = 0.1, .lorenz96 = {.sites = 7}}}}};
}

}  // namespace sda
