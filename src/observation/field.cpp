/// Sizes and places of what links have left of a state.
#include "observation/field.hpp"

namespace sda::observation {

Field Field::with_space(const Shape& other_space, std::vector<GridAxis> other_axes) const {
  Field other{.sizes = other_space,
              .has_components = has_components,
              .axes = std::move(other_axes),
              .names = names,
              .is_physical = is_physical};
  if (first_space_axis() == 1) other.sizes.insert(other.sizes.begin(), sizes.front());
  return other;
}

Field field_of(const StateLayout& layout) {
  Field field{.sizes = layout.event, .has_components = layout.channels_are_variables()};
  for (std::size_t axis = 0; axis < field.space().size(); ++axis) {
    const bool known = axis < layout.space_names.size() && axis < layout.space().size();
    const double spacing = known ? layout.spacing_of(axis) : 1.0;
    field.axes.push_back({.name = known ? layout.space_names[axis] : "", .first = spacing / 2, .spacing = spacing});
    if (!known || layout.spacing.empty() || layout.coordinates.empty()) continue;
    const auto& given = layout.coordinates[axis].values;
    if (given.size() < 2) continue;
    field.axes.back().first = given.front();
    field.axes.back().spacing = (given.back() - given.front()) / static_cast<double>(given.size() - 1);
  }
  for (const auto& variable : layout.variables) field.names.push_back(variable.name);
  return field;
}

}  // namespace sda::observation
