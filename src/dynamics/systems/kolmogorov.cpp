// Kolmogorov flow's row of the registry; the flow itself is in dynamics/kolmogorov.cpp.
#include "sda/dynamics/kolmogorov.hpp"

#include "dynamics/systems/rows.hpp"

namespace sda {
namespace {

std::unique_ptr<Dynamics> make_kolmogorov(const DynamicsParameters& p) {
  if (p.noise > 0) refuse_dynamics("noise", std::to_string(p.noise), "0", "kolmogorov is deterministic");
  if (p.substeps != 1) {
    refuse_dynamics("substeps", std::to_string(p.substeps), "1", "set dynamics.cfl for shorter steps");
  }
  return std::make_unique<KolmogorovFlow>(p.kolmogorov, p.dt > 0 ? p.dt : 0.2);
}

}  // namespace

DynamicsSystem kolmogorov_system() {
  return {.name = "kolmogorov",
          .help = "two-dimensional turbulence driven by a sine",
          .make = make_kolmogorov,
          .cases = {{"kolmogorov", {.system = "kolmogorov", .dt = 0.05, .kolmogorov = {.grid = 8, .solver_grid = 16}}},
                    {"kolmogorov_on_the_grid_of_its_states",
                     {.system = "kolmogorov",
                      .dt = 0.1,
                      .kolmogorov = {.forcing_wavenumber = 2, .grid = 12, .solver_grid = 12}}}}};
}

}  // namespace sda
