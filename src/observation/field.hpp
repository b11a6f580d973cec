/// What the links of an operator have left of a state so far: its sizes, and where its points lie.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/axis.hpp"
#include "sda/core/layout.hpp"

namespace sda::observation {

/// The first axis holds components and the axes after it are space; a field of one axis is both. A layout of one
/// variable and no axis for it is all space.
struct Field {
  Shape sizes;
  bool has_components = true;
  std::vector<Axis> axes{};          ///< of space; none where the points are scattered
  std::vector<std::string> names{};  ///< of the components; none where a link has made something else of them
  bool is_physical = false;          ///< values are in physical units, not normalised ones
  Tensor areas{};  ///< (…space) of the cells around the points, in any unit; undefined: all alike, or not known
  std::shared_ptr<const CurvilinearGrid> curvilinear{};  ///< of the whole grid; null where a link has cut it

  std::int64_t components() const { return has_components ? sizes.front() : 1; }
  std::int64_t first_space_axis() const { return has_components && sizes.size() > 1 ? 1 : 0; }
  Shape space() const { return {sizes.begin() + first_space_axis(), sizes.end()}; }
  bool is_grid() const { return axes.size() == space().size(); }

  /// The same components on other points: scattered unless axes are given.
  Field with_space(const Shape& other_space, std::vector<Axis> other_axes = {}, Tensor other_areas = {}) const;
};

/// Of a whole state. Points are at the layout's coordinates, else at the centres of cells.
Field field_of(const StateLayout& layout);

/// The mean over the space of x (…, field), each point weighing as its cell, with axes of size 1 in its place.
Tensor mean_over_space(const Field& field, const Tensor& x);

}  // namespace sda::observation
