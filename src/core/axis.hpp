/// One axis of space: where its points lie, and what follows from that. Boxes, circles, interpolation, placing,
/// derivatives and areas of cells all ask here. Private to src/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sda/core/layout.hpp"

namespace sda {

/// Of a place from the nearest point, in points, that is taken for none.
inline constexpr double rounding_of_places = 1e-6;
/// Of numbers that were kept as float32, relative.
inline constexpr double rounding_of_float32 = 1.2e-7;

/// What coordinates are, as far as their units say (CF 4.1 and 4.2).
enum class AxisKind { plain, latitude, longitude };
/// Latitudes are in degrees_north (or in degrees or radians, by their standard name), longitudes in degrees_east.
AxisKind kind_of(const Coordinate& coordinate);
/// Degrees in one unit of a latitude or longitude.
double degrees_in(const std::string& units);
/// What a float32 stands for: the number of as few digits as tell it from its neighbours, 0.1 for 0.100000001.
double number_meant_by(float value);

/// What lies beyond the last point of an axis.
enum class AxisEnds {
  apart,   ///< nothing: latitudes, longitudes of a region, levels, axes of a map, unequal steps
  cyclic,  ///< the first point: longitudes round the globe
  assumed  ///< the first point, by convention: a grid of equal steps that says no more is taken for periodic
};

class Axis {
 public:
  Axis() = default;
  /// Points at coordinates that a file gave.
  Axis(std::string name, const Coordinate& coordinate);
  /// Points without coordinates, at first + i spacing.
  Axis(std::string name, std::int64_t size, double first, double spacing, std::string units = "1");

  const std::string& name() const { return name_; }
  const std::string& units() const { return units_; }
  AxisKind kind() const { return kind_; }
  std::int64_t size() const { return std::ssize(points_); }
  /// Coordinates; longitudes without a jump from 180 to −180 or from 360 to 0.
  const std::vector<double>& points() const { return points_; }
  /// Whether coordinates ascend or descend throughout. If not, nothing lies between them.
  bool is_ordered() const { return is_ordered_; }
  bool descends() const { return is_ordered_ && size() > 1 && points_.back() < points_.front(); }
  /// Whether steps are equal, but for the digits that float32 has.
  bool is_regular() const { return is_regular_; }
  /// The mean step, negative where coordinates descend; 1 of a single point.
  double spacing() const;
  AxisEnds ends() const { return ends_; }
  /// Whether places from size − 1 to size lie between the last point and the first.
  bool is_cyclic() const { return ends_ == AxisEnds::cyclic; }
  /// The distance between the last point and the first, round the ring; a step, as far as is known.
  double closing_step() const;
  /// Of longitudes, a turn in their units; else 0.
  double period() const { return kind_ == AxisKind::longitude ? 360 / degrees_ : 0; }
  /// Whether the axis runs along x: longitudes, x, or x of a map.
  bool is_x() const;
  /// No link has cut it, so that its ends are those of the domain.
  bool is_whole() const { return is_whole_; }

  /// In points from 0, to the nearest point where they differ by rounding. Between the last point and the first of a
  /// cyclic axis from size − 1 to size. Nothing outside the domain, which reaches half a step beyond the outermost
  /// points (not beyond a pole); their value is taken there. Throws UnsupportedError where coordinates have no order.
  std::optional<double> place_of(double coordinate) const;
  /// The coordinate at a place, the other way round: in points from 0, between points by their distance.
  double coordinate_at(double place) const;
  /// "lat from -80 to 80 degrees_north".
  std::string domain() const;

  /// Points from one coordinate to another, both included. Of longitudes eastwards, whichever turn they are counted in;
  /// such as 330, 0, 30 in this order.
  std::vector<std::int64_t> points_between(double from, double to) const;
  /// From `coordinate` to each point; of longitudes the short way round.
  std::vector<double> offsets_from(double coordinate) const;
  /// Of coordinates: how much two that are meant to be the same may differ.
  double rounding() const { return rounding_; }
  /// Sizes of the cells around the points, which meet midway between them: of latitudes the area of the zone, so that
  /// equal steps weigh as cos(latitude). Nothing where all are alike, or nothing is known of them.
  std::vector<double> cell_sizes() const;

  /// Some of the points. `is_whole`: they still reach from end to end in equal steps.
  Axis picked(const std::vector<std::int64_t>& indices, bool is_whole) const;
  /// Blocks of so many points, at the mean of their coordinates.
  Axis in_blocks(std::int64_t block) const;
  /// The same axis of a curvilinear grid that closes.
  Axis closed() const;

  /// "8 points, 70 to -70 degrees_north", "12 points, 0 to 330 degrees_east, cyclic".
  std::string in_words() const;

 private:
  void settle();
  bool is_float32() const;
  bool closes() const;
  std::vector<double> edges() const;
  double outer_edge(bool upper) const;

  std::string name_, units_ = "1", standard_name_;
  std::vector<double> points_, ascending_;
  AxisKind kind_ = AxisKind::plain;
  AxisEnds ends_ = AxisEnds::assumed;
  bool has_coordinates_ = false, is_ordered_ = true, is_regular_ = true, is_whole_ = true, is_closed_ = false;
  double rounding_ = 0;
  double degrees_ = 1;  ///< in one unit of a latitude or longitude
};

/// The axes of a layout's space: at its coordinates, else as StateLayout::points_along counts.
std::vector<Axis> axes_of(const StateLayout& layout);
/// Whether the steps of all axes are equal, so that StateLayout::spacing_of says what they are.
bool has_equal_steps(const StateLayout& layout);
/// Areas of the cells around the points of space, (…space) float64, of mean 1; undefined where all are alike.
Tensor cell_areas(const StateLayout& layout);
/// The product of the cell sizes of axes, the same way.
Tensor cell_areas(const std::vector<Axis>& axes);

}  // namespace sda
