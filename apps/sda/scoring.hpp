/// Ensembles read, scored and put into one table: what `evaluate` and `report` have in common.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "command.hpp"
#include "sda/evaluation/field_scores.hpp"
#include "sda/evaluation/metrics.hpp"

namespace sda::app {

struct ScoredEnsemble {
  std::string of;    ///< the observation's name
  std::string file;  ///< as given
  EnsembleCost cost;
  EnsembleScores scores;
  std::optional<FieldScores> fields;  ///< of states on a plane
};

/// Flags of what ensembles are scored by besides their observation.
struct ScoringFlags {
  std::string truth;             ///< trajectory file; empty: the truth that the observation holds, if any
  std::int64_t trajectory = 0;   ///< of that file
  std::string simulated;         ///< trajectory file; empty: none
  std::int64_t transitions = 0;  ///< of each member, repeated by the simulator
};
void add_scoring_flags(CLI::App& flags, ScoringFlags& options);

/// What ensembles of one observation are scored against.
class Scoring {
 public:
  /// Reads the observations at `path`, and what the flags name.
  Scoring(const std::string& path, const ScoringFlags& flags, std::uint64_t seed);

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

/// An ensemble of the trajectory that `observations` observe; FileError if it is of another.
EnsembleFile read_ensemble_of(const std::string& path, const Observations& observations);

/// One line for each ensemble, columns aligned, means with ± standard errors; "-" where there is no value. Scores of
/// fields in a second table.
std::string score_table(const std::vector<ScoredEnsemble>& rows);

}  // namespace sda::app
