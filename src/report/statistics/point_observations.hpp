/// Observations at points with times of their own, as pictures show them: at the nearest component.
#pragma once

#include <optional>
#include <vector>

#include "sda/observation/observations.hpp"

namespace sda::report {

struct ShownObservation {
  std::int64_t component = 0;   ///< of the flattened event, the nearest
  bool between = false;         ///< points of the grid: the component is not all that was read
  double time = 0;              ///< in states
  double value = 0, sigma = 0;  ///< physical
};

/// Nothing for a part that reads anything else than variables of the state at points in time.
std::optional<std::vector<ShownObservation>> shown_observations(const Observations& y, const ObservationPart& part);

}  // namespace sda::report
