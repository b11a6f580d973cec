/// The particle filter on files: observations into an ensemble file. A run that is stopped leaves what is done beside
/// the ensemble and goes on from it, bit for bit as if it had not been stopped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sda/baselines/particle_filter.hpp"
#include "sda/core/provenance.hpp"
#include "sda/data/files/stopped_filter.hpp"
#include "sda/experiment/experiment.hpp"
#include "sda/workflow/telling.hpp"

namespace sda {

struct FilterFiles {
  std::string observations;
  std::string ensemble;  ///< to be written
  bool resume = false;   ///< from what a run that was stopped has left
};

/// What a run of these files has left in filter.checkpoint.nc, for filter.nc; nothing without `resume`. Throws
/// FileError; UsageError where it was of other observations, of another experiment, or of another seed than the one
/// given.
std::optional<StoppedFilter> stopped_filter(const FilterFiles& files, const Experiment& experiment,
                                            std::optional<std::uint64_t> seed_given);

/// Filters under provenance.seed and writes the ensemble. Throws as particle_filter, FileError where it cannot be
/// written; Interrupted after a stop signal or at the time limit, with a checkpoint left.
FilterResult filter_to_file(const Dynamics& dynamics, const Observations& observations, const Experiment& experiment,
                            const FilterFiles& files, std::optional<StoppedFilter> stopped,
                            const Provenance& provenance, const Telling& telling = {});

}  // namespace sda
