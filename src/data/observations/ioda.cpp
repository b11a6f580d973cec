/// Observations in groups of variables over locations, as IODA has them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/torch.hpp"
#include "data/formats/cf_decoding.hpp"
#include "data/observations/decode.hpp"
#include "data/observations/names.hpp"
#include "data/observations/units.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

using Column = std::vector<double>;

constexpr const char* metadata_group = "MetaData";
constexpr const char* value_group = "ObsValue";
constexpr const char* error_group = "ObsError";
constexpr const char* flag_group = "PreQC";

/// The name that MetaData has for a coordinate: its own, its standard name, or IODA's.
std::string metadata_of(const ReadableGroup& metadata, const PlaceCoordinate& coordinate) {
  const auto expected = names_of(coordinate);
  const auto known = metadata.variables();
  if (const auto found = find_name(known, expected)) return known[*found];
  const std::string& name = coordinate.name;
  throw FileError({.what = "there are no places along " + name,
                   .where = metadata.where(name),
                   .found = fmt::format("{}", fmt::join(known, ", ")),
                   .expected = fmt::format("a variable {}", fmt::join(expected, " or "))});
}

/// A variable over locations.
Column read_location_column(const ReadableGroup& group, const std::string& name, std::size_t locations) {
  const Tensor values = read_decoded(group, name, at::kDouble);
  const bool is_one_each = values.dim() > 0 && values.size(0) == values.numel();  // as of one channel
  if (!is_one_each || values.numel() != static_cast<std::int64_t>(locations)) {
    throw FileError({.what = "not a value for each location",
                     .where = group.where(name),
                     .found = to_string(values.sizes()),
                     .expected = fmt::format("{}, as MetaData has them", locations)});
  }
  return column_from(values);
}

}  // namespace

ObservationTable decode_ioda(const ReadableGroup& file, const ExpectedObservations& expected) {
  const StateLayout& layout = expected.layout;
  ObservationTable table;
  table.path = file.path();
  table.counted = "location";
  const ReadableGroup metadata = file.group(metadata_group), values = file.group(value_group);
  const std::string time_name = metadata.has_variable("dateTime") ? "dateTime" : "time";
  const Column times = read_observation_times(metadata, time_name, layout, table);
  const std::size_t locations = times.size();
  std::vector<Column> places;
  std::map<std::string, std::string> named{{"time", metadata.where(time_name)}};
  table.on_globe = layout.curvilinear.has_value();
  for (const auto& coordinate : place_coordinates(layout, table.on_globe)) {
    const auto name = metadata_of(metadata, coordinate);
    const auto convert = conversion_of_places(metadata.text_of(name, "units"), coordinate, metadata.where(name));
    places.push_back(converted(read_location_column(metadata, name, locations), convert));
    named[coordinate.name] = metadata.where(name);
  }
  table.place.resize(places.size());
  std::vector<NameOfVariable> names;
  for (const auto& name : values.variables()) names.push_back({name});
  const auto observed = observed_variables(names, expected, values.where(""), table);
  remark_on_others(observed.others, {}, table);
  for (const auto& [variable, observable] : observed.found) {
    const std::string& name = names[variable].name;
    const auto stated = values.text_of(name, "units");
    const auto convert = conversion_of_values(stated, observable, expected, values.where(name), table);
    const Column value = converted(read_location_column(values, name, locations), convert);
    Column error, flag;
    const bool has_errors = file.has_group(error_group) && file.group(error_group).has_variable(name);
    if (has_errors) {
      const ReadableGroup errors = file.group(error_group);
      const auto stated_of_error = errors.text_of(name, "units");
      const auto scale = stated_of_error
                             ? conversion_of_values(stated_of_error, observable, expected, errors.where(name), table)
                             : convert;
      error = converted(read_location_column(errors, name, locations), {.scale = scale.scale});
    }
    if (!has_errors && !expected.gives_errors()) {
      throw FileError({.what = "observations have no errors",
                       .where = fmt::format("{}: {}/{}", file.path(), error_group, name),
                       .expected = "a standard deviation for each, in the variable's units",
                       .hint = "or give one for all: --error 0.1, say"});
    }
    if (file.has_group(flag_group) && file.group(flag_group).has_variable(name)) {
      flag = read_location_column(file.group(flag_group), name, locations);
    }
    for (std::size_t i = 0; i < locations; ++i) {
      const bool flagged = !flag.empty() && !expected.is_good(flag[i]);
      table.append_empty(static_cast<std::int64_t>(i), flagged);
      if (flagged) table.count_flag(flag[i]);
      if (flagged || std::isnan(value[i])) continue;
      table.value.back() = value[i];
      table.variable.back() = observable;
      table.time.back() = times[i];
      if (!error.empty()) table.error.back() = error[i];
      for (std::size_t axis = 0; axis < places.size(); ++axis) table.place[axis].back() = places[axis][i];
    }
  }
  table.place_in_file = [named, path = file.path(), names = expected.names()](
                            std::int64_t location, std::size_t variable, const std::string& column) {
    const auto place = named.find(column);
    const std::string of_variable =
        fmt::format("{}: {}/{}", path, column == "error" ? error_group : value_group, names[variable]);
    return fmt::format("{}, location {} (counted from 0)", place == named.end() ? of_variable : place->second,
                       location);
  };
  return table;
}

}  // namespace sda::io
