/// Observations as NetCDF variables over any dimensions, with times and places over all or some of these: grids,
/// swaths, time series of stations, profiles.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <utility>

#include "core/calendar.hpp"
#include "core/torch.hpp"
#include "core/units.hpp"
#include "data/formats/cf_decoding.hpp"
#include "data/observations/beside.hpp"
#include "data/observations/decode.hpp"
#include "data/observations/flags.hpp"
#include "data/observations/names.hpp"
#include "data/observations/units.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

using Column = std::vector<double>;

std::string with_dimensions(const FoundVariable& variable) {
  return fmt::format("{}({})", variable.name, fmt::join(variable.group.dimensions(variable.name), ", "));
}

/// The dimensions of a curvilinear grid, in its order.
std::vector<std::string> dimensions_of(const StateLayout& layout, const CurvilinearGrid& grid) {
  return {layout.space_names[grid.axes[0]], layout.space_names[grid.axes[1]]};
}

/// Whether values lie at latitudes and longitudes that are not the points of the system's own, curvilinear grid.
bool is_on_globe(const FoundVariable& variable, const StateLayout& layout) {
  if (!layout.curvilinear) return false;
  const auto all = place_coordinates(layout, /*on_globe=*/true);
  const auto own = dimensions_of(layout, *layout.curvilinear);
  return std::all_of(layout.curvilinear->axes.begin(), layout.curvilinear->axes.end(), [&](auto axis) {
    const auto found = find_beside(variable, names_of(all[axis]));
    return found && found->dimensions() != own;
  });
}

/// Throws FileError where values on the dimensions of a curvilinear grid lie at other latitudes or longitudes.
void require_same_points(const ReadableGroup& group, const StateLayout& layout) {
  if (!layout.curvilinear) return;
  const auto& grid = *layout.curvilinear;
  for (const auto& [name, own, turn] :
       {std::tuple{grid.latitude_name, grid.latitude, 0.0}, std::tuple{grid.longitude_name, grid.longitude, 360.0}}) {
    if (!group.has_variable(name) || group.dimensions(name) != dimensions_of(layout, grid)) continue;
    const Column theirs = column_from(read_decoded(group, name, at::kDouble));
    const bool is_same = std::equal(theirs.begin(), theirs.end(), own.values.begin(), own.values.end(),
                                    [period = turn](double a, double b) {
                                      constexpr double rounding = 1e-4;  // degrees
                                      const double apart = period > 0 ? std::remainder(a - b, period) : a - b;
                                      return !(std::abs(apart) > rounding);
                                    });
    if (is_same) continue;
    throw FileError({.what = "observations on another curvilinear grid than the system's",
                     .where = group.where(name),
                     .expected = fmt::format("the system's {}, or a table with the columns {} and {}", name,
                                             grid.latitude_name, grid.longitude_name)});
  }
}

/// What belongs to a variable of observations.
struct Companions {
  std::vector<std::optional<FoundVariable>> places;  ///< of each axis; none: the system's own points
  std::optional<FoundVariable> time, after;          ///< and what is added to it: seconds of each pixel, say
  std::optional<FoundVariable> error, flag;
  std::vector<RaggedDimension> ragged;

  static Companions of(const FoundVariable& variable, const std::vector<PlaceCoordinate>& coordinates) {
    Companions found;
    for (const auto& coordinate : coordinates) found.places.push_back(find_beside(variable, names_of(coordinate)));
    found.time = find_beside(variable, names_of_time());
    found.after = find_beside(variable, names_of_times_after(variable.name));
    const auto units = found.after ? found.after->group.text_of(found.after->name, "units").value_or("") : "";
    if (!parse_time_units(units).origin.empty()) found.time = std::exchange(found.after, std::nullopt);
    found.ragged = ragged_dimensions(variable);
    found.error = find_beside(variable, with_suffixes(variable.name, suffixes_of_errors()));
    if (!found.error) found.error = find_ancillary(variable, "standard_error", "");
    found.flag = find_beside(variable, with_suffixes(variable.name, suffixes_of_flags()));
    if (!found.flag) found.flag = find_ancillary(variable, "status_flag", "flag_meanings");
    if (!found.flag) found.flag = find_ancillary(variable, "quality_flag", "");
    return found;
  }
  /// Their names, to be told apart from observations.
  std::set<std::string> names() const {
    std::set<std::string> all;
    for (const auto* one : {&time, &after, &error, &flag}) {
      if (*one) all.insert((*one)->name);
    }
    for (const auto& one : ragged) all.insert(one.by.name);
    for (const auto& place : places) {
      if (place) all.insert(place->name);
    }
    return all;
  }
};

