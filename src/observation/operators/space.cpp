/// Numbers for each axis of a grid, its coordinates, and refusals.
#include "observation/operators/space.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sda/core/error.hpp"
#include "sda/observation/operator_toml.hpp"

namespace sda::observation {

std::string place_of(const OperatorLink& link) {
  return "operator link " + to_toml({link});
}

void refuse_numbers(const OperatorLink& link, const std::string& what, const std::string& found,
                    const std::string& expected) {
  throw UsageError({.what = what, .where = place_of(link), .found = found, .expected = expected});
}

void require_grid(const OperatorLink& link, const Field& field) {
  if (field.is_grid()) return;
  throw ShapeError({.what = "points are no grid any more",
                    .where = place_of(link),
                    .found = fmt::format("{} of them, scattered by a link before", field.space().front()),
                    .expected = "a grid"});
}

std::vector<std::int64_t> for_each_axis(const LinkSite& site) {
  require_grid(site.link, site.field);
  auto numbers = site.integers();
  const auto space = site.field.space();
  if (numbers.size() == 1) numbers.resize(space.size(), numbers.front());
  if (numbers.size() != space.size()) {
    refuse_numbers(site.link, "not a number for each axis of space", fmt::format("{} numbers", numbers.size()),
                   fmt::format("1 or {}, for {}", space.size(), to_string(space)));
  }
  return numbers;
}

std::vector<double> numbers_of(const OperatorLink& link, const std::string& name) {
  std::vector<double> found;
  for (std::size_t i = 0; i < link.numbers.size(); ++i) {
    if (link.names[i] == name) found.push_back(link.numbers[i]);
  }
  return found;
}

std::string names_of_axes(const Field& field) {
  std::vector<std::string> names;
  for (const auto& axis : field.axes) names.push_back(axis.name.empty() ? "(unnamed)" : axis.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

void require_axes(const OperatorLink& link, const Field& field, const std::vector<std::string>& other_names) {
  require_grid(link, field);
  auto known = other_names;
  for (const auto& axis : field.axes) known.push_back(axis.name);
  for (const auto& name : link.names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      refuse_numbers(link, "no such axis of space", name, names_of_axes(field));
    }
  }
}

double coordinate(const GridAxis& axis, std::int64_t i) {
  return axis.first + axis.spacing * static_cast<double>(i);
}

std::string reach_of(const Field& field) {
  std::vector<std::string> axes;
  for (std::size_t a = 0; a < field.axes.size(); ++a) {
    const auto& axis = field.axes[a];
    axes.push_back(
        fmt::format("{} from {:.4g} to {:.4g}", axis.name, axis.first, coordinate(axis, field.space()[a] - 1)));
  }
  return fmt::format("{}", fmt::join(axes, ", "));
}

Tensor coordinates(const Field& field, std::size_t a) {
  const auto space = field.space();
  Shape shape(space.size(), 1);
  shape[a] = space[a];
  return (at::arange(space[a], at::kDouble) * field.axes[a].spacing + field.axes[a].first).view(shape);
}

}  // namespace sda::observation
