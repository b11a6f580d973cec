/// Which observations matter to which point of the grid, and how much. Private to src/baselines.
#pragma once

#include <utility>
#include <vector>

#include "baselines/cycling/cycling.hpp"

namespace sda {

/// An observation near a point, and the share of its precision that counts there.
struct NearObservation {
  std::int64_t index;
  double weight;
};
/// For each point of the grid, the observations of `state` near it. Where an operator reads around is found from its
/// Jacobian; distances are in points of the grid, round the domain along axes that close on themselves.
/// c = √(10/3) radius, so that weights fall as exp(−distance² / 2 radius²) near the point (Lorenc 2003).
std::vector<std::vector<NearObservation>> near_observations(const CyclingProblem& problem, std::int64_t state,
                                                            double radius);

}  // namespace sda
