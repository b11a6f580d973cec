/// Assimilation on files: a model and observations into an ensemble file. A run that is stopped leaves what is done
/// beside the ensemble and goes on from it, bit for bit as if it had not been stopped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sda/assimilation/assimilate.hpp"
#include "sda/core/provenance.hpp"
#include "sda/data/files/stopped_assimilation.hpp"
#include "sda/evaluation/misfit.hpp"
#include "sda/experiment/experiment.hpp"
#include "sda/workflow/telling.hpp"

namespace sda {

struct AssimilationFiles {
  std::string model, observations;
  std::string ensemble;        ///< to be written
  bool split_members = false;  ///< each member in a file of its own too
  bool resume = false;         ///< from what a run that was stopped has left
  bool keep_diverged = false;  ///< what is no analysis is written all the same
};

/// What a run of these files has left in posterior.checkpoint.nc, for posterior.nc; nothing without `resume`. Throws
/// FileError; UsageError where it was of other files, of another experiment, or of another seed than the one given.
std::optional<StoppedAssimilation> stopped_assimilation(const AssimilationFiles& files, const Experiment& experiment,
                                                        std::optional<std::uint64_t> seed_given);

/// A sentence on members that depart from their observations more than they should (evaluation/misfit.hpp); mostly
/// empty, and always of members of the prior itself, which owe the observations nothing. Throws NumericalError, unless
/// `keep_diverged`, for members that are no analysis: they left the range of the data, or miss the observations by more
/// than three of their errors.
std::string judge_analysis(const MisfitSummary& found, const Prior& prior, const PosteriorParameters& parameters,
                           bool keep_diverged);

/// What was made.
struct AssimilationReport {
  std::string method;
  EnsembleCost cost{};
  double departure_over_sigma = 0;  ///< about 1 where the members explain the observations
};

/// Draws the ensemble under provenance.seed, judges it and writes it. Throws as assimilate and judge_analysis,
/// FileError where it cannot be written; Interrupted after a stop signal or at the time limit, with a checkpoint left.
/// Neither members nor file need to fit in memory: they are drawn and written in chunks that do. Of several ranks,
/// which call it alike, the first reads and writes what is saved, judges and writes; the others' reports are empty.
AssimilationReport assimilate_to_file(const Prior& prior, const Observations& observations,
                                      const Experiment& experiment, const AssimilationFiles& files,
                                      std::optional<StoppedAssimilation> stopped, const Provenance& provenance,
                                      const Telling& telling = {}, const RankGrid& ranks = {});

}  // namespace sda
