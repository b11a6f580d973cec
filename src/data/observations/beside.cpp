/// What stands beside the values of a NetCDF variable, found by names and standard names.
#include "data/observations/beside.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "core/torch.hpp"
#include "data/observations/names.hpp"
#include "sda/core/error.hpp"

namespace sda::io {

std::vector<std::string> FoundVariable::dimensions() const {
  auto names = group.dimensions(name);
  if (group.has_characters(name) && !names.empty()) names.pop_back();
  return names;
}

bool is_beside(const FoundVariable& found, const FoundVariable& variable) {
  const auto own = found.dimensions(), others = variable.group.dimensions(variable.name);
  const bool is_within = std::all_of(own.begin(), own.end(), [&](const auto& dimension) {
    return std::find(others.begin(), others.end(), dimension) != others.end();
  });
  return is_within || (!found.group.has_characters(found.name) && count(found.group.shape(found.name)) == 1);
}

std::optional<FoundVariable> find_beside(const FoundVariable& variable, const std::vector<std::string>& names) {
  std::optional<FoundVariable> by_standard_name;
  for (const auto& group : variable.group.with_parents()) {
    auto rest = group.variables();
    while (const auto at = find_name(rest, names)) {
      FoundVariable found{group, rest[*at]};
      if (found.name != variable.name && is_beside(found, variable)) return found;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(*at));
    }
    for (const auto& name : rest) {
      const FoundVariable found{group, name};
      const auto standard_name = group.text_of(name, "standard_name");
      if (by_standard_name || !standard_name || name == variable.name) continue;
      const bool is_meant = std::find(names.begin(), names.end(), *standard_name) != names.end();
      if (is_meant && is_beside(found, variable)) by_standard_name = found;
    }
  }
  return by_standard_name;
}

std::optional<FoundVariable> find_ancillary(const FoundVariable& variable, const std::string& standard_name,
                                            const std::string& attribute) {
  std::istringstream names(variable.group.text_of(variable.name, "ancillary_variables").value_or(""));
  for (std::string name; names >> name;) {
    for (const auto& group : variable.group.with_parents()) {
      if (!group.has_variable(name)) continue;
      FoundVariable found{group, name};
      const bool is_meant = group.text_of(name, "standard_name").value_or("").ends_with(standard_name) ||
                            (!attribute.empty() && group.has_attribute(name, attribute));
      if (is_meant && is_beside(found, variable)) return found;
      break;
    }
  }
  return std::nullopt;
}

NumbersBeside::NumbersBeside(std::vector<double> numbers, const std::vector<std::string>& dimensions,
                             const FoundVariable& variable)
    : numbers_(std::move(numbers)) {
  const auto of_variable = variable.group.dimensions(variable.name);
  const Shape sizes = variable.group.shape(variable.name);
  strides_.assign(of_variable.size(), 0);
  std::size_t stride = 1;
  bool fits = !numbers_.empty();
  for (auto dimension = dimensions.rbegin(); dimension != dimensions.rend() && numbers_.size() > 1; ++dimension) {
    const auto at = std::find(of_variable.begin(), of_variable.end(), *dimension) - of_variable.begin();
    fits = fits && at < std::ssize(of_variable);
    if (!fits) break;
    strides_[static_cast<std::size_t>(at)] = stride;
    stride *= static_cast<std::size_t>(sizes[static_cast<std::size_t>(at)]);
  }
  if (fits && stride == numbers_.size()) return;
  throw FileError({.what = "not a number for each value of " + variable.name,
                   .where = variable.where(),
                   .found = fmt::format("{} numbers over {}", numbers_.size(), fmt::join(dimensions, ", "))});
}

double NumbersBeside::at(const std::vector<std::size_t>& index) const {
  std::size_t offset = 0;
  for (std::size_t d = 0; d < index.size(); ++d) offset += index[d] * strides_[d];
  return numbers_[offset];
}

}  // namespace sda::io
