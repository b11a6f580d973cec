/// Which dimension of a variable is which of ours.
#include "data/import/dimensions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::io {
namespace {

std::ptrdiff_t index_of(const std::vector<std::string>& names, const std::string& name) {
  const auto at = std::find(names.begin(), names.end(), name);
  return name.empty() || at == names.end() ? -1 : at - names.begin();
}

[[noreturn]] void refuse_dimension(const ReadableGroup& file, const std::string& variable, const std::string& key,
                                   const std::string& dimension) {
  const auto known = file.dimensions(variable);
  const auto nearest = nearest_name(dimension, known);
  throw UsageError({.what = fmt::format("variable {} has no dimension {}", variable, dimension),
                    .where = file.path(),
                    .found = with_dimensions(file, variable),
                    .expected = fmt::format("{} named as in the file", key),
                    .hint = nearest.empty() ? "" : fmt::format("did you mean {}?", nearest)});
}

std::string path_in_file(const ReadableGroup& group, const std::string& variable) {
  return group.name().empty() ? variable : group.name() + "/" + variable;
}

/// All variables of a group and of those in it.
void collect(const ReadableGroup& group, std::vector<StateVariable>& all) {
  for (const auto& name : group.variables()) all.push_back({group, name});
  for (const auto& name : group.groups()) collect(group.group(name), all);
}

}  // namespace

StateVariable find_state_variable(const ReadableGroup& file, const std::string& name) {
  if (file.has_variable(name)) return {file, name};
  std::vector<StateVariable> all;
  collect(file, all);
  std::vector<std::string> paths, found;
  std::optional<StateVariable> one;
  for (const auto& other : all) {
    paths.push_back(path_in_file(other.group, other.name));
    if (other.name != name && paths.back() != name && "/" + paths.back() != name) continue;
    found.push_back(paths.back());
    one = other;
  }
  if (found.size() == 1) return *one;
  if (found.empty()) {
    const auto nearest = nearest_name(name, paths);
    throw FileError({.what = fmt::format("variable {} is missing", name),
                     .where = file.path(),
                     .found = paths.empty() ? "no variables" : fmt::format("{}", fmt::join(paths, ", ")),
                     .hint = nearest.empty() ? "" : fmt::format("did you mean {}?", nearest)});
  }
  throw FileError({.what = fmt::format("several groups have a variable {}", name),
                   .where = file.path(),
                   .found = fmt::format("{}", fmt::join(found, ", ")),
                   .expected = fmt::format("the one that is meant: data.variables = [\"{}\"], say", found.front())});
}

std::string with_dimensions(const ReadableGroup& file, const std::string& variable) {
  return fmt::format("{}({})", variable, fmt::join(file.dimensions(variable), ", "));
}

Roles find_roles(const ReadableGroup& file, const std::string& variable, const DataParameters& p, bool in_time) {
  const auto names = file.dimensions(variable);
  Roles roles;
  if (in_time) {
    roles.trajectory = index_of(names, p.trajectory);
    roles.time = index_of(names, p.time);
    roles.level = index_of(names, p.level);
    if (roles.time < 0) refuse_dimension(file, variable, "data.time", p.time);
    if (roles.trajectory < 0 && !p.trajectory.empty())
      refuse_dimension(file, variable, "data.trajectory", p.trajectory);
  }
  for (const auto& name : p.space) {
    roles.space.push_back(index_of(names, name));
    if (in_time && roles.space.back() < 0) refuse_dimension(file, variable, "data.space", name);
  }
  const Shape sizes = file.shape(variable);
  for (std::ptrdiff_t i = 0; i < std::ssize(names); ++i) {
    const bool named = i == roles.trajectory || i == roles.time || i == roles.level ||
                       std::find(roles.space.begin(), roles.space.end(), i) != roles.space.end();
    if (named || sizes[i] == 1) continue;
    const bool of_time = !in_time && names[i] == p.time;
    throw UsageError({.what = of_time ? fmt::format("{} changes in time", variable)
                                      : fmt::format("dimension {} of {} is not accounted for", names[i], variable),
                      .where = file.path(),
                      .found = with_dimensions(file, variable),
                      .expected = in_time
                                      ? "each dimension named by data.trajectory, time, level or space, or of size 1"
                                      : fmt::format("dimensions of data.space alone: {}", fmt::join(p.space, ", ")),
                      .hint = of_time ? "make it one of data.variables" : ""});
  }
  return roles;
}

Tensor in_order(const Tensor& values, const std::vector<std::ptrdiff_t>& expected) {
  std::vector<std::int64_t> order, shape;
  for (const auto axis : expected) {
    shape.push_back(axis < 0 ? 1 : values.size(axis));
    if (axis >= 0) order.push_back(axis);
  }
  for (std::int64_t axis = 0; axis < values.dim(); ++axis) {
    if (std::find(order.begin(), order.end(), axis) == order.end()) order.push_back(axis);
  }
  return values.permute(order).reshape(shape);
}

}  // namespace sda::io
