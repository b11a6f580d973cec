/// Vorticity ∂v/∂x − ∂u/∂y, or a variable as it is, turned upright.
#include "report/statistics/quantities.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/axis.hpp"
#include "core/differences.hpp"
#include "core/torch.hpp"
#include "report/statistics/case_data.hpp"
#include "sda/evaluation/field_scores.hpp"
#include "sda/evaluation/spectrum.hpp"

namespace sda::report {
namespace {

/// Whether coordinates descend, as latitudes do that begin in the north.
bool descends(const StateLayout& layout, std::size_t axis) {
  const auto points = layout.points_along(axis);
  return points.size() > 1 && points.back() < points.front();
}

/// An axis whose fields have been turned.
sda::Axis ascending(const sda::Axis& axis) {
  if (!axis.descends()) return axis;
  std::vector<std::int64_t> backwards(static_cast<std::size_t>(axis.size()));
  std::iota(backwards.rbegin(), backwards.rend(), 0);
  return axis.picked(backwards, /*is_whole=*/true);
}

/// One variable of states (…, event), on its own: (…, y, x).
Tensor one_variable(const StateLayout& layout, const Tensor& fields, const Shown& shown) {
  return layout.channels_are_variables() ? fields.select(-3, shown.variable) : fields;
}

}  // namespace

DrawnAxes drawn_axes(const StateLayout& layout) {
  return is_x_first(layout) ? DrawnAxes{1, 0} : DrawnAxes{0, 1};
}

Tensor upright(const StateLayout& layout, const Tensor& fields) {
  Tensor drawn = is_x_first(layout) ? fields.transpose(-2, -1) : fields;
  const auto [up, right] = drawn_axes(layout);
  if (descends(layout, up)) drawn = drawn.flip(-2);
  if (descends(layout, right)) drawn = drawn.flip(-1);
  return drawn;
}

std::vector<Shown> quantities_of(const StateLayout& layout) {
  if (!has_fields(layout)) return {};
  std::vector<Shown> all;
  const bool has_velocity = is_velocity(layout);
  if (has_velocity) all.push_back({.is_vorticity = true});
  const auto variables = layout.channels_are_variables() ? std::ssize(layout.variables) : 1;
  for (std::int64_t v = has_velocity ? 2 : 0; v < variables; ++v) all.push_back({.variable = v});
  return all;
}

Tensor looked_at(const StateLayout& layout, const Tensor& states, const Shown& shown) {
  const auto [up, right] = drawn_axes(layout);
  const Tensor fields = upright(layout, states);
  Tensor quantity = !shown.is_vorticity       ? one_variable(layout, fields, shown)
                    : has_equal_steps(layout) ? vorticity(fields, layout.spacing_of(up), layout.spacing_of(right))
                                              : local_vorticity(layout, fields);
  if (!layout.mask.defined()) return quantity;
  const Tensor nothing = one_variable(layout, upright(layout, layout.mask), shown).logical_not();
  return quantity.masked_fill(nothing, std::numeric_limits<double>::quiet_NaN());
}

Tensor local_vorticity(const StateLayout& layout, const Tensor& velocity) {
  const auto [up, right] = drawn_axes(layout);
  const auto axes = axes_of(layout);
  return AxisDerivative(ascending(axes[right]))(velocity.select(-3, 1), -1) -
         AxisDerivative(ascending(axes[up]))(velocity.select(-3, 0), -2);
}

Tensor at_equal_steps(const StateLayout& layout, const Tensor& fields) {
  const auto [up, right] = drawn_axes(layout);
  const auto axes = axes_of(layout);
  Tensor drawn = fields;
  for (const auto& [axis, dim] : {std::pair{ascending(axes[up]), -2}, std::pair{ascending(axes[right]), -1}}) {
    if (axis.is_regular() || !axis.is_ordered() || fields.size(dim) != axis.size()) continue;
    std::vector<std::int64_t> nearest;
    for (std::int64_t i = 0; i < axis.size(); ++i) {
      const double coordinate = axis.points().front() + axis.spacing() * static_cast<double>(i);
      const auto place = std::llround(axis.place_of(coordinate).value_or(static_cast<double>(i)));
      nearest.push_back(std::min<std::int64_t>(place, axis.size() - 1));
    }
    drawn = drawn.index_select(dim, at::tensor(nearest, at::kLong));
  }
  return drawn;
}

const Variable& variable_of(const StateLayout& layout, const Shown& shown) {
  return layout.variables.at(static_cast<std::size_t>(shown.variable));
}

std::string quantity_label(const StateLayout& layout, const Shown& shown) {
  const auto& variable = variable_of(layout, shown);
  if (!shown.is_vorticity) return fmt::format("{} ({})", variable.name, unit_text(variable.units));
  const auto velocity = unit_text(variable.units), space = unit_text(layout.space_units);
  return fmt::format("vorticity ({})", velocity == "dimensionless" ? velocity : velocity + " / " + space);
}

}  // namespace sda::report
