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
  for (const auto& axis : field.axes) names.push_back(axis.name().empty() ? "(unnamed)" : axis.name());
  if (field.curvilinear) {
    names.push_back(field.curvilinear->latitude_name);
    names.push_back(field.curvilinear->longitude_name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

void require_axes(const OperatorLink& link, const Field& field, const std::vector<std::string>& other_names) {
  require_grid(link, field);
  auto known = other_names;
  for (const auto& axis : field.axes) known.push_back(axis.name());
  if (field.curvilinear) {
    known.push_back(field.curvilinear->latitude_name);
    known.push_back(field.curvilinear->longitude_name);
  }
  for (const auto& name : link.names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      refuse_numbers(link, "no such axis of space", name, names_of_axes(field));
    }
  }
}

std::string reach_of(const Field& field) {
  std::vector<std::string> axes;
  for (const auto& axis : field.axes)
    axes.push_back(fmt::format("{} from {:.4g} to {:.4g}", axis.name(), axis.points().front(), axis.points().back()));
  return fmt::format("{}", fmt::join(axes, ", "));
}

Tensor along_axis(const Field& field, std::size_t a, const std::vector<double>& numbers) {
  Shape shape(field.space().size(), 1);
  shape[a] = std::ssize(numbers);
  return at::tensor(numbers, at::kDouble).view(shape);
}

}  // namespace sda::observation
