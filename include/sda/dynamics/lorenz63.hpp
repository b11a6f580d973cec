/// Lorenz (1963): ẋ = σ (y − x), ẏ = x (ρ − z) − y, ż = x y − β z, the paper's system (Rozet & Louppe 2023,
/// section 4.1).
#pragma once

#include <vector>

#include "sda/core/fields.hpp"

namespace sda {

/// Its states are x, y, z. A parameter that is not known is a component of each state too, behind them: uniform at the
/// start, constant ever after.
struct Lorenz63Parameters {
  double sigma = 10.0, rho = 28.0, beta = 8.0 / 3.0;
  /// [min, max] of a parameter that is not known; empty: it is
  std::vector<double> sigma_range{}, rho_range{}, beta_range{};
};

template <class Visitor>
void fields(Visitor& v, Lorenz63Parameters& p) {
  v("sigma", p.sigma, "lorenz63: Prandtl number", any());
  v("rho", p.rho, "lorenz63: Rayleigh number", any());
  v("beta", p.beta, "lorenz63: geometric factor", any());
  v("sigma_range", p.sigma_range,
    "lorenz63: [min, max] of a Prandtl number that is not known: drawn for each trajectory, and a component of its "
    "states",
    or_none(any()));
  v("rho_range", p.rho_range, "lorenz63: the same of the Rayleigh number", or_none(any()));
  v("beta_range", p.beta_range, "lorenz63: the same of the geometric factor", or_none(any()));
}

}  // namespace sda
