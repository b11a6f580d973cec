/// Bootstrap particle filter (Gordon, Salmond & Smith 1993): the posterior's truth for small systems.
#pragma once

#include "sda/baselines/saving.hpp"
#include "sda/core/fields.hpp"
#include "sda/core/progress.hpp"
#include "sda/core/trajectories.hpp"
#include "sda/dynamics/dynamics.hpp"
#include "sda/observation/observations.hpp"

namespace sda {

struct ParticleFilterParameters {
  std::int64_t particles = 16384;
  std::int64_t members = 1024;  ///< trajectories kept of them
  std::int64_t spin_up = 64;    ///< transitions before the first state, from the dynamics' start
  double save_minutes = 10;     ///< between savings of what is done; see FilterSaving
};

template <class Visitor>
void fields(Visitor& v, ParticleFilterParameters& p) {
  v("particles", p.particles, "particles", at_least(1));
  v("members", p.members, "trajectories kept", at_least(1));
  v("spin_up", p.spin_up, "transitions from the dynamics' first draw to the first state", at_least(0));
  v("save_minutes", p.save_minutes, "minutes between savings of what is done, to go on from with --resume", above(0));
}

struct FilterResult {
  Ensemble ensemble;
  double log_evidence = 0;             ///< log p(y), estimated
  double smallest_effective_size = 0;  ///< least 1 / Σ w² over time, in particles
  std::int64_t distinct_starts = 0;    ///< distinct first states among the kept members (path degeneracy)
  double seconds = 0;                  ///< of work, of all runs together
};

/// Trajectories from p(x_1:L | y): particles move by the dynamics, are weighed by log-weights at each observed state
/// and resampled systematically there; ancestors are recorded as indices and traced once, at the end. Throws
/// UnsupportedError if the dynamics is deterministic; Interrupted after a stop signal; ShapeError to go on from a state
/// of another filter.
FilterResult particle_filter(const Dynamics& dynamics, const Observations& observations,
                             const ParticleFilterParameters& parameters, std::uint64_t seed,
                             const ProgressCallback& progress = {}, const FilterSaving& saving = {});

/// Systematic resampling: ancestors of `count` offspring for log-weights (n), one uniform in (0, 1).
std::vector<std::int64_t> systematic_resampling(const std::vector<double>& log_weights, std::int64_t count,
                                                double uniform);

}  // namespace sda
