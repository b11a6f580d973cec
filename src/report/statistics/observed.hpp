/// Observations beside the states: over the component they are of, or over what the operator gives of the members.
#pragma once

#include <string>
#include <vector>

#include "report/statistics/case_data.hpp"

namespace sda::report {

/// Observations that are not of single components.
struct ObservedApart {
  std::vector<Panel> panels{};  ///< of A(members), as far as there is room
  std::int64_t count = 0;       ///< how many there are
  bool between = false;         ///< whether some lie between points of the grid, shown at the nearest
};

/// Puts the observations of single components over the panels of the `shown` components, in their unit, and gives
/// panels of their own to others.
ObservedApart add_observations(const CaseData& data, const std::vector<std::int64_t>& shown,
                               std::vector<Panel>& states);

/// Operator, noise and count of all parts, in a phrase.
std::string describe_observations(const Observations& y);

}  // namespace sda::report
