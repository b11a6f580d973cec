/// Flags of what ensembles are scored by: `evaluate` and `report` have them in common.
#pragma once

#include "command.hpp"
#include "sda/report/scores.hpp"
#include "sda/workflow/evaluate.hpp"

namespace sda::app {

void add_scoring_flags(CLI::App& flags, ScoringInput& input);

}  // namespace sda::app
