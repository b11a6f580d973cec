/// Scores as text: as many digits as their errors warrant.
#pragma once

#include <string>
#include <vector>

#include "sda/evaluation/metrics.hpp"

namespace sda::report {

/// "19.3 ± 2.1" with as many decimals as the error warrants.
std::string to_string(const Estimate& estimate);
/// One row of the table of scores; a dash where there is none. Columns as `score_columns`.
std::vector<std::string> score_row(const EnsembleScores& scores);
std::vector<std::string> score_columns();

}  // namespace sda::report
