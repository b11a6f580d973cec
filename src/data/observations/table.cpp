/// Tables of observations, and what they can be of.
#include "data/observations/table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sda/core/error.hpp"

namespace sda::io {

std::vector<Observable> observables_of(const StateLayout& layout, const ObservationFileParameters& parameters) {
  std::vector<Observable> all;
  for (const auto& variable : layout.variables) all.push_back({variable.name});
  for (const auto& definition : parameters.define) {
    const auto equals = definition.find('=');
    auto name = definition.substr(0, equals);
    name.erase(name.find_last_not_of(' ') + 1);
    const auto refuse = [&](const std::string& what) {
      throw UsageError(
          {.what = what, .where = "observation_file.define", .found = definition, .expected = "NAME = FORMULA"});
    };
    const auto formula = equals == std::string::npos ? equals : definition.find_first_not_of(' ', equals + 1);
    if (formula == std::string::npos || name.empty()) refuse("not a definition");
    const bool known = std::any_of(all.begin(), all.end(), [&](const auto& other) { return other.name == name; });
    if (known || name == "state") refuse("a name that is taken");
    all.push_back({name, definition.substr(formula)});
  }
  return all;
}

void ObservationTable::append_empty(std::int64_t from, bool is_flagged) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  for (auto* column : {&time, &value, &error}) column->push_back(none);
  for (auto& column : place) column.push_back(none);
  variable.push_back(0);
  flagged.push_back(is_flagged);
  origin.push_back(from);
}

void ObservationTable::count_flag(double flag) {
  std::isnan(flag) ? ++without_flag : ++flags[flag];
}

bool ExpectedObservations::is_good(double flag) const {
  const auto& good = parameters.good_flags;
  return good.empty() ? flag <= parameters.max_flag : std::find(good.begin(), good.end(), flag) != good.end();
}

std::vector<std::string> ExpectedObservations::names() const {
  std::vector<std::string> names;
  for (const auto& observable : observables) names.push_back(observable.name);
  return names;
}

std::optional<std::size_t> ExpectedObservations::find(std::string_view name) const {
  const auto found =
      std::find_if(observables.begin(), observables.end(), [&](const auto& o) { return o.name == name; });
  if (found == observables.end()) return std::nullopt;
  return static_cast<std::size_t>(found - observables.begin());
}

}  // namespace sda::io
