/// An ensemble with its scores: a line of a table.
#pragma once

#include <optional>
#include <string>

#include "sda/core/trajectories.hpp"
#include "sda/evaluation/field_scores.hpp"
#include "sda/evaluation/metrics.hpp"

namespace sda {

struct ScoredEnsemble {
  std::string of;    ///< the observation's name
  std::string file;  ///< as given; empty: it is in none
  EnsembleCost cost;
  EnsembleScores scores;
  std::optional<FieldScores> fields;  ///< of states on a plane
};

}  // namespace sda
