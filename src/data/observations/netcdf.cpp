/// What NetCDF readers of observations share, and which of them reads a file.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/calendar.hpp"
#include "core/torch.hpp"
#include "core/units.hpp"
#include "data/formats/cf_decoding.hpp"
#include "data/formats/file_kind.hpp"
#include "data/observations/decode.hpp"
#include "data/observations/times.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::io {
namespace {

/// What `work` returns; a ValueError of it becomes a FileError of the place.
template <class Work>
auto at_place(const std::string& where, Work work) {
  try {
    return work();
  } catch (const ValueError& error) {
    Fault fault = error.fault();
    fault.where = where;
    throw FileError(fault);
  }
}

}  // namespace

std::vector<double> column_from(const Tensor& values) {
  const Tensor flat = values.to(at::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

std::vector<double> converted(std::vector<double> numbers, const UnitConversion& convert) {
  if (convert.is_identity()) return numbers;
  std::transform(numbers.begin(), numbers.end(), numbers.begin(), convert);
  return numbers;
}

namespace {

/// Texts, each a time of its own; an empty one is missing.
std::vector<double> read_times_in_words(const ReadableGroup& group, const std::string& name,
                                        const StateLayout& layout) {
  std::vector<double> times;
  for (const auto& text : group.read_texts(name)) {
    const auto where = fmt::format("{}, location {} (counted from 0)", group.where(name), times.size());
    const bool is_missing = text.empty() || text == "NaT";
    times.push_back(is_missing ? std::numeric_limits<double>::quiet_NaN()
                               : at_place(where, [&] { return parse_time(text, layout); }));
  }
  return times;
}

/// Numbers without units, or of "day as %Y%m%d.%f", that is digits of dates.
void convert_bare_times(std::vector<double>& times, const StateLayout& layout, ObservationTable& table) {
  std::vector<double> known;
  std::copy_if(times.begin(), times.end(), std::back_inserter(known), [](double time) { return !std::isnan(time); });
  const BareTimes meaning(known, layout);
  for (double& time : times) {
    if (!std::isnan(time)) time = meaning(time);
  }
  if (!meaning.remark().empty()) table.remarks.push_back(meaning.remark());
}

}  // namespace

std::vector<double> read_observation_times(const ReadableGroup& group, const std::string& name,
                                           const StateLayout& layout, ObservationTable& table) {
  if (group.is_text(name)) return read_times_in_words(group, name, layout);
  std::vector<double> times = column_from(read_decoded(group, name, at::kDouble));
  const auto units = group.text_of(name, "units").value_or("");
  at_place(group.where(name), [&] {
    if (is_unitless(units)) return convert_bare_times(times, layout, table);
    if (is_absolute_time(units)) return convert_absolute_times(times, units, layout);
    const auto convert = conversion_of_times(units, group.text_of(name, "calendar").value_or(""), layout);
    std::transform(times.begin(), times.end(), times.begin(), convert);
  });
  return times;
}

ObservedVariables observed_variables(const std::vector<NameOfVariable>& variables, const ExpectedObservations& expected,
                                     const std::string& where, ObservationTable& table) {
  ObservedVariables observed;
  const auto by_standard_name = [&](const std::string& standard_name) -> std::optional<std::size_t> {
    const auto& all = expected.layout.variables;
    const auto same = [&](const Variable& variable) { return variable.standard_name == standard_name; };
    if (standard_name.empty() || std::count_if(all.begin(), all.end(), same) != 1) return std::nullopt;
    const auto at = std::find_if(all.begin(), all.end(), same) - all.begin();
    const bool is_named =
        std::any_of(variables.begin(), variables.end(), [&](const auto& other) { return other.name == all[at].name; });
    return is_named ? std::nullopt : std::optional(static_cast<std::size_t>(at));
  };
  std::map<std::size_t, std::string> taken;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const auto& [name, standard_name] = variables[i];
    auto observable = expected.find(name);
    if (!observable && (observable = by_standard_name(standard_name))) {
      const std::string& ours = expected.observables[*observable].name;
      if (const auto [other, is_new] = taken.emplace(*observable, name); !is_new) {
        throw FileError({.what = fmt::format("two variables have the standard name of {}", ours),
                         .where = where,
                         .found = other->second + " and " + name,
                         .expected = "one, or one that is named " + ours,
                         .hint = fmt::format("leave one out (`ncks -x -v {0} IN OUT`), or name the other one "
                                             "(`ncrename -v {1},{2} IN OUT`)",
                                             name, other->second, ours)});
      }
      table.remarks.push_back(fmt::format("{} is read as {}, by its standard name", name, ours));
    }
    if (observable) {
      observed.found.emplace_back(i, *observable);
    } else {
      observed.others.push_back(name);
    }
  }
  if (!observed.found.empty()) return observed;
  const auto known = expected.names();
  std::string hint;
  for (const auto& name : observed.others) {
    if (hint.empty() && !nearest_name(name, known).empty())
      hint = name + ": did you mean " + nearest_name(name, known) + "?";
  }
  const auto& others = observed.others;
  throw FileError({.what = "no variable of the system is in the file",
                   .where = where,
                   .found = others.empty() ? "none" : fmt::format("{}", fmt::join(others, ", ")),
                   .expected = fmt::format("one of {}", fmt::join(known, ", ")),
                   .hint = hint});
}

void remark_on_others(const std::vector<std::string>& others, const std::set<std::string>& used,
                      ObservationTable& table) {
  std::vector<std::string> named;
  std::copy_if(others.begin(), others.end(), std::back_inserter(named),
               [&](const auto& name) { return used.count(name) == 0; });
  if (!named.empty()) table.remarks.push_back(fmt::format("variables not used: {}", fmt::join(named, ", ")));
}

ObservationTable decode_observations(const std::string& path, const ExpectedObservations& expected) {
  if (!is_netcdf(path)) return decode_csv(path, expected);
  const NetcdfReader reader(path);
  const ReadableGroup file = reader.root();
  const auto names = file.variables();
  const bool is_ioda = file.has_group("ObsValue") || std::any_of(names.begin(), names.end(), [](const auto& name) {
                         return name.ends_with("@ObsValue");  // version 1
                       });
  return is_ioda ? decode_ioda(file, expected) : decode_grids(file, expected);
}

}  // namespace sda::io
