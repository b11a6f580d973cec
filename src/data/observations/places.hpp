/// Where a coordinate lies among the points of an axis.
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "sda/core/layout.hpp"

namespace sda::io {

/// `place` in points or states, or the nearest whole number where they differ by no more than rounding does.
double snapped(double place);

/// The points of one axis of space. Its domain reaches half a cell beyond the outermost points, whose value is taken
/// there.
class AxisOfPlaces {
 public:
  /// Throws UnsupportedError for coordinates that neither ascend nor descend.
  AxisOfPlaces(const StateLayout& layout, std::size_t axis);

  /// In points from the first one; nothing outside the domain. Longitudes are the same after a turn.
  std::optional<double> place_of(double coordinate) const;

  const std::string& name() const { return name_; }
  /// "lat from -80 to 80 degrees_north".
  std::string domain() const;

 private:
  std::string name_, units_;
  std::vector<double> points_;
  double min_ = 0, max_ = 0;
  bool descends_ = false, turns_ = false;
};

/// Where a state has values, for observations that depend on the points around a place.
class Mask {
 public:
  explicit Mask(const StateLayout& layout);
  /// Whether a point that an observation at `places` depends on has no value: of one variable, or where `variable` is
  /// negative, of any.
  bool hides(std::ptrdiff_t variable, const std::vector<double>& places) const;

 private:
  bool hides_point(const bool* there, const std::vector<double>& places) const;
  Shape space_;
  Tensor there_{};  ///< (variable, point); undefined: all have values
};

}  // namespace sda::io
