/// What files say of their states: variables, units, levels, coordinates and times.
#include "data/import/head.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>

#include "core/axis.hpp"
#include "core/calendar.hpp"
#include "core/torch.hpp"
#include "data/formats/cf_decoding.hpp"
#include "data/formats/reading.hpp"
#include "data/import/curvilinear.hpp"
#include "data/import/dimensions.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

/// "T_500" and "temperature at lev 500 hPa" of a level.
Variable of_level(const Variable& variable, const std::string& dimension, const Coordinate& levels, std::size_t index) {
  const bool known = index < levels.values.size();
  const bool whole = known && levels.values[index] == std::round(levels.values[index]) && levels.values[index] >= 0;
  const auto value = known ? fmt::format("{}", levels.values[index]) : fmt::format("{}", index);
  const auto units = known && levels.units != "1" ? " " + levels.units : std::string();
  Variable one = variable;
  one.name += whole ? "_" + value : fmt::format("_{}", index);
  one.long_name += fmt::format(" at {} {}{}", dimension, value, units);
  return one;
}

/// Takes "days since 2000-01-01" apart; midnight is left out of the origin.
void set_time_units(StateLayout& layout, const std::string& units, const std::string& calendar) {
  const auto [unit, origin] = parse_time_units(units);
  layout.time_units = unit.empty() ? "1" : unit;
  if (origin.empty()) return;
  if (days_in(1, unit) == 0) {
    throw ValueError({.what = "times in what is no unit of time",
                      .found = units,
                      .expected = "seconds, minutes, hours or days since a date"});
  }
  require_calendar(calendar);
  layout.time_origin = origin;
  for (const std::string midnight : {" 00:00:00", " 0:0:0", "T00:00:00", " 00:00"}) {
    if (layout.time_origin.ends_with(midnight)) layout.time_origin.erase(layout.time_origin.rfind(midnight));
  }
  layout.calendar = calendar;
}

/// "day as %Y%m%d.%f", as CDO writes an absolute axis of time: made days since the first date.
void set_absolute_times(FileHead& head, const std::string& calendar) {
  const auto first = date_of_digits(head.run.times.front());
  for (double& time : head.run.times) {
    const auto date = date_of_digits(time);
    if (!first || !date) {
      throw ValueError({.what = "not the digits of a date",
                        .found = fmt::format("{:.15g}", time),
                        .expected = "YYYYMMDD and a fraction of the day"});
    }
    time = time_of_date(*date, "days", first->substr(0, 10), calendar);
  }
  set_time_units(head.layout, "days since " + first->substr(0, 10), calendar);
}

/// Adds a variable to the state, or one for each of its levels.
void add_variable(FileHead& head, const StateVariable& added, const StateVariable& of_first, const DataParameters& p) {
  const auto& [file, name] = added;
  StateLayout& layout = head.layout;
  const Roles roles = find_roles(file, name, p, /*in_time=*/true);
  const Shape sizes = file.shape(name);
  const auto size = [&](std::ptrdiff_t axis) { return axis < 0 ? 1 : sizes[static_cast<std::size_t>(axis)]; };
  const bool first = layout.event.empty();
  if (!first && (head.run.trajectories != size(roles.trajectory) || head.states != size(roles.time))) {
    throw FileError({.what = "variables have other trajectories or times",
                     .where = file.path(),
                     .found = with_dimensions(file, name),
                     .expected = with_dimensions(of_first.group, of_first.name)});
  }
  head.run.trajectories = size(roles.trajectory);
  head.states = size(roles.time);
  const Variable variable{.name = name,
                          .long_name = file.text_of(name, "long_name").value_or(name),
                          .units = file.text_of(name, "units").value_or("1"),
                          .standard_name = file.text_of(name, "standard_name").value_or("")};
  const Coordinate levels = roles.level < 0 ? Coordinate{} : read_coordinate(file, p.level);
  for (std::size_t level = 0; level < static_cast<std::size_t>(size(roles.level)); ++level) {
    layout.variables.push_back(roles.level < 0 ? variable : of_level(variable, p.level, levels, level));
  }
  if (first) {
    layout.event = {0};
    for (const auto axis : roles.space) layout.event.push_back(size(axis));
  }
  layout.event.front() += size(roles.level);
}

/// Times from the file's coordinate, or steps of data.step.
void add_times(FileHead& head, const ReadableGroup& around, std::size_t index, const DataParameters& p) {
  Run& run = head.run;
  run.times = read_coordinate(around, p.time).values;
  head.has_times = !run.times.empty();
  const ReadableGroup file = around.nearest_with(p.time).value_or(around);
  if (head.has_times) {
    const std::string units = file.text_of(p.time, "units").value_or(""),
                      calendar = file.text_of(p.time, "calendar").value_or("");
    reading_file(file.where(p.time), [&] {
      if (units.starts_with("day as %Y%m%d")) return set_absolute_times(head, calendar);
      set_time_units(head.layout, units, calendar);
    });
    const double last = std::max(std::abs(run.times.front()), std::abs(run.times.back()));
    if (file.read_numbers(p.time).scalar_type() == at::kFloat) run.rounding = 1.2e-7 * last;
  } else if (p.step > 0) {
    for (std::int64_t i = 0; i < head.states; ++i) run.times.push_back(static_cast<double>(i) * p.step);
  } else {
    throw UsageError(
        {.what = "there is no coordinate of time",
         .where = file.path(),
         .expected = fmt::format("a variable {0}({0}), or data.step = the time between two states", p.time)});
  }
  run.file.assign(run.times.size(), index);
  run.place.resize(run.times.size());
  std::iota(run.place.begin(), run.place.end(), 0);
}

