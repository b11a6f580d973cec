/// What the numbers of a state are: names, units and normalisation.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "sda/core/tensor.hpp"

namespace sda {

/// One physical variable of a state.
struct Variable {
  std::string name;       ///< file variable: "x"
  std::string long_name;  ///< "Lorenz 1963 convection intensity"
  std::string units = "1";
  std::string standard_name{};  ///< CF's; empty: none
};

/// Where the points of a space axis are, as the file said that the states came from.
struct Coordinate {
  std::vector<double> values{};  ///< one for each point; empty: not known
  std::string units = "1";
  std::string long_name{}, standard_name{};
};

/// Latitude and longitude of each point of a curvilinear grid: CF's auxiliary coordinates lat(y, x) and lon(y, x).
struct CurvilinearGrid {
  std::array<std::size_t, 2> axes{0, 1};  ///< of space, along which they change; ascending
  std::string latitude_name = "lat", longitude_name = "lon";
  Coordinate latitude{}, longitude{};  ///< of all points, the last axis fastest; NaN where a point has no place
};

/// How an event tensor is made of variables. With as many variables as the event's first size, channel c is
/// variable c and the remaining axes are its space; with one variable, the whole event is its space.
struct StateLayout {
  Shape event;                           ///< (3) for Lorenz 1963, (2, 64, 64) for a velocity field
  std::vector<Variable> variables;       ///< as above
  std::vector<std::string> space_names;  ///< a name for each space axis: {"site"}, {"y", "x"}, {}
  double dt = 1.0;                       ///< time between two states
  std::string time_units = "1";          ///< of dt; "1" for a dimensionless system
  std::vector<double> spacing{};  ///< of equal steps along each space axis; empty: not known or unequal, taken for 1
  std::string space_units = "1";  ///< of spacing
  std::vector<Coordinate> coordinates{};         ///< one for each space axis; empty: centres of cells `spacing` apart
  std::string time_origin{};                     ///< the date of CF's "days since …"; empty: times are of no calendar
  std::string calendar{};                        ///< CF's, of time_origin; empty: "standard"
  std::optional<CurvilinearGrid> curvilinear{};  ///< where points lie on the globe, if axes alone do not say it
  Tensor mask{};  ///< (…event) bool, false where there are no values, such as on land; undefined: they are everywhere

  bool channels_are_variables() const;
  /// Space axes of one variable.
  Shape space() const;
  /// Distance between neighbours along a space axis; 1 where it is not known.
  double spacing_of(std::size_t axis) const { return spacing.empty() ? 1.0 : spacing.at(axis); }
  /// Coordinates of the points along a space axis: those given, else the centres of cells `spacing` apart, else 0, 1, 2
  /// …
  std::vector<double> points_along(std::size_t axis) const;
  /// Throws ShapeError if variables, names, spacing, coordinates and mask do not fit the event, ValueError if a spacing
  /// is not > 0.
  void check() const;
};

/// What is known of each axis of space, and of a curvilinear grid: "lat: 8 points, 73.8 to -73.8 degrees_north, unequal
/// steps".
std::vector<std::string> axes_in_words(const StateLayout& layout);

/// normalised = (physical − mean) / std, broadcast over the event's trailing axes. Both have the shape of the
/// event, or of its first axis followed by ones; float64.
struct Normalisation {
  Tensor mean;
  Tensor std;

  static Normalisation identity(at::IntArrayRef event);
  Tensor normalise(const Tensor& physical) const;
  Tensor denormalise(const Tensor& normalised) const;
};

}  // namespace sda
