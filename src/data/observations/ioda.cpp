/// Observations over locations as IODA has them: in groups of variables (version 2), or variables that are named after
/// these, "sst@ObsValue" (version 1).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "core/calendar.hpp"
#include "core/torch.hpp"
#include "data/formats/cf_decoding.hpp"
#include "data/formats/reading.hpp"
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

/// Variables of one group, or named after it; none where there is no such group.
class Section {
 public:
  Section(const ReadableGroup& file, const std::string& name)
      : group_(file.has_group(name) ? file.group(name) : file), after_(file.has_group(name) ? "" : "@" + name) {}

  bool has(const std::string& name) const { return group_.has_variable(in_file(name)); }
  const ReadableGroup& group() const { return group_; }
  std::string in_file(const std::string& name) const { return name + after_; }
  std::string where(const std::string& name) const { return group_.where(in_file(name)); }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& name : group_.variables()) {
      if (name.ends_with(after_)) all.push_back(name.substr(0, name.size() - after_.size()));
    }
    return all;
  }
  std::optional<std::string> units(const std::string& name) const { return group_.text_of(in_file(name), "units"); }

 private:
  ReadableGroup group_;
  std::string after_;
};

/// The name that MetaData has for a coordinate: its own, its standard name, or IODA's.
std::string metadata_of(const Section& metadata, const PlaceCoordinate& coordinate) {
  const auto expected = names_of(coordinate);
  const auto known = metadata.names();
  if (const auto found = find_name(known, expected)) return known[*found];
  const std::string& name = coordinate.name;
  throw FileError({.what = "there are no places along " + name,
                   .where = metadata.where(name),
                   .found = fmt::format("{}", fmt::join(known, ", ")),
                   .expected = fmt::format("a variable {}", fmt::join(expected, " or "))});
}

/// A variable over locations.
Column read_location_column(const Section& section, const std::string& name, std::size_t locations) {
  const Tensor values = read_decoded(section.group(), section.in_file(name), at::kDouble);
  const bool is_one_each = values.dim() > 0 && values.size(0) == values.numel();  // as of one channel
  if (!is_one_each || values.numel() != static_cast<std::int64_t>(locations)) {
    throw FileError({.what = "not a value for each location",
                     .where = section.where(name),
                     .found = to_string(values.sizes()),
                     .expected = fmt::format("{}, as MetaData has them", locations)});
  }
  return column_from(values);
}

/// The name of the times in MetaData.
std::string time_name(const Section& metadata) {
  for (const std::string name : {"dateTime", "datetime"}) {
    if (metadata.has(name)) return name;
  }
  return "time";
}

/// Times of MetaData. Of version 1, numbers without units are hours after the file's date_time.
Column read_location_times(const ReadableGroup& file, const Section& metadata, const std::string& name,
                           const StateLayout& layout, ObservationTable& table) {
  const auto in_file = metadata.in_file(name);
  const bool is_version_1 = in_file != name;
  if (!is_version_1 || !metadata.has(name) || metadata.group().is_text(in_file) || metadata.units(name))
    return read_observation_times(metadata.group(), in_file, layout, table);
  const auto digits = file.numbers_of("date_time");
  const auto date = digits && digits->values.size() == 1 ? date_of_digits(digits->values.front()) : std::nullopt;
  if (!date) {
    throw FileError({.what = "times after a date that the file does not say",
                     .where = metadata.where(name),
                     .expected = "datetime@MetaData, or the attribute date_time: 2018041500, say"});
  }
  Column times = column_from(read_decoded(metadata.group(), in_file, at::kDouble));
  return reading_file(metadata.where(name), [&] {
    const auto convert = conversion_of_times("hours since " + *date, layout.calendar, layout);
    std::transform(times.begin(), times.end(), times.begin(), convert);
    table.remarks.push_back(fmt::format("times are hours after {}", *date));
    return times;
  });
}

}  // namespace

ObservationTable decode_ioda(const ReadableGroup& file, const ExpectedObservations& expected) {
  const StateLayout& layout = expected.layout;
  ObservationTable table;
  table.path = file.path();
  table.counted = "location";
  const Section metadata(file, metadata_group), values(file, value_group), errors(file, error_group),
      flags(file, flag_group);
  if (metadata.names().empty()) file.group(metadata_group);  // throws: there is none
  const std::string name_of_times = time_name(metadata);
  const Column times = read_location_times(file, metadata, name_of_times, layout, table);
  const std::size_t locations = times.size();
  std::vector<Column> places;
  std::map<std::string, std::string> named{{"time", metadata.where(name_of_times)}};
  table.on_globe = layout.curvilinear.has_value();
  for (const auto& coordinate : place_coordinates(layout, table.on_globe)) {
    const auto name = metadata_of(metadata, coordinate);
    const auto convert = conversion_of_places(metadata.units(name), coordinate, metadata.where(name));
    places.push_back(converted(read_location_column(metadata, name, locations), convert));
    named[coordinate.name] = metadata.where(name);
  }
  table.place.resize(places.size());
  std::vector<NameOfVariable> names;
  for (const auto& name : values.names()) names.push_back({name});
  const auto observed = observed_variables(names, expected, values.where(""), table);
  remark_on_others(observed.others, {}, table);
  for (const auto& [variable, observable] : observed.found) {
    const std::string& name = names[variable].name;
    const auto convert = conversion_of_values(values.units(name), observable, expected, values.where(name), table);
    const Column value = converted(read_location_column(values, name, locations), convert);
    Column error, flag;
    if (errors.has(name)) {
      const auto stated = errors.units(name);
      const auto scale =
          stated ? conversion_of_values(stated, observable, expected, errors.where(name), table) : convert;
      error = converted(read_location_column(errors, name, locations), {.scale = scale.scale});
    } else if (!expected.gives_errors()) {
      throw FileError({.what = "observations have no errors",
                       .where = fmt::format("{}: {}/{}", file.path(), error_group, name),
                       .expected = "a standard deviation for each, in the variable's units",
                       .hint = "or give one for all: --error 0.1, say"});
    }
    if (flags.has(name)) flag = read_location_column(flags, name, locations);
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
