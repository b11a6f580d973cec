/// The systems that ship, by name. Ordinary differential equations go by RK4 steps through dt, then noise.
#pragma once

#include <memory>

#include "sda/core/fields.hpp"
#include "sda/dynamics/dynamics.hpp"
#include "sda/dynamics/kolmogorov.hpp"

namespace sda {

/// All systems' parameters; each system reads its own.
struct DynamicsParameters {
  /// lorenz63 | lorenz96 | lotka_volterra | damped_spring | rotation | linear | kolmogorov
  std::string system = "lorenz63";
  double dt = 0.0;            ///< 0: the system's own (0.025, 0.01, 0.01, 0.01, 1, 1, 0.2)
  std::int64_t substeps = 1;  ///< RK4 steps within dt; kolmogorov has its own
  double noise = -1.0;  ///< std of the noise on each state; −1: the system's own (√dt for lorenz63, 0 for the others)
  double sigma = 10.0, rho = 28.0, beta = 8.0 / 3.0;  ///< lorenz63
  /// lorenz63: [least, most] of a parameter that is not known; it is then a component of each state, behind x, y, z
  std::vector<double> sigma_range{}, rho_range{}, beta_range{};
  std::int64_t sites = 32;                                                     ///< lorenz96
  double forcing = 16.0;                                                       ///< lorenz96
  double prey_growth = 1.0, predation = 1.0, reproduction = 1.0, death = 1.0;  ///< lotka_volterra α β δ γ
  double r = 0.97, angle = 0.3;                                                ///< rotation
  std::vector<double> transition{};                                            ///< linear: A, row by row
  std::vector<double> innovation{};  ///< linear: Q's diagonal, or all of it row by row
  KolmogorovParameters kolmogorov{};
};

template <class Visitor>
void fields(Visitor& v, DynamicsParameters& p) {
  v("system", p.system, "which dynamics",
    one_of({"lorenz63", "lorenz96", "lotka_volterra", "damped_spring", "rotation", "linear", "kolmogorov"}));
  v("dt", p.dt, "time between states; 0: the system's own", at_least(0));
  v("substeps", p.substeps, "RK4 steps within dt", at_least(1));
  v("noise", p.noise, "std of the noise added to each state; -1: the system's own, 0: deterministic", at_least(-1));
  v("sigma", p.sigma, "lorenz63: Prandtl number", any());
  v("rho", p.rho, "lorenz63: Rayleigh number", any());
  v("beta", p.beta, "lorenz63: geometric factor", any());
  v("sigma_range", p.sigma_range,
    "lorenz63: [least, most] of a Prandtl number that is not known: drawn for each trajectory, and a component of its "
    "states",
    or_none(any()));
  v("rho_range", p.rho_range, "lorenz63: the same of the Rayleigh number", or_none(any()));
  v("beta_range", p.beta_range, "lorenz63: the same of the geometric factor", or_none(any()));
  v("sites", p.sites, "lorenz96: states on the ring", at_least(4));
  v("forcing", p.forcing, "lorenz96: F", any());
  v("prey_growth", p.prey_growth, "lotka_volterra: α", above(0));
  v("predation", p.predation, "lotka_volterra: β", above(0));
  v("reproduction", p.reproduction, "lotka_volterra: δ", above(0));
  v("death", p.death, "lotka_volterra: γ", above(0));
  v("r", p.r, "rotation: contraction", between(0, 1));
  v("angle", p.angle, "rotation: angle a step, rad", any());
  v("transition", p.transition, "linear: A of x(i+1) = A x(i) + noise from N(0, I) on, d x d numbers row by row",
    or_none(any()));
  v("innovation", p.innovation, "linear: variances of that noise, d numbers, or its covariance, d x d", or_none(any()));
  fields(v, p.kolmogorov);
}

/// Lorenz 1963, Lorenz 1996 and Lotka-Volterra (states in log space), the linear chains and Kolmogorov flow, by name.
/// Throws UsageError for an unknown system or parameters out of range.
std::unique_ptr<Dynamics> make_dynamics(const DynamicsParameters& parameters);

}  // namespace sda
