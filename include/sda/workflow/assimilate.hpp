/// Assimilation on files: a model and observations into an ensemble file. A run that is stopped leaves what is done
/// beside the ensemble and goes on from it, bit for bit as if it had not been stopped.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sda/assimilation/assimilate.hpp"
#include "sda/core/provenance.hpp"
#include "sda/data/files/stopped_assimilation.hpp"
#include "sda/experiment/experiment.hpp"
#include "sda/workflow/telling.hpp"

namespace sda {

struct AssimilationFiles {
  std::string model, observations;
  std::string ensemble;        ///< to be written
  bool split_members = false;  ///< each member in a file of its own too
  bool resume = false;         ///< from what a run that was stopped has left
};

/// What a run of these files has left in posterior.checkpoint.nc, for posterior.nc; nothing without `resume`. Throws
/// FileError; UsageError where it was of other files, of another experiment, or of another seed than the one given.
std::optional<StoppedAssimilation> stopped_assimilation(const AssimilationFiles& files, const Experiment& experiment,
                                                        std::optional<std::uint64_t> seed_given);

/// Called before the ensemble is written; what it throws is passed on, and nothing is written.
using AcceptAssimilation = std::function<void(const Assimilation&)>;

/// Draws the ensemble under provenance.seed and writes it. Throws as assimilate, FileError where it cannot be written;
/// Interrupted after a stop signal or at the time limit, with a checkpoint left.
Assimilation assimilate_to_file(const Prior& prior, const Observations& observations, const Experiment& experiment,
                                const AssimilationFiles& files, std::optional<StoppedAssimilation> stopped,
                                const Provenance& provenance, const Telling& telling = {},
                                const AcceptAssimilation& accept = {});

}  // namespace sda
