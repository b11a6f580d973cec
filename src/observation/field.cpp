/// Sizes and places of what links have left of a state.
#include "observation/field.hpp"

#include "core/torch.hpp"

namespace sda::observation {

Field Field::with_space(const Shape& other_space, std::vector<Axis> other_axes, Tensor other_areas) const {
  Field other{.sizes = other_space,
              .has_components = has_components,
              .axes = std::move(other_axes),
              .names = names,
              .is_physical = is_physical,
              .areas = std::move(other_areas)};
  if (first_space_axis() == 1) other.sizes.insert(other.sizes.begin(), sizes.front());
  return other;
}

Field field_of(const StateLayout& layout) {
  Field field{.sizes = layout.event, .has_components = layout.channels_are_variables()};
  const auto known = axes_of(layout);
  const Shape space = field.space();
  for (std::size_t a = 0; a < space.size(); ++a) {
    const bool is_known = a < known.size();
    const bool is_placed = is_known && a < layout.coordinates.size() && !layout.coordinates[a].values.empty();
    const double spacing = is_known ? layout.spacing_of(a) : 1;
    const Axis cells(is_known ? known[a].name() : "", space[a], spacing / 2, spacing);
    field.axes.push_back(is_placed ? known[a] : is_known && known[a].is_cyclic() ? cells.closed() : cells);
  }
  if (!known.empty()) field.areas = cell_areas(layout);
  if (layout.curvilinear) field.curvilinear = std::make_shared<const CurvilinearGrid>(*layout.curvilinear);
  for (const auto& variable : layout.variables) field.names.push_back(variable.name);
  return field;
}

Tensor mean_over_space(const Field& field, const Tensor& x) {
  std::vector<std::int64_t> axes(field.space().size());
  for (std::size_t a = 0; a < axes.size(); ++a) axes[a] = -1 - static_cast<std::int64_t>(a);
  if (!field.areas.defined()) return x.mean(axes, /*keepdim=*/true);
  return (x * (field.areas / field.areas.sum()).to(x.options())).sum(axes, /*keepdim=*/true);
}

}  // namespace sda::observation
