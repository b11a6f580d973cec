/// Sizes and places of what links have left of a state.
#include "observation/field.hpp"

namespace sda::observation {

Field Field::with_space(const Shape& other_space, std::vector<GridAxis> other_axes) const {
  Field other{.sizes = other_space, .has_components = has_components, .axes = std::move(other_axes)};
  if (first_space_axis() == 1) other.sizes.insert(other.sizes.begin(), sizes.front());
  return other;
}

Field field_of(const StateLayout& layout) {
  Field field{.sizes = layout.event, .has_components = layout.channels_are_variables()};
  for (std::size_t axis = 0; axis < field.space().size(); ++axis) {
    const bool known = axis < layout.space_names.size() && axis < layout.space().size();
    const double spacing = known ? layout.spacing_of(axis) : 1.0;
    field.axes.push_back({.name = known ? layout.space_names[axis] : "", .first = spacing / 2, .spacing = spacing});
  }
  return field;
}

}  // namespace sda::observation