/// Units of the same kind, or one of them not stated.
bool units_agree(const std::string& units, const std::string& other) {
  return is_unitless(units) || is_unitless(other) || conversion_of_units(other, units).has_value();
}

/// The mean step between points, whatever their order, but for points without a place (NaN); 0 where there is none.
double mean_step(const std::vector<double>& points) {
  double sum = 0;
  int steps = 0;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const double step = std::abs(points[i] - points[i - 1]);
    if (std::isfinite(step)) sum += step, ++steps;
  }
  return steps == 0 ? 0 : sum / steps;
}

/// The same but for a thousandth of a step, and the digits that float32 has.
bool same_coordinates(const Coordinate& p, const Coordinate& q) {
  const auto convert = conversion_of_units(q.units, p.units).value_or(UnitConversion{});
  const double of_step = 1e-3 * mean_step(p.values);
  return std::equal(p.values.begin(), p.values.end(), q.values.begin(), q.values.end(), [&](double x, double y) {
    constexpr double of_float32 = 2.4e-7;
    const double other = convert(y);
    return (std::isnan(x) && std::isnan(other)) ||
           std::abs(x - other) <= of_step + of_float32 * (std::abs(x) + std::abs(other));
  });
}

bool same_coordinates(const StateLayout& a, const StateLayout& b) {
  if (a.curvilinear.has_value() != b.curvilinear.has_value()) return false;
  if (a.curvilinear && !(same_coordinates(a.curvilinear->latitude, b.curvilinear->latitude) &&
                         same_coordinates(a.curvilinear->longitude, b.curvilinear->longitude)))
    return false;
  return std::equal(a.coordinates.begin(), a.coordinates.end(), b.coordinates.begin(), b.coordinates.end(),
                    [](const auto& p, const auto& q) { return same_coordinates(p, q); });
}

/// "hours since 2000-01-01", as CF has it.
std::string cf_time_units(const StateLayout& layout) {
  return layout.time_units + (layout.time_origin.empty() ? "" : " since " + layout.time_origin);
}

/// From a file's times to the first one's; nothing where they do not convert.
std::optional<TimeConversion> conversion_of_heads(const StateLayout& from, const StateLayout& to) {
  const bool same_calendar = from.calendar == to.calendar;
  if (cf_time_units(from) == cf_time_units(to) && same_calendar) return TimeConversion{};
  if (from.time_origin.empty() != to.time_origin.empty()) return std::nullopt;
  try {
    return conversion_of_times(cf_time_units(from), from.calendar, to);
  } catch (const ValueError&) {
    return std::nullopt;
  }
}

/// Equal distances between the points of every axis; none if one axis has others.
std::vector<double> spacing_of(const StateLayout& layout) {
  std::vector<double> all;
  const auto axes = axes_of(layout);
  for (std::size_t a = 0; a < axes.size(); ++a) {
    if (layout.coordinates[a].values.size() < 2 || !axes[a].is_regular()) return {};
    all.push_back(std::abs(axes[a].spacing()));
  }
  return all;
}

/// The coordinates of an axis of space; a remark where they look like latitudes or longitudes and do not say so.
Coordinate read_axis(const ReadableGroup& around, const std::string& name, std::vector<std::string>& remarks) {
  Coordinate axis = read_coordinate(around, name);
  if (axis.values.empty()) return axis;
  const ReadableGroup file = *around.nearest_with(name);
  if (file.number_type(name).bytes == sizeof(float) && file.read_numbers(name).scalar_type() == at::kFloat &&
      !file.number_type(name).is_integer && !file.numbers_of(name, "scale_factor"))
    std::transform(axis.values.begin(), axis.values.end(), axis.values.begin(),
                   [](double value) { return number_meant_by(static_cast<float>(value)); });
  const bool looks_like_latitude = name == "lat" || name == "latitude",
             looks_like_longitude = name == "lon" || name == "longitude";
  if ((looks_like_latitude || looks_like_longitude) && kind_of(axis) == AxisKind::plain) {
    remarks.push_back(fmt::format("{}: {} in units {} is taken for plain numbers, as it does not say {}", file.path(),
                                  name, axis.units, looks_like_latitude ? "degrees_north" : "degrees_east"));
  }
  return axis;
}

