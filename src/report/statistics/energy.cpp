/// E(k) over states, for wavenumbers that the grid resolves.
#include "report/statistics/energy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/torch.hpp"
#include "sda/evaluation/spectrum.hpp"

namespace sda::report {

/// Energy of each wavenumber that the grid resolves, over states: of some members, the truth, and the simulator.
Spectrum spectrum_of(const CaseData& data) {
  constexpr std::int64_t max_members = 32, max_states = 256;
  const auto some = [](const Tensor& x, std::int64_t axis, std::int64_t max) {
    const auto chosen = spread_indices(x.size(axis), std::min(x.size(axis), max));
    return x.index_select(axis, at::tensor(chosen, at::kLong));
  };
  const auto energy = [&](const Tensor& states) {  // (state, resolved)
    const auto shell = energy_spectrum(some(states.flatten(0, -4), 0, max_states), data.y.layout);
    return shell.energy.narrow(1, 1, shell.resolved);
  };
  const auto shells = energy_spectrum(data.posterior[0][0], data.y.layout);
  Spectrum spectrum;
  auto& panel = spectrum.panel;
  panel.name = "energy";
  panel.title = "mean over states of members, truth and simulator; 5–95 % of states";
  const auto& layout = data.y.layout;
  const bool plain =
      unit_text(layout.variables[0].units) == "dimensionless" && unit_text(layout.space_units) == "dimensionless";
  panel.unit = plain ? "dimensionless" : fmt::format("({})² {}", layout.variables[0].units, layout.space_units);
  spectrum.wavenumber_axis =
      fmt::format("wavenumber ({})", plain ? std::string("dimensionless") : "rad / " + layout.space_units);
  panel.times.assign(shells.wavenumbers.begin() + 1, shells.wavenumbers.begin() + 1 + shells.resolved);
  const Tensor ours = energy(some(data.posterior, 0, max_members));
  const Tensor simulated =
      data.report_case.simulated.defined() ? energy(data.report_case.simulated.detach()) : Tensor();
  const Tensor truth = data.truth.defined() ? energy(data.truth) : Tensor();
  const Tensor reference = simulated.defined() ? simulated : truth;
  if (simulated.defined()) {
    panel.bands.push_back(band_of(Role::reference_band, "simulator", simulated));
    panel.curves.push_back({Role::reference_mean, "simulator, mean", to_vector(simulated.mean(0)), true});
  }
  panel.bands.push_back(band_of(Role::posterior_band, data.method, ours));
  panel.curves.push_back({Role::posterior_mean, data.method + ", mean", to_vector(ours.mean(0)), false});
  if (truth.defined()) panel.curves.push_back({Role::truth, "truth, mean", to_vector(truth.mean(0)), true});
  spectrum.caption = "Energy spectrum of the velocity, ½ mean square = sum over wavenumbers.";
  if (reference.defined()) {
    const Tensor ratio = ours.mean(0) / reference.mean(0);
    spectrum.caption += fmt::format(
        " Over all resolved wavenumbers {} members have {:.2f} to {:.2f} times the energy of the {}.", data.method,
        ratio.min().item<double>(), ratio.max().item<double>(), simulated.defined() ? "simulator’s states" : "truth");
  }
  return spectrum;
}

}  // namespace sda::report
