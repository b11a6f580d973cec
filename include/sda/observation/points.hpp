/// Values observed one by one, each at a time and a place of its own, as instruments give them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sda {

/// y = x_variable(time, place) + ε, ε of scale `error`. Between states and between points of the grid x is interpolated
/// linearly. Columns of equal length: there may be millions of observations.
struct PointObservations {
  std::vector<double> time{};                ///< of each, in states from 0, at most length − 1
  std::vector<std::int64_t> variable{};      ///< of the layout, from 0; no matter where a formula is observed
  std::vector<std::vector<double>> place{};  ///< for each axis of space, in points of the grid from 0
  std::vector<double> value{}, error{};      ///< physical; error is the noise's σ > 0
  std::string formula{};  ///< what of the variables is observed there, "sqrt(u^2 + v^2)"; empty: one of them

  std::size_t size() const { return value.size(); }
  bool operator==(const PointObservations&) const = default;
};

}  // namespace sda
