/// Curvilinear grids: where a latitude and longitude lie among points that have one of each. Private to src/.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/sphere.hpp"
#include "sda/core/layout.hpp"

namespace sda {

/// Axes of space round which a curvilinear grid closes: from its last point to its first is a step like the others.
std::set<std::size_t> curvilinear_closes(const StateLayout& layout);

/// Areas of the cells of a curvilinear grid, |∂r/∂i × ∂r/∂j| of unit vectors r by differences of neighbours, times
/// those of the other axes; (…space) of mean 1, 0 where a point has no place, or no neighbour along one of the axes.
Tensor curvilinear_areas(const StateLayout& layout);

/// "lat from 20.1 to 61.5 degrees_north", of the points that have a place.
std::string reach_in_words(const std::string& name, const Coordinate& coordinate);

/// Distance of each point from there along a great circle, in units of the grid's latitudes; NaN where a point has no
/// place.
std::vector<double> great_circle_distances(const CurvilinearGrid& grid, double latitude, double longitude);

/// Finds places by the nearest point and the cells around it. Within a cell latitude and longitude are bilinear in the
/// place, so that a field linear in them is interpolated exactly; near a pole the coordinates of its tangent plane are.
class CurvilinearPlaces {
 public:
  /// Of a layout that has a curvilinear grid.
  explicit CurvilinearPlaces(const StateLayout& layout);

  /// Along the grid's two axes, in points from 0; latitude and longitude in the grid's units. Up to half a cell beyond
  /// an edge the place is on it. Nothing outside the grid.
  std::optional<std::array<double, 2>> place_of(double latitude, double longitude) const;

 private:
  using Index = std::array<std::int64_t, 2>;
  /// A place within a cell, (0, 0) at its first corner.
  using Within = std::array<double, 2>;

  void sort_into_tree(std::size_t begin, std::size_t end, std::size_t axis);
  void search_tree(std::size_t begin, std::size_t end, std::size_t axis, const UnitVector& from, double& best,
                   std::int64_t& found) const;
  std::optional<std::int64_t> nearest(const UnitVector& from) const;
  std::optional<Within> place_in_cell(const Index& cell, double latitude, double longitude) const;
  std::optional<std::array<double, 2>> place_near(const Index& point, std::int64_t reach, double beyond,
                                                  double latitude, double longitude) const;
  bool has_cell(const Index& cell) const;
  std::int64_t point_of(const Index& index) const;

  Index sizes_{};
  std::array<bool, 2> closes_{};
  double latitude_unit_ = 1, longitude_unit_ = 1;  ///< radians
  std::vector<double> latitude_, longitude_;       ///< radians
  std::vector<UnitVector> vectors_;
  std::vector<std::int64_t> tree_;  ///< points that have a place, as a k-d tree: the middle one divides the others
};

}  // namespace sda
