/// The systems that ship, by name. Ordinary differential equations go by RK4 steps through dt, then noise. A system is
/// its parameters and their `fields` in a header of its own, a row of the registry in src/dynamics/systems/, and a
/// member of DynamicsParameters.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sda/core/fields.hpp"
#include "sda/dynamics/dynamics.hpp"
#include "sda/dynamics/kolmogorov.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "sda/dynamics/lorenz63.hpp"
#include "sda/dynamics/lorenz96.hpp"
#include "sda/dynamics/lotka_volterra.hpp"

namespace sda {

/// All systems' parameters; each system reads its own and the first four.
struct DynamicsParameters {
  std::string system = "lorenz63";  ///< one of dynamics_names()
  double dt = 0.0;                  ///< 0: the system's own (0.025, 0.01, 0.01, 0.01, 1, 1, 0.2)
  std::int64_t substeps = 1;        ///< RK4 steps within dt; kolmogorov has its own
  double noise = -1.0;  ///< std of the noise on each state; −1: the system's own (√dt for lorenz63, 0 for the others)
  Lorenz63Parameters lorenz63{};
  Lorenz96Parameters lorenz96{};
  LotkaVolterraParameters lotka_volterra{};
  RotationParameters rotation{};
  LinearParameters linear{};
  KolmogorovParameters kolmogorov{};
};

/// A row of the registry.
struct DynamicsSystem {
  std::string name;  ///< "lorenz63"
  std::string help;  ///< what it is, a line
  /// Of parameters whose ranges are checked. Throws UsageError for what they cannot be together.
  std::function<std::unique_ptr<Dynamics>(const DynamicsParameters&)> make;
  struct Case {
    std::string name;  ///< letters, digits and underscores
    DynamicsParameters parameters;
  };
  /// What the conformance suite makes of it; quick to simulate.
  std::vector<Case> cases;
};
/// All of them, in the order of help and messages.
const std::vector<DynamicsSystem>& dynamics_systems();
std::vector<std::string> dynamics_names();

template <class Visitor>
void fields(Visitor& v, DynamicsParameters& p) {
  v("system", p.system, "which dynamics", one_of(dynamics_names()));
  v("dt", p.dt, "time between states; 0: the system's own", at_least(0));
  v("substeps", p.substeps, "RK4 steps within dt", at_least(1));
  v("noise", p.noise, "std of the noise added to each state; -1: the system's own, 0: deterministic", at_least(-1));
  fields(v, p.lorenz63);
  fields(v, p.lorenz96);
  fields(v, p.lotka_volterra);
  fields(v, p.rotation);
  fields(v, p.linear);
  fields(v, p.kolmogorov);
}

/// The system of that name. Throws UsageError for an unknown system or parameters out of range.
std::unique_ptr<Dynamics> make_dynamics(const DynamicsParameters& parameters);

}  // namespace sda