/// Coordinates along an axis, in the data's units.
NumbersBeside read_places(const FoundVariable& variable, const std::optional<FoundVariable>& found,
                          const StateLayout& layout, std::size_t axis, const PlaceCoordinate& coordinate) {
  if (found) {
    const auto& [group, name] = *found;
    const auto convert = conversion_of_places(group.text_of(name, "units"), coordinate, found->where());
    return {converted(column_from(read_decoded(group, name, at::kDouble)), convert), found->dimensions(), variable};
  }
  const auto dimensions = variable.group.dimensions(variable.name);
  const std::string& name = layout.space_names[axis];
  const auto at = std::find(dimensions.begin(), dimensions.end(), name) - dimensions.begin();
  if (at == std::ssize(dimensions)) {
    throw FileError({.what = "a field without all axes of space",
                     .where = variable.where(),
                     .found = with_dimensions(variable),
                     .expected = fmt::format("{}", fmt::join(layout.space_names, ", ")),
                     .hint = fmt::format("a variable {} over dimensions of {} says where values lie; of a ragged array "
                                         "one over its instances, with the attribute sample_dimension of their counts "
                                         "(CF 9.3.3)",
                                         fmt::join(names_of(coordinate), " or "), variable.name)});
  }
  auto own = layout.points_along(axis);
  const auto size = variable.group.shape(variable.name)[static_cast<std::size_t>(at)];
  if (std::ssize(own) == size) return {own, {name}, variable};
  throw FileError({.what = "a grid that is not the system's, without coordinates",
                   .where = fmt::format("{}: {}", variable.group.path(), name),
                   .found = fmt::format("{} points", size),
                   .expected = fmt::format("a variable {0}({0}), or the {1} points of the system", name, own.size())});
}

/// Times, and for each value what is added to them, in the data's units.
struct TimesBeside {
  NumbersBeside times, after;

  double at(const std::vector<std::size_t>& index) const {
    return times.at(index) + (after.is_there() ? after.at(index) : 0);
  }
  bool is_along(std::size_t dimension) const { return times.is_along(dimension) || after.is_along(dimension); }
};

/// Of no time where the file has none.
TimesBeside read_times(const FoundVariable& variable, const Companions& companions, const StateLayout& layout,
                       ObservationTable& table) {
  TimesBeside all;
  if (!companions.time) return all;
  const auto& time = *companions.time;
  all.times = {read_observation_times(time.group, time.name, layout, table), time.dimensions(), variable};
  if (!companions.after) return all;
  const auto& after = *companions.after;
  const auto units = after.group.text_of(after.name, "units").value_or("");
  const auto convert = conversion_of_units(units, layout.time_units);
  if (is_unitless(units) || !convert) {
    throw FileError({.what = "times after the time, in units that do not convert to the data's",
                     .where = after.where(),
                     .found = units.empty() ? "none" : units,
                     .expected = layout.time_units});
  }
  all.after = {converted(column_from(read_decoded(after.group, after.name, at::kDouble)), {.scale = convert->scale}),
               after.dimensions(), variable};
  table.remarks.push_back(fmt::format("times of {} are {} and {} after it", variable.name, time.name, after.name));
  return all;
}

[[noreturn]] void refuse_without_time(const FoundVariable& variable) {
  if (!variable.group.has_variable("time")) {
    throw FileError({.what = "a field without a time",
                     .where = variable.where(),
                     .expected = "a dimension time with its coordinate, or one number time"});
  }
  throw FileError({.what = "a field without a dimension time, and several times",
                   .where = variable.where(),
                   .found = fmt::format("{} times", count(variable.group.shape("time")))});
}

/// The errors in the data's units: their own, or those of the variable.
NumbersBeside read_errors(const FoundVariable& variable, const std::optional<FoundVariable>& error,
                          std::size_t observable, const ExpectedObservations& expected, const UnitConversion& of_values,
                          ObservationTable& table) {
  if (!error && expected.gives_errors()) return {};
  if (!error) {
    throw FileError({.what = "observations have no errors",
                     .where = variable.where(),
                     .expected = fmt::format("a variable {}_error of the same dimensions, in its units", variable.name),
                     .hint = "or give one for all: --error 0.1, say"});
  }
  const auto& [group, name] = *error;
  const auto stated = group.text_of(name, "units");
  const auto convert = stated ? conversion_of_values(stated, observable, expected, error->where(), table) : of_values;
  return {converted(column_from(read_decoded(group, name, at::kDouble)), {.scale = convert.scale}), error->dimensions(),
          variable};
}

/// Every dimension must be one along which time or place changes.
void require_dimensions(const FoundVariable& variable, const std::vector<NumbersBeside>& places,
                        const TimesBeside& times, const StateLayout& layout) {
  const auto names = variable.group.dimensions(variable.name);
  const Shape sizes = variable.group.shape(variable.name);
  for (std::size_t d = 0; d < names.size(); ++d) {
    const bool is_known = times.is_along(d) || std::any_of(places.begin(), places.end(),
                                                           [&](const auto& place) { return place.is_along(d); });
    if (is_known || sizes[d] == 1) continue;
    throw FileError({.what = "a dimension is not accounted for",
                     .where = variable.where(),
                     .found = fmt::format("{} of {}", names[d], sizes[d]),
                     .expected = fmt::format("time, {}, each with its coordinate, or dimensions of size 1",
                                             fmt::join(layout.space_names, ", "))});
  }
}