/// Throws FileError where variables of several groups lie at other coordinates, or times, than the first.
void require_same_places(const FileHead& head, const std::vector<StateVariable>& variables, const DataParameters& p) {
  for (const auto& [group, name] : variables) {
    if (group.name() == variables.front().group.name()) continue;
    std::vector<std::string> remarks;
    StateLayout layout = head.layout;
    FileHead other{.run = head.run, .layout = {}};
    other.states = head.states;
    for (std::size_t axis = 0; axis < p.space.size(); ++axis)
      layout.coordinates[axis] = read_axis(group, p.space[axis], remarks);
    add_times(other, group, 0, p);
    const bool same_times = other.run.times == head.run.times && cf_time_units(other.layout) == cf_time_units(layout);
    if (same_times && same_coordinates(head.layout, layout)) continue;
    throw FileError({.what = "variables of several groups lie at other places or times",
                     .where = group.where(name),
                     .expected = fmt::format("those of {}", variables.front().group.where(variables.front().name)),
                     .hint = "make a file in which they lie alike"});
  }
}

}  // namespace

std::string time_dimension(const std::string& path, const DataParameters& p) {
  if (p.time != "time") return p.time;
  const NetcdfReader reader(path);
  const auto first = find_state_variable(reader.root(), p.variables.front());
  const auto names = first.group.dimensions(first.name);
  const auto has = [&](const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  return !has("time") && has("valid_time") ? "valid_time" : p.time;
}

FileHead read_head(const std::string& path, std::size_t index, const DataParameters& p) {
  const NetcdfReader reader(path);
  FileHead head;
  head.layout.space_names = p.space;
  std::vector<StateVariable> variables;
  for (const auto& name : p.variables) {
    variables.push_back(find_state_variable(reader.root(), name));
    add_variable(head, variables.back(), variables.front(), p);
    const auto& group = variables.back().group.name();
    if (!group.empty() && variables.back().name == name)
      head.remarks.push_back(fmt::format("{}: {} is that of the group {}", path, name, group));
  }
  const auto& [file, first] = variables.front();
  if (count(head.layout.event) * head.run.trajectories * head.states == 0) {
    throw FileError({.what = "there are no values", .where = file.where(first)});
  }
  for (const auto& axis : p.space) head.layout.coordinates.push_back(read_axis(file, axis, head.remarks));
  head.layout.curvilinear = find_curvilinear(file, first, p, head.remarks);
  add_times(head, file, index, p);
  require_same_places(head, variables, p);
  return head;
}

void require_agreement(const FileHead& first, const FileHead& other, const std::string& path,
                       const std::string& first_path) {
  const auto require = [&](bool same, const std::string& what, const std::string& found, const std::string& expected,
                           const std::string& hint) {
    if (same) return;
    throw FileError({.what = what + " differ from those in " + first_path,
                     .where = path,
                     .found = found,
                     .expected = expected,
                     .hint = hint});
  };
  const StateLayout &a = first.layout, &b = other.layout;
  require(a.event == b.event, "the sizes of a state", to_string(b.event), to_string(a.event), "");
  for (std::size_t v = 0; v < a.variables.size(); ++v) {
    const auto &p = a.variables[v], &q = b.variables[v];
    const auto in_words = [](const Variable& one) { return fmt::format("{} [{}]", one.name, one.units); };
    require(p.name == q.name && units_agree(p.units, q.units), "names or units", in_words(q), in_words(p),
            "convert them first");
  }
  const auto time_of = [](const StateLayout& layout) {
    return cf_time_units(layout) + (layout.calendar.empty() ? "" : " " + layout.calendar);
  };
  require(conversion_of_heads(b, a).has_value(), "the units of time", time_of(b), time_of(a),
          "`cdo setreftime,DATE,TIME,UNITS IN OUT` gives files the same");
  require(same_coordinates(a, b), "the coordinates of space", "other points", "the same grid", "");
}

std::vector<UnitConversion> conversions_to(const FileHead& first, const FileHead& other, const std::string& path,
                                           std::vector<std::string>& remarks) {
  std::vector<UnitConversion> conversions;
  for (std::size_t v = 0; v < first.layout.variables.size(); ++v) {
    const auto &to = first.layout.variables[v], &from = other.layout.variables[v];
    const auto conversion = conversion_of_units(from.units, to.units);
    conversions.push_back(conversion.value_or(UnitConversion{}));
    if (!conversion) {
      remarks.push_back(fmt::format("{}: {} has the units {}, other files {}: taken for the same", path, to.name,
                                    from.units, to.units));
    } else if (!conversion->is_identity()) {
      remarks.push_back(fmt::format("{}: {} converted from {} to {}", path, to.name, from.units, to.units));
    }
  }
  return conversions;
}

void convert_times(FileHead& other, const FileHead& first) {
  const auto convert = conversion_of_heads(other.layout, first.layout).value_or(TimeConversion{});
  if (convert.scale == 1 && convert.offset == 0) return;
  for (double& time : other.run.times) time = convert(time);
  other.run.rounding *= convert.scale;
}

void set_space(StateLayout& layout) {
  layout.spacing = spacing_of(layout);
  std::set<std::string> units;
  for (const auto& axis : layout.coordinates) units.insert(axis.units);
  if (units.size() == 1) layout.space_units = *units.begin();
  const bool none = std::all_of(layout.coordinates.begin(), layout.coordinates.end(),
                                [](const auto& axis) { return axis.values.empty(); });
  if (none) layout.coordinates.clear();
}

}  // namespace sda::io
