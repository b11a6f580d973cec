/// Departures from NetCDF: groups of variables over locations as IODA has them, or variables on a grid.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <numeric>

#include "core/calendar.hpp"
#include "core/torch.hpp"
#include "data/formats/cf_decoding.hpp"
#include "data/formats/netcdf_file.hpp"
#include "data/observations/observations.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::io {
namespace {

using Column = std::vector<double>;

Column column_from(const Tensor& values) {
  const Tensor flat = values.to(at::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

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

/// Times of a variable, texts or numbers of its units, in those of the layout.
Column read_observation_times(const ReadableGroup& group, const std::string& name, const StateLayout& layout) {
  const std::string where = group.where(name);
  if (group.is_text(name)) {
    Column times;
    for (const auto& text : group.read_texts(name)) {
      times.push_back(at_place(fmt::format("{}, location {} (counted from 0)", where, times.size()),
                               [&] { return parse_time(text, layout); }));
    }
    return times;
  }
  const auto convert = at_place(where, [&] {
    return conversion_of_times(group.text_of(name, "units").value_or(""), group.text_of(name, "calendar").value_or(""),
                               layout);
  });
  Column times = column_from(read_meant(group, name, at::kDouble));
  std::transform(times.begin(), times.end(), times.begin(), convert);
  return times;
}

/// The variables of a file that can be read as observables; the others are a remark.
std::vector<std::pair<std::string, std::size_t>> observed_variables(const std::vector<std::string>& names,
                                                                    const ExpectedObservations& expected,
                                                                    const std::string& where, ObservationTable& table) {
  std::vector<std::pair<std::string, std::size_t>> found;
  std::vector<std::string> others;
  for (const auto& name : names) {
    if (const auto observable = expected.find(name)) {
      found.emplace_back(name, *observable);
    } else {
      others.push_back(name);
    }
  }
  if (found.empty()) {
    const auto known = expected.names();
    std::string nearest;
    for (const auto& name : others) {
      if (nearest.empty() && !nearest_name(name, known).empty())
        nearest = name + ": did you mean " + nearest_name(name, known) + "?";
    }
    throw FileError({.what = "no variable of the system is in the file",
                     .where = where,
                     .found = others.empty() ? "none" : fmt::format("{}", fmt::join(others, ", ")),
                     .expected = fmt::format("one of {}", fmt::join(known, ", ")),
                     .hint = nearest});
  }
  if (!others.empty()) table.remarks.push_back(fmt::format("variables not used: {}", fmt::join(others, ", ")));
  return found;
}

// IODA ---------------------------------------------------------------------------------------------------------------

constexpr const char* metadata_group = "MetaData";
constexpr const char* value_group = "ObsValue";
constexpr const char* error_group = "ObsError";
constexpr const char* flag_group = "PreQC";

/// The name that MetaData has for an axis: its own, its standard name, or IODA's.
std::string metadata_of_axis(const ReadableGroup& metadata, const StateLayout& layout, std::size_t axis) {
  static const std::map<std::string, std::string> known{
      {"lat", "latitude"}, {"lon", "longitude"}, {"depth", "depthBelowWaterSurface"}, {"lev", "pressure"}};
  const std::string& name = layout.space_names[axis];
  std::vector<std::string> expected{name};
  if (axis < layout.coordinates.size() && !layout.coordinates[axis].standard_name.empty()) {
    expected.push_back(layout.coordinates[axis].standard_name);
  }
  if (const auto other = known.find(name); other != known.end()) expected.push_back(other->second);
  for (const auto& candidate : expected) {
    if (metadata.has_variable(candidate)) return candidate;
  }
  throw FileError({.what = "there are no places along " + name,
                   .where = metadata.where(name),
                   .found = fmt::format("{}", fmt::join(metadata.variables(), ", ")),
                   .expected = fmt::format("a variable {}", fmt::join(expected, " or "))});
}

/// A variable over locations.
Column read_location_column(const ReadableGroup& group, const std::string& name, std::size_t locations) {
  const Tensor values = read_meant(group, name, at::kDouble);
  if (values.dim() != 1 || values.numel() != static_cast<std::int64_t>(locations)) {
    throw FileError({.what = "not a value for each location",
                     .where = group.where(name),
                     .found = to_string(values.sizes()),
                     .expected = fmt::format("{}, as MetaData has them", locations)});
  }
  return column_from(values);
}

ObservationTable read_ioda(const ReadableGroup& file, const ExpectedObservations& expected) {
  const StateLayout& layout = expected.layout;
  ObservationTable table;
  table.path = file.path();
  table.counted = "location";
  const ReadableGroup metadata = file.group(metadata_group), values = file.group(value_group);
  const std::string time_name = metadata.has_variable("dateTime") ? "dateTime" : "time";
  const Column times = read_observation_times(metadata, time_name, layout);
  const std::size_t locations = times.size();
  std::vector<Column> places;
  std::map<std::string, std::string> named{{"time", metadata.where(time_name)}};
  for (std::size_t axis = 0; axis < layout.space_names.size(); ++axis) {
    const auto name = metadata_of_axis(metadata, layout, axis);
    places.push_back(read_location_column(metadata, name, locations));
    named[layout.space_names[axis]] = metadata.where(name);
  }
  table.place.resize(places.size());
  for (const auto& [name, observable] : observed_variables(values.variables(), expected, values.where(""), table)) {
    const Column value = read_location_column(values, name, locations);
    Column error, flag;
    const bool has_errors = file.has_group(error_group) && file.group(error_group).has_variable(name);
    if (has_errors) error = read_location_column(file.group(error_group), name, locations);
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
      // A flag that is missing says nothing good.
      const bool flagged = !flag.empty() && !(flag[i] <= expected.parameters.max_flag);
      table.append_empty(static_cast<std::int64_t>(i), flagged);
      if (flagged || std::isnan(value[i])) continue;
      table.value.back() = value[i];
      table.variable.back() = observable;
      table.time.back() = times[i];
      if (!error.empty()) table.error.back() = error[i];
      for (std::size_t axis = 0; axis < places.size(); ++axis) table.place[axis].back() = places[axis][i];
    }
  }
  table.where = [named, path = file.path(), names = expected.names(), variables = table.variable,
                 origin = table.origin](std::size_t row, const std::string& column) {
    const auto place = named.find(column);
    const std::string variable =
        fmt::format("{}: {}/{}", path, column == "error" ? error_group : value_group, names[variables[row]]);
    return fmt::format("{}, location {} (counted from 0)", place == named.end() ? variable : place->second,
                       origin[row]);
  };
  return table;
}

// Fields on a grid ---------------------------------------------------------------------------------------------------

/// Coordinates along one dimension of a variable, in the data's units.
struct GridDimension {
  std::string name;
  Column points;
  std::ptrdiff_t axis = -1;  ///< of space; −1: time, or a dimension of size 1
  bool is_time = false;
};

Column points_of_grid(const ReadableGroup& file, const std::string& name, std::int64_t size, const StateLayout& layout,
                      std::size_t axis) {
  if (file.has_variable(name)) return column_from(read_meant(file, name, at::kDouble));
  auto own = layout.points_along(axis);
  if (std::ssize(own) == size) return own;
  throw FileError({.what = "a grid that is not the system's, without coordinates",
                   .where = fmt::format("{}: {}", file.path(), name),
                   .found = fmt::format("{} points", size),
                   .expected = fmt::format("a variable {0}({0}), or the {1} points of the system", name, own.size())});
}

std::vector<GridDimension> dimensions_of_grid(const ReadableGroup& file, const std::string& variable,
                                              const StateLayout& layout) {
  const auto names = file.dimensions(variable);
  const Shape sizes = file.shape(variable);
  std::vector<GridDimension> dimensions;
  std::size_t found = 0;
  for (std::size_t d = 0; d < names.size(); ++d) {
    GridDimension& dimension = dimensions.emplace_back(GridDimension{.name = names[d], .points = {}});
    const auto& axes = layout.space_names;
    const auto axis = std::find(axes.begin(), axes.end(), names[d]) - axes.begin();
    if (axis < std::ssize(axes)) {
      dimension.axis = axis;
      dimension.points = points_of_grid(file, names[d], sizes[d], layout, static_cast<std::size_t>(axis));
      ++found;
    } else if (names[d] == "time" && file.has_variable("time")) {
      dimension.is_time = true;
      dimension.points = read_observation_times(file, "time", layout);
    } else {
      dimension.points.assign(1, 0);
    }
    if (std::ssize(dimension.points) != sizes[d]) {
      throw FileError({.what = "a dimension is not accounted for",
                       .where = file.where(variable),
                       .found = fmt::format("{} of {}", names[d], sizes[d]),
                       .expected = fmt::format("time, {}, each with its coordinate, or dimensions of size 1",
                                               fmt::join(axes, ", "))});
    }
  }
  if (found < layout.space_names.size()) {
    throw FileError({.what = "a field without all axes of space",
                     .where = file.where(variable),
                     .found = fmt::format("{}({})", variable, fmt::join(names, ", ")),
                     .expected = fmt::format("{}", fmt::join(layout.space_names, ", "))});
  }
  return dimensions;
}

/// The values of a variable VAR_error or VAR_flag beside VAR; none where there is none.
Column beside(const ReadableGroup& file, const std::string& variable, const std::string& suffix) {
  const std::string name = variable + suffix;
  if (!file.has_variable(name)) return {};
  if (file.dimensions(name) != file.dimensions(variable)) {
    throw FileError({.what = "not of the same dimensions as " + variable,
                     .where = file.where(name),
                     .found = fmt::format("{}", fmt::join(file.dimensions(name), ", ")),
                     .expected = fmt::format("{}", fmt::join(file.dimensions(variable), ", "))});
  }
  return column_from(read_meant(file, name, at::kDouble));
}

/// Appends a row for each value of a variable, in the order of the file.
void append_grid(ObservationTable& table, const ReadableGroup& file, const std::string& variable,
                 std::size_t observable, const ExpectedObservations& expected) {
  const auto dimensions = dimensions_of_grid(file, variable, expected.layout);
  const bool has_times = std::any_of(dimensions.begin(), dimensions.end(), [](const auto& d) { return d.is_time; });
  double time = 0;
  if (!has_times) {
    if (!file.has_variable("time")) {
      throw FileError({.what = "a field without a time",
                       .where = file.where(variable),
                       .expected = "a dimension time with its coordinate, or one number time"});
    }
    const Column times = read_observation_times(file, "time", expected.layout);
    if (times.size() != 1) {
      throw FileError({.what = "a field without a dimension time, and several times",
                       .where = file.where(variable),
                       .found = fmt::format("{} times", times.size())});
    }
    time = times.front();
  }
  const Column value = column_from(read_meant(file, variable, at::kDouble)), error = beside(file, variable, "_error"),
               flag = beside(file, variable, "_flag");
  if (error.empty() && !expected.gives_errors()) {
    throw FileError({.what = "observations have no errors",
                     .where = file.where(variable),
                     .expected = fmt::format("a variable {}_error of the same dimensions, in its units", variable),
                     .hint = "or give one for all: --error 0.1, say"});
  }
  std::vector<std::size_t> at(dimensions.size(), 0);
  for (std::size_t i = 0; i < value.size(); ++i) {
    const bool flagged = !flag.empty() && !(flag[i] <= expected.parameters.max_flag);
    table.append_empty(static_cast<std::int64_t>(i), flagged);
    if (!flagged && !std::isnan(value[i])) {
      table.value.back() = value[i];
      table.variable.back() = observable;
      table.time.back() = time;
      if (!error.empty()) table.error.back() = error[i];
      for (std::size_t d = 0; d < at.size(); ++d) {
        const double point = dimensions[d].points[at[d]];
        if (dimensions[d].is_time) table.time.back() = point;
        if (dimensions[d].axis >= 0) table.place[static_cast<std::size_t>(dimensions[d].axis)].back() = point;
      }
    }
    for (std::size_t d = at.size(); d-- > 0 && ++at[d] == dimensions[d].points.size();) at[d] = 0;
  }
}

/// Whether another variable is this one's coordinate, error or flag, and no observation by itself.
bool is_beside_another(const ReadableGroup& file, const std::string& name) {
  for (const std::string suffix : {"_error", "_flag"}) {
    if (name.ends_with(suffix) && file.has_variable(name.substr(0, name.size() - suffix.size()))) return true;
  }
  const auto dimensions = file.dimensions(name);
  return name == "time" || dimensions == std::vector{name} || dimensions.empty();
}

ObservationTable read_grids(const ReadableGroup& file, const ExpectedObservations& expected) {
  ObservationTable table;
  table.path = file.path();
  table.counted = "value";
  table.place.resize(expected.layout.space_names.size());
  std::vector<std::string> names;
  for (const auto& name : file.variables()) {
    if (!is_beside_another(file, name)) names.push_back(name);
  }
  for (const auto& [name, observable] : observed_variables(names, expected, file.path(), table)) {
    append_grid(table, file, name, observable, expected);
  }
  table.where = [path = file.path(), all = expected.names(), variables = table.variable, origin = table.origin](
                    std::size_t row, const std::string& column) {
    const std::string& variable = all[variables[row]];
    const std::string name = column == "value" ? variable : column == "error" ? variable + "_error" : column;
    return fmt::format("{}: {}, value {} of {} (counted from 0)", path, name, origin[row], variable);
  };
  return table;
}

}  // namespace

bool is_netcdf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> bytes{};
  file.read(bytes.data(), bytes.size());
  const std::string_view first(bytes.data(), static_cast<std::size_t>(file.gcount()));
  return first == "\x89HDF" || first.starts_with("CDF");
}

ObservationTable read_netcdf_observations(const std::string& path, const ExpectedObservations& expected) {
  const NetcdfReader reader(path);
  const ReadableGroup file = reader.root();
  return file.has_group(value_group) ? read_ioda(file, expected) : read_grids(file, expected);
}

}  // namespace sda::io
