/// Which observations are of one variable, one place or one time. Private to src/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sda/evaluation/misfit.hpp"
#include "sda/observation/observations.hpp"

namespace sda::evaluation {

/// A group of each observation, in the order of Observations::departure.
struct ObservationGroups {
  ObservationGrouping by = ObservationGrouping::variable;
  std::vector<std::string> names{};      ///< of the groups
  std::vector<std::int64_t> group_of{};  ///< of each observation; −1 where it is not known
};

/// Variable, place and time, in this order.
std::vector<ObservationGroups> observation_groups(const Observations& observations);

}  // namespace sda::evaluation
