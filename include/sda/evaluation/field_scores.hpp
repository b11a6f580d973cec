/// How good an ensemble of fields on a plane is: fit to the observations, skill where there were observations and where
/// there were none, energy spectrum and consistency with the simulator.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sda/core/trajectories.hpp"
#include "sda/dynamics/dynamics.hpp"
#include "sda/evaluation/metrics.hpp"
#include "sda/observation/observations.hpp"

namespace sda {

/// Standard deviation of A(member) − y over the noise's σ, about zero, of all observations of one part; 1 where members
/// fit as well as the truth does. The standard error is over members.
struct Residual {
  std::string part;
  Estimate over_noise;
};
/// Of each part of the observations; members (member, length, …event), physical units.
std::vector<Residual> departures(const Observations& observations, const Tensor& members);

/// Which components of the trajectory the observations depend on: A's VJP at an arbitrary state is not zero there.
/// (length, …event), bool.
Tensor observed_components(const Observations& observations);

/// Skill over some components of a trajectory, in normalised units; as `rmse`, `spread`, `crps`, `rank_histogram`.
struct Skill {
  std::int64_t components = 0;
  double rmse = 0;
  std::optional<double> spread, crps;  ///< of at least 2 members
  std::vector<std::int64_t> ranks;
};
/// `members` (member, length, …event), `truth` and the bool `chosen` (length, …event). Empty if none is chosen.
/// `weight` as that of `rmse`.
std::optional<Skill> skill(const Tensor& members, const Tensor& truth, const Tensor& chosen, std::uint64_t seed,
                           const Tensor& weight = {});

/// √ mean over components of (x_{i+1} − advance(x_i))², over `transitions` of the trajectory, evenly spread (all if
/// there are fewer); a mean over members (member, length, …event) with its standard error, physical units. Throws
/// UnsupportedError for dynamics that draw noise: there the log-prior says how likely a transition is.
Estimate one_step_error(const Dynamics& dynamics, const Tensor& members, std::int64_t transitions);

/// Least and largest ratio, over resolved shells, of the members' mean energy spectrum to the simulator's.
struct SpectrumRatio {
  double min = 0, largest = 0;
};
/// Both (…, 2, y, x), averaged over what comes before.
SpectrumRatio spectrum_ratio(const Tensor& members, const Tensor& simulated, const StateLayout& layout);

/// Everything above for one ensemble; what cannot be had (no truth, no velocity, no simulator) is empty.
struct FieldScores {
  std::vector<Residual> departures;
  std::optional<Skill> observed, unobserved;
  std::optional<Estimate> one_step, truth_one_step;
  std::optional<SpectrumRatio> spectrum;  ///< against `simulated`, else the truth
};

/// Whether `score_fields` has something to say: states that have two axes of space.
bool has_fields(const StateLayout& layout);

/// `simulated` (…, 2, y, x) velocities of the simulator, may be undefined. `dynamics` may be null; a one-step error
/// takes `transitions` of each member through it (0: not asked for), and is not had of members at more than ten times
/// the largest speed of `simulated` or the truth, which the solver would take for ever with.
FieldScores score_fields(const Ensemble& ensemble, const Observations& observations, const Tensor& simulated,
                         const Dynamics* dynamics, std::int64_t transitions, std::uint64_t seed);

}  // namespace sda