/// Appends a row for each value of a variable, in the order of the file.
void append_values(ObservationTable& table, const FoundVariable& variable, std::size_t observable,
                   const ExpectedObservations& expected) {
  const auto& [group, name] = variable;
  const auto coordinates = place_coordinates(expected.layout, table.on_globe);
  const auto companions = Companions::of(variable, coordinates);
  if (!table.on_globe) require_same_points(group, expected.layout);
  std::vector<NumbersBeside> places;
  for (std::size_t axis = 0; axis < companions.places.size(); ++axis)
    places.push_back(read_places(variable, companions.places[axis], expected.layout, axis, coordinates[axis]));
  const TimesBeside times = read_times(variable, companions, expected.layout, table);
  require_dimensions(variable, places, times, expected.layout);
  if (!companions.time) refuse_without_time(variable);
  const auto convert =
      conversion_of_values(group.text_of(name, "units"), observable, expected, variable.where(), table);
  const auto [stored, outside] = decode(group, name, at::kDouble);
  if (outside > 0) {
    table.remarks.push_back(fmt::format("{} values of {} outside its valid range are missing", outside, name));
  }
  const Column value = converted(column_from(stored), convert);
  const auto error = read_errors(variable, companions.error, observable, expected, convert, table);
  NumbersBeside flags;
  std::optional<FlagMeanings> meanings;
  if (companions.flag) {
    flags = {read_flags(*companions.flag), companions.flag->group.dimensions(companions.flag->name), variable};
    meanings.emplace(*companions.flag);
  }
  const Shape sizes = group.shape(name);
  std::vector<std::size_t> at(sizes.size(), 0);
  for (std::size_t i = 0; i < value.size(); ++i) {
    const double flag = flags.is_there() ? flags.at(at) : 0;
    const bool flagged = flags.is_there() && !expected.is_good(flag);
    table.append_empty(static_cast<std::int64_t>(i), flagged);
    table.variable.back() = observable;
    if (flagged) {
      table.count_flag(flag);
      const auto meaning = std::isnan(flag) ? "" : meanings->of(flag);
      if (!meaning.empty()) table.flag_meanings[flag] = meaning;
    } else if (!std::isnan(value[i])) {
      table.value.back() = value[i];
      table.time.back() = times.at(at);
      if (error.is_there()) table.error.back() = error.at(at);
      for (std::size_t axis = 0; axis < places.size(); ++axis) table.place[axis].back() = places[axis].at(at);
    }
    for (std::size_t d = at.size(); d-- > 0 && ++at[d] == static_cast<std::size_t>(sizes[d]);) at[d] = 0;
  }
}

/// Whether a variable is a coordinate, or an error or a flag of another, and no observation by itself.
bool is_beside_another(const ReadableGroup& group, const std::string& name) {
  for (const auto* suffixes : {&suffixes_of_errors(), &suffixes_of_flags()}) {
    for (const auto& suffix : *suffixes) {
      if (name.ends_with(suffix) && group.has_variable(name.substr(0, name.size() - suffix.size()))) return true;
    }
  }
  const auto dimensions = group.dimensions(name);
  return find_name({name}, names_of_time()) || dimensions == std::vector{name} || dimensions.empty() ||
         group.is_text(name);
}

/// Variables that may be observations, of a group and of those in it.
void collect(const ReadableGroup& group, std::vector<FoundVariable>& all) {
  for (const auto& name : group.variables()) {
    if (!is_beside_another(group, name)) all.push_back({group, name});
  }
  for (const auto& name : group.groups()) collect(group.group(name), all);
}

}  // namespace

ObservationTable decode_grids(const ReadableGroup& file, const ExpectedObservations& expected) {
  ObservationTable table;
  table.path = file.path();
  table.counted = "value";
  table.place.resize(expected.layout.space_names.size());
  std::vector<FoundVariable> all;
  collect(file, all);
  std::vector<NameOfVariable> names;
  for (const auto& [group, name] : all) names.push_back({name, group.text_of(name, "standard_name").value_or("")});
  // Coordinates, errors and flags of what is observed are used, though no observations.
  std::set<std::string> used;
  std::vector<std::string> name_of(expected.observables.size());
  const auto observed = observed_variables(names, expected, file.path(), table);
  table.on_globe = std::any_of(observed.found.begin(), observed.found.end(),
                               [&](const auto& found) { return is_on_globe(all[found.first], expected.layout); });
  const auto coordinates = place_coordinates(expected.layout, table.on_globe);
  for (const auto& [i, observable] : observed.found) {
    append_values(table, all[i], observable, expected);
    used.merge(Companions::of(all[i], coordinates).names());
    name_of[observable] = all[i].name;
  }
  remark_on_others(observed.others, used, table);
  table.place_in_file = [path = file.path(), name_of](std::int64_t number, std::size_t observable,
                                                      const std::string& column) {
    const std::string& variable = name_of[observable];
    const std::string name = column == "value" ? variable : column == "error" ? variable + "_error" : column;
    return fmt::format("{}: {}, value {} of {} (counted from 0)", path, name, number, variable);
  };
  return table;
}

}  // namespace sda::io
