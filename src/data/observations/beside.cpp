/// What stands beside the values of a NetCDF variable, found by names and standard names.
#include "data/observations/beside.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/torch.hpp"
#include "data/formats/cf_decoding.hpp"
#include "data/observations/decode.hpp"
#include "data/observations/names.hpp"
#include "sda/core/error.hpp"

namespace sda::io {

std::vector<std::string> FoundVariable::dimensions() const {
  auto names = group.dimensions(name);
  if (group.has_characters(name) && !names.empty()) names.pop_back();
  return names;
}

namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Those of a variable, and of the instances of its samples.
std::vector<std::string> dimensions_around(const FoundVariable& variable) {
  auto all = variable.group.dimensions(variable.name);
  for (const auto& ragged : ragged_dimensions(variable)) all.push_back(ragged.instances);
  return all;
}

/// Whether a variable has a number for each value of one over the dimensions `around`, or is one number.
bool is_beside(const FoundVariable& found, const std::vector<std::string>& around) {
  const auto own = found.dimensions();
  const bool is_within =
      std::all_of(own.begin(), own.end(), [&](const auto& dimension) { return contains(around, dimension); });
  return is_within || (!found.group.has_characters(found.name) && count(found.group.shape(found.name)) == 1);
}

/// The ragged dimension of these samples that a variable of the group makes.
std::optional<RaggedDimension> find_ragged(const ReadableGroup& group, const std::string& samples) {
  for (const auto& name : group.variables()) {
    const auto dimensions = group.dimensions(name);
    if (dimensions.size() != 1 || group.is_text(name)) continue;
    if (group.text_of(name, "sample_dimension") == samples)
      return RaggedDimension{samples, dimensions.front(), {group, name}, /*is_index=*/false};
    if (const auto instances = group.text_of(name, "instance_dimension"); instances && dimensions.front() == samples)
      return RaggedDimension{samples, *instances, {group, name}, /*is_index=*/true};
  }
  return std::nullopt;
}

}  // namespace

std::vector<RaggedDimension> ragged_dimensions(const FoundVariable& variable) {
  std::vector<RaggedDimension> all;
  auto known = variable.group.dimensions(variable.name);
  for (std::size_t d = 0; d < known.size(); ++d) {
    std::optional<RaggedDimension> found;
    for (const auto& group : variable.group.with_parents()) {
      if (!found) found = find_ragged(group, known[d]);
    }
    if (!found || contains(known, found->instances)) continue;
    known.push_back(found->instances);
    all.push_back(*found);
  }
  return all;
}

std::vector<std::size_t> RaggedDimension::instance_of_each() const {
  const auto refuse = [&](const std::string& what, const std::string& found, const std::string& expected) {
    throw FileError({.what = what, .where = by.where(), .found = found, .expected = expected});
  };
  const std::string& counted = is_index ? instances : samples;
  const auto size = by.group.dimension_size(counted);
  if (!size) refuse("a ragged array of a dimension that is not there", counted, "the name of a dimension");
  const auto max = static_cast<double>(is_index ? *size - 1 : *size);
  std::vector<std::size_t> all;
  std::size_t instance = 0;
  for (const double number : column_from(read_decoded(by.group, by.name, at::kDouble))) {
    const double left = is_index ? max : max - static_cast<double>(all.size());
    if (!(number >= 0 && number <= left && number == std::floor(number))) {
      refuse(is_index ? "an index of no instance" : "not a number of samples", fmt::format("{}", number),
             fmt::format("0 … {} of {}", left, counted));
    }
    const auto whole = static_cast<std::size_t>(number);
    all.insert(all.end(), is_index ? 1 : whole, is_index ? whole : instance);
    ++instance;
  }
  if (!is_index && std::ssize(all) != *size)
    refuse("counts of samples do not add up", fmt::format("{}", all.size()), fmt::format("{} of {}", *size, samples));
  return all;
}

std::optional<FoundVariable> find_beside(const FoundVariable& variable, const std::vector<std::string>& names) {
  std::optional<FoundVariable> by_standard_name;
  const auto around = dimensions_around(variable);
  for (const auto& group : variable.group.with_parents()) {
    auto rest = group.variables();
    while (const auto at = find_name(rest, names)) {
      FoundVariable found{group, rest[*at]};
      if (found.name != variable.name && is_beside(found, around)) return found;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(*at));
    }
    for (const auto& name : rest) {
      const FoundVariable found{group, name};
      const auto standard_name = group.text_of(name, "standard_name");
      if (by_standard_name || !standard_name || name == variable.name) continue;
      const bool is_meant = std::find(names.begin(), names.end(), *standard_name) != names.end();
      if (is_meant && is_beside(found, around)) by_standard_name = found;
    }
  }
  return by_standard_name;
}

std::optional<FoundVariable> find_ancillary(const FoundVariable& variable, const std::string& standard_name,
                                            const std::string& attribute) {
  std::istringstream names(variable.group.text_of(variable.name, "ancillary_variables").value_or(""));
  const auto around = dimensions_around(variable);
  for (std::string name; names >> name;) {
    for (const auto& group : variable.group.with_parents()) {
      if (!group.has_variable(name)) continue;
      FoundVariable found{group, name};
      const bool is_meant = group.text_of(name, "standard_name").value_or("").ends_with(standard_name) ||
                            (!attribute.empty() && group.has_attribute(name, attribute));
      if (is_meant && is_beside(found, around)) return found;
      break;
    }
  }
  return std::nullopt;
}

namespace {

/// Numbers over dimensions that include the instances, each repeated for the samples of its instance.
std::vector<double> of_samples(const std::vector<double>& numbers, const std::vector<std::string>& dimensions,
                               const RaggedDimension& ragged) {
  const auto instance_of = ragged.instance_of_each();
  std::size_t within = 1;
  for (auto dimension = dimensions.rbegin(); *dimension != ragged.instances; ++dimension)
    within *= static_cast<std::size_t>(ragged.by.group.dimension_size(*dimension).value_or(1));
  const auto instances = static_cast<std::size_t>(ragged.by.group.dimension_size(ragged.instances).value_or(1));
  std::vector<double> all;
  for (std::size_t block = 0; block + instances * within <= numbers.size(); block += instances * within) {
    for (const auto instance : instance_of) {
      const auto first = numbers.begin() + static_cast<std::ptrdiff_t>(block + instance * within);
      all.insert(all.end(), first, first + static_cast<std::ptrdiff_t>(within));
    }
  }
  return all;
}

}  // namespace

NumbersBeside::NumbersBeside(std::vector<double> numbers, std::vector<std::string> dimensions,
                             const FoundVariable& variable)
    : numbers_(std::move(numbers)) {
  const auto all_ragged = ragged_dimensions(variable);
  for (auto ragged = all_ragged.rbegin(); ragged != all_ragged.rend() && numbers_.size() > 1; ++ragged) {
    if (!contains(dimensions, ragged->instances)) continue;
    numbers_ = of_samples(numbers_, dimensions, *ragged);
    std::replace(dimensions.begin(), dimensions.end(), ragged->instances, ragged->samples);
  }
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
