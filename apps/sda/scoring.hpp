/// Ensembles read, scored and put into one table: what `evaluate` and `report` have in common.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "command.hpp"
#include "sda/evaluation/metrics.hpp"

namespace sda::app {

struct ScoredEnsemble {
  std::string of;    ///< the observation's name
  std::string file;  ///< as given
  EnsembleCost cost;
  EnsembleScores scores;
};

/// An ensemble of the trajectory that `observations` observe; FileError if it is of another.
EnsembleFile read_ensemble_of(const std::string& path, const Observations& observations);

/// `reference`: the filter's members, `second_reference` those of an independent run; undefined if there is none.
ScoredEnsemble score(const std::string& path, const EnsembleFile& file, const ObservationFile& observed,
                     const Dynamics* dynamics, const Tensor& reference, const Tensor& second_reference,
                     std::uint64_t seed);

/// The dynamics an observation file names; null if it names none.
std::unique_ptr<Dynamics> dynamics_of(const ObservationFile& observed, const std::string& path);

/// One line for each ensemble, columns aligned, means with ± standard errors; "-" where there is no value.
std::string score_table(const std::vector<ScoredEnsemble>& rows);

}  // namespace sda::app
