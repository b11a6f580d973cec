/// Evaluation of files: ensembles of one observation scored against it, against the truth and beside a filter's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sda/core/progress.hpp"
#include "sda/data/files.hpp"
#include "sda/dynamics/dynamics.hpp"
#include "sda/evaluation/scored_ensemble.hpp"

namespace sda {

/// What ensembles are scored by besides their observation.
struct ScoringInput {
  std::string truth;             ///< trajectory file; empty: the truth that the observation holds, if any
  std::int64_t trajectory = 0;   ///< of that file
  std::string simulated;         ///< trajectory file; empty: none
  std::int64_t transitions = 0;  ///< of each member, repeated by the simulator
};

/// What ensembles of one observation are scored against.
class Scoring {
 public:
  /// Reads the observations at `path`, and what `input` names. Throws FileError, and UsageError where `input` asks for
  /// what these states do not have.
  Scoring(const std::string& path, const ScoringInput& input, std::uint64_t seed);

  const Observations& observations() const { return observed_.observations; }
  const Tensor& simulated() const { return simulated_; }  ///< undefined if none was named
  /// `reference`: the filter's members, `second_reference` those of an independent run; undefined if there is none.
  ScoredEnsemble score(const std::string& path, const EnsembleFile& file, const Tensor& reference = {},
                       const Tensor& second_reference = {}) const;
  /// What the table's reader should know of its gaps, a line; mostly empty.
  std::string remark() const;
  /// Interpolations of the observations; none for observations that cannot be interpolated.
  std::vector<ScoredEnsemble> score_interpolations() const;

 private:
  ObservationFile observed_;
  std::unique_ptr<Dynamics> dynamics_;
  Tensor simulated_;
  std::int64_t transitions_;
  std::uint64_t seed_;
};

/// What is wrong with departures from the observations, a line that begins with the ensemble's file; empty where
/// nothing is, and of what is in no file.
std::string remark_on_misfit(const ScoredEnsemble& scored);

/// An ensemble of the trajectory that `observations` observe; FileError if it is of another.
EnsembleFile read_ensemble_of(const std::string& path, const Observations& observations);

struct EvaluationFiles {
  std::string observations;
  std::vector<std::string> ensembles;
  std::string reference{}, floor{};  ///< the filter's, and one of another seed; empty: none
  ScoringInput scoring{};
};
struct EvaluationResult {
  std::string name;                           ///< of the observation
  std::vector<ScoredEnsemble> rows;           ///< ensembles, then interpolations
  std::optional<ScoredEnsemble> reference{};  ///< the filter's own; its distance to itself says nothing
  std::string remark{};                       ///< as Scoring::remark and remark_on_misfit

  /// All in one list, the reference last.
  std::vector<ScoredEnsemble> all() const;
};
/// Scores of files; `progress` counts ensembles. Throws as Scoring and read_ensemble_of.
EvaluationResult evaluate_files(const EvaluationFiles& files, std::uint64_t seed,
                                const ProgressCallback& progress = {});

}  // namespace sda
