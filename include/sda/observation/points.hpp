/// Values observed one by one, each at a time and a place of its own, as instruments give them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sda {

/// y = x_variable(time, place) + ε, ε of scale `error`. Between states and between points of the grid x is interpolated
/// linearly.
struct PointObservation {
  double time = 0;              ///< in states from 0, at most length − 1
  std::int64_t variable = 0;    ///< of the layout, from 0; no matter where a formula is observed
  std::vector<double> place{};  ///< along each axis of space, in points of the grid from 0
  double value = 0, error = 0;  ///< physical; error is the noise's σ > 0
  bool operator==(const PointObservation&) const = default;
};

struct PointObservations {
  std::vector<PointObservation> points{};
  std::string formula{};  ///< what of the variables is observed there, "sqrt(u^2 + v^2)"; empty: one of them
};

}  // namespace sda
