/// What the links of an operator have left of a state so far: its sizes, and where its points lie.
#pragma once

#include <string>
#include <vector>

#include "sda/core/layout.hpp"

namespace sda::observation {

/// One axis of a grid: point i lies at first + i spacing, which is negative where coordinates descend.
struct GridAxis {
  std::string name;  ///< of the layout; empty where it has none
  double first = 0.5, spacing = 1;
  bool whole = true;  ///< no link has cut it, so that on a periodic domain its ends are neighbours
};

/// The first axis holds components and the axes after it are space; a field of one axis is both. A layout of one
/// variable and no axis for it is all space.
struct Field {
  Shape sizes;
  bool has_components = true;
  std::vector<GridAxis> axes{};      ///< of space; none where the points are scattered
  std::vector<std::string> names{};  ///< of the components; none where a link has made something else of them
  bool is_physical = false;          ///< values are in physical units, not normalised ones

  std::int64_t components() const { return has_components ? sizes.front() : 1; }
  std::int64_t first_space_axis() const { return has_components && sizes.size() > 1 ? 1 : 0; }
  Shape space() const { return {sizes.begin() + first_space_axis(), sizes.end()}; }
  bool is_grid() const { return axes.size() == space().size(); }

  /// The same components on other points: scattered unless axes are given.
  Field with_space(const Shape& other_space, std::vector<GridAxis> other_axes = {}) const;
};

/// Of a whole state. Points are at the layout's coordinates where these are equally spaced, else centres of cells.
Field field_of(const StateLayout& layout);

}  // namespace sda::observation
