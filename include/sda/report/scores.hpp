/// Scores of ensembles as text: a table for people, JSON for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sda/evaluation/scored_ensemble.hpp"

namespace sda {

/// One line for each ensemble, columns aligned, means with ± standard errors; "-" where there is no value. Scores of
/// fields in a second table.
std::string score_table(const std::vector<ScoredEnsemble>& rows);

/// An object with the observation's name and file, "ensembles" and, if there is one, "reference".
std::string score_json(const std::string& name, const std::string& observations,
                       const std::vector<ScoredEnsemble>& rows, const std::optional<ScoredEnsemble>& reference);

}  // namespace sda
