/// Observations as variables on a grid.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/torch.hpp"
#include "data/formats/cf_decoding.hpp"
#include "data/observations/decode.hpp"
#include "data/observations/units.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

using Column = std::vector<double>;

/// Coordinates along one dimension of a variable, in the data's units.
struct GridDimension {
  std::string name;
  Column points;
  std::ptrdiff_t axis = -1;  ///< of space; −1: time, or a dimension of size 1
  bool is_time = false;
};

bool is_coordinate(const ReadableGroup& file, const std::string& name) {
  return file.has_variable(name) && file.dimensions(name).size() <= 1;
}

/// Whether a file's grid has latitudes and longitudes along two dimensions, for a system whose grid is curvilinear.
bool is_grid_on_globe(const ReadableGroup& file, const StateLayout& layout) {
  if (!layout.curvilinear) return false;
  const auto all = place_coordinates(layout, /*on_globe=*/true);
  return std::all_of(layout.curvilinear->axes.begin(), layout.curvilinear->axes.end(), [&](auto axis) {
    const auto name = name_among(file.variables(), all[axis]);
    return name && is_coordinate(file, *name);
  });
}

/// Throws FileError where observations on the dimensions of a curvilinear grid lie at other latitudes or longitudes.
void require_same_points(const ReadableGroup& file, const StateLayout& layout) {
  if (!layout.curvilinear || is_grid_on_globe(file, layout)) return;
  const auto& grid = *layout.curvilinear;
  const std::vector<std::string> axes{layout.space_names[grid.axes[0]], layout.space_names[grid.axes[1]]};
  for (const auto& [name, own, turn] :
       {std::tuple{grid.latitude_name, grid.latitude, 0.0}, std::tuple{grid.longitude_name, grid.longitude, 360.0}}) {
    if (!file.has_variable(name) || file.dimensions(name) != axes) continue;
    const Column theirs = column_from(read_decoded(file, name, at::kDouble));
    const bool is_same = std::equal(theirs.begin(), theirs.end(), own.values.begin(), own.values.end(),
                                    [period = turn](double a, double b) {
                                      constexpr double rounding = 1e-4;  // degrees
                                      const double apart = period > 0 ? std::remainder(a - b, period) : a - b;
                                      return !(std::abs(apart) > rounding);
                                    });
    if (is_same) continue;
    throw FileError({.what = "observations on another curvilinear grid than the system's",
                     .where = file.where(name),
                     .expected = fmt::format("the system's {}, or a table with the columns {} and {}", name,
                                             grid.latitude_name, grid.longitude_name)});
  }
}

Column points_of_grid(const ReadableGroup& file, const std::string& name, std::int64_t size, const StateLayout& layout,
                      std::size_t axis, const PlaceCoordinate& coordinate) {
  if (is_coordinate(file, name)) {
    const auto convert = conversion_of_places(file.text_of(name, "units"), coordinate, file.where(name));
    return converted(column_from(read_decoded(file, name, at::kDouble)), convert);
  }
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
  std::vector<std::string> axes;
  const bool on_globe = is_grid_on_globe(file, layout);
  const auto coordinates = place_coordinates(layout, on_globe);
  for (const auto& one : coordinates) axes.push_back(on_globe ? name_among(names, one).value_or(one.name) : one.name);
  std::size_t found = 0;
  for (std::size_t d = 0; d < names.size(); ++d) {
    GridDimension& dimension = dimensions.emplace_back(GridDimension{.name = names[d], .points = {}});
    const auto axis = std::find(axes.begin(), axes.end(), names[d]) - axes.begin();
    if (axis < std::ssize(axes)) {
      dimension.axis = axis;
      const auto at = static_cast<std::size_t>(axis);
      dimension.points = points_of_grid(file, names[d], sizes[d], layout, at, coordinates[at]);
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
  if (found < axes.size()) {
    throw FileError({.what = "a field without all axes of space",
                     .where = file.where(variable),
                     .found = fmt::format("{}({})", variable, fmt::join(names, ", ")),
                     .expected = fmt::format("{}", fmt::join(axes, ", "))});
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
  return column_from(read_decoded(file, name, at::kDouble));
}

/// VAR_error in the data's units: its own, or those of VAR.
Column read_errors(ObservationTable& table, const ReadableGroup& file, const std::string& variable,
                   std::size_t observable, const ExpectedObservations& expected, const UnitConversion& of_values) {
  const Column error = beside(file, variable, "_error");
  if (error.empty()) return error;
  const std::string name = variable + "_error";
  const auto stated = file.text_of(name, "units");
  const auto convert = stated ? conversion_of_values(stated, observable, expected, file.where(name), table) : of_values;
  return converted(error, {.scale = convert.scale});
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
  const auto stated = file.text_of(variable, "units");
  const auto convert = conversion_of_values(stated, observable, expected, file.where(variable), table);
  const Column value = converted(column_from(read_decoded(file, variable, at::kDouble)), convert),
               error = read_errors(table, file, variable, observable, expected, convert),
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

}  // namespace

ObservationTable decode_grids(const ReadableGroup& file, const ExpectedObservations& expected) {
  ObservationTable table;
  table.path = file.path();
  table.counted = "value";
  table.place.resize(expected.layout.space_names.size());
  table.on_globe = is_grid_on_globe(file, expected.layout);
  require_same_points(file, expected.layout);
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

}  // namespace sda::io
