/// Where an observation lies among the points of a grid.
#pragma once

#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/axis.hpp"
#include "core/curvilinear.hpp"
#include "sda/core/layout.hpp"

namespace sda::io {

/// `place` in states, or the nearest whole number where they differ by no more than rounding does.
double snapped(double place);

/// What one number of an observation's place is: the coordinate along an axis of space, or in the place of a
/// curvilinear grid's first axis the latitude, of its second the longitude.
struct PlaceCoordinate {
  std::string name;
  std::string units = "1";
  std::vector<std::string> other_names{};  ///< that files may have for it: a standard name, "latitude"
};
/// One for each axis of space. `on_globe`: latitudes and longitudes of the layout's curvilinear grid.
std::vector<PlaceCoordinate> place_coordinates(const StateLayout& layout, bool on_globe);
/// The name, of those that a file has, of a coordinate; nothing where it has none.
std::optional<std::string> name_among(const std::vector<std::string>& names, const PlaceCoordinate& coordinate);
/// Whether observations of a layout say latitudes and longitudes of its curvilinear grid: unless a file has the
/// coordinates along the grid's axes, and no latitude and longitude.
bool are_on_globe(const StateLayout& layout, const std::vector<std::string>& names);

/// Places among the points of a layout.
class Places {
 public:
  Places(const StateLayout& layout, bool on_globe);

  /// Of one observation: its place along each axis, in points from 0; nothing where it is not within the domain.
  using Found = std::vector<std::optional<double>>;
  /// `coordinates` as place_coordinates has them; `nearest`: the nearest point.
  void find(const std::vector<double>& coordinates, bool nearest, Found& found) const;
  /// A coordinate in one of the ways in which it can be given: longitudes are the same after a turn.
  double unified(std::size_t axis, double coordinate) const;

  const std::string& name(std::size_t axis) const { return coordinates_[axis].name; }
  /// "lat from -80 to 80 degrees_north".
  std::string domain(std::size_t axis) const;

 private:
  std::vector<PlaceCoordinate> coordinates_;
  std::vector<Axis> axes_;
  std::optional<CurvilinearGrid> grid_{};  ///< where observations are on the globe
  std::unique_ptr<const CurvilinearPlaces> globe_{};
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
