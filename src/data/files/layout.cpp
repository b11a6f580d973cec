/// Layout, coordinates, mask and normalisation: the layout as TOML in an attribute, numbers as variables.
#include "data/files/layout.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <tuple>

#include "core/torch.hpp"
#include "data/formats/reading.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

std::vector<std::string> event_dimensions(const StateLayout& layout) {
  std::vector<std::string> names = layout.space_names;
  if (layout.channels_are_variables()) names.insert(names.begin(), "variable");
  return names;
}

/// The coordinates that the states came with.
void write_given_coordinates(WritableGroup& file, const StateLayout& layout) {
  for (std::size_t axis = 0; axis < layout.coordinates.size(); ++axis) {
    const std::string& name = layout.space_names[axis];
    const Coordinate& given = layout.coordinates[axis];
    if (given.values.empty()) continue;
    Attributes attributes{{"long_name", given.long_name.empty() ? name : given.long_name}, {"units", given.units}};
    if (!given.standard_name.empty()) attributes.emplace_back("standard_name", given.standard_name);
    if (name == "x" || name == "y") attributes.emplace_back("axis", name == "x" ? "X" : "Y");
    file.variable(name, {name}, at::tensor(given.values, at::kDouble), attributes);
  }
}

/// Latitude and longitude of each point of a curvilinear grid.
void write_curvilinear(WritableGroup& file, const StateLayout& layout) {
  if (!layout.curvilinear) return;
  define_space(file, layout);
  const auto& grid = *layout.curvilinear;
  const Shape space = layout.space();
  const std::vector<std::string> dimensions{layout.space_names[grid.axes[0]], layout.space_names[grid.axes[1]]};
  for (const auto& [name, given, kind] : {std::tuple{grid.latitude_name, grid.latitude, "latitude"},
                                          std::tuple{grid.longitude_name, grid.longitude, "longitude"}}) {
    Attributes attributes{{"standard_name", given.standard_name.empty() ? kind : given.standard_name},
                          {"long_name", given.long_name.empty() ? kind : given.long_name},
                          {"units", given.units}};
    const Tensor values = at::tensor(given.values, at::kDouble).view({space[grid.axes[0]], space[grid.axes[1]]});
    if (values.isfinite().all().item<bool>()) {
      file.variable(name, dimensions, values, attributes);
    } else {
      file.variable(name, dimensions, values.nan_to_num(fill_value), attributes, fill_value);
    }
  }
}

Coordinate read_curvilinear_coordinate(const ReadableGroup& file, const std::string& name, const Shape& sizes) {
  Coordinate coordinate{.units = file.text_of(name, "units").value_or("1"),
                        .long_name = file.text_of(name, "long_name").value_or(""),
                        .standard_name = file.text_of(name, "standard_name").value_or("")};
  const Tensor values = file.read(name, sizes).to(at::kDouble),
               there = values.masked_fill(values.abs() > 1e6, std::numeric_limits<double>::quiet_NaN()).contiguous();
  coordinate.values.assign(there.data_ptr<double>(), there.data_ptr<double>() + there.numel());
  return coordinate;
}

CurvilinearGrid read_curvilinear(const ReadableGroup& file, const toml::node_view<toml::node>& entry,
                                 const StateLayout& layout) {
  CurvilinearGrid grid{.axes = {static_cast<std::size_t>(entry["axes"][0].value_or(std::int64_t{-1})),
                                static_cast<std::size_t>(entry["axes"][1].value_or(std::int64_t{-1}))},
                       .latitude_name = entry["latitude"].value_or(std::string()),
                       .longitude_name = entry["longitude"].value_or(std::string())};
  const Shape space = layout.space();
  if (grid.axes[0] >= grid.axes[1] || grid.axes[1] >= space.size()) {
    throw FileError({.what = "axes of a curvilinear grid that are not those of space",
                     .where = file.path() + ": attribute sda_layout"});
  }
  const Shape sizes{space[grid.axes[0]], space[grid.axes[1]]};
  grid.latitude = read_curvilinear_coordinate(file, grid.latitude_name, sizes);
  grid.longitude = read_curvilinear_coordinate(file, grid.longitude_name, sizes);
  return grid;
}

constexpr const char* mask_name = "sda_mask";

void write_mask(WritableGroup& file, const StateLayout& layout) {
  if (!layout.mask.defined()) return;
  const auto dimensions = event_dimensions(layout);
  for (std::size_t axis = 0; axis < dimensions.size(); ++axis) file.dimension(dimensions[axis], layout.event[axis]);
  file.variable(mask_name, dimensions, layout.mask.to(at::kInt),
                {{"long_name", "1 where states have values, 0 where they have none"}, {"units", "1"}});
}

/// What write_given_coordinates wrote; names and units stand in the layout's table.
std::vector<double> read_coordinate(const ReadableGroup& file, const std::string& name, std::int64_t size) {
  if (!file.has_variable(name)) return {};
  const Tensor values = file.read(name, {size}).to(at::kDouble).contiguous();
  require_finite(values, {name}, file.where(name));
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

/// A name that stands for a dimension cannot be that of a variable: CF takes it for a coordinate.
void require_distinct_names(const StateLayout& layout) {
  std::vector<std::string> taken{"time", "realization", "variable"};
  taken.insert(taken.end(), layout.space_names.begin(), layout.space_names.end());
  if (const auto& grid = layout.curvilinear) {
    taken.push_back(grid->latitude_name);
    taken.push_back(grid->longitude_name);
  }
  for (const auto& variable : layout.variables) {
    if (std::find(taken.begin(), taken.end(), variable.name) != taken.end()) {
      throw ValueError({.what = "a variable has the name of a dimension",
                        .where = "state layout",
                        .found = variable.name,
                        .expected = fmt::format("a name other than {}", fmt::join(taken, ", "))});
    }
    taken.push_back(variable.name);
  }
}

}  // namespace

void define_space(WritableGroup& file, const StateLayout& layout) {
  const Shape space = layout.space();
  for (std::size_t axis = 0; axis < space.size(); ++axis) file.dimension(layout.space_names[axis], space[axis]);
}

void write_coordinates(WritableGroup& file, const StateLayout& layout) {
  write_curvilinear(file, layout);
  if (layout.spacing.empty() && layout.coordinates.empty()) return;
  define_space(file, layout);
  if (!layout.coordinates.empty()) return write_given_coordinates(file, layout);
  const Shape space = layout.space();
  for (std::size_t axis = 0; axis < space.size(); ++axis) {
    const std::string& name = layout.space_names[axis];
    Attributes attributes{{"long_name", name}, {"units", layout.space_units}};
    if (name == "x" || name == "y") attributes.emplace_back("axis", name == "x" ? "X" : "Y");
    file.variable(name, {name}, (at::arange(space[axis], at::kDouble) + 0.5) * layout.spacing[axis], attributes);
  }
}

void write_layout(WritableGroup& file, const StateLayout& layout) {
  layout.check();
  require_distinct_names(layout);
  toml::array event, space, variables;
  for (const auto size : layout.event) event.push_back(size);
  for (const auto& name : layout.space_names) space.push_back(name);
  for (const auto& variable : layout.variables) {
    toml::table entry{{"name", variable.name}, {"long_name", variable.long_name}, {"units", variable.units}};
    if (!variable.standard_name.empty()) entry.insert("standard_name", variable.standard_name);
    variables.push_back(std::move(entry));
  }
  toml::table table{{"event", event},
                    {"space", space},
                    {"variables", variables},
                    {"dt", layout.dt},
                    {"time_units", layout.time_units}};
  if (!layout.spacing.empty()) {
    toml::array spacing;
    for (const double value : layout.spacing) spacing.push_back(value);
    table.insert("spacing", spacing);
    table.insert("space_units", layout.space_units);
  }
  if (!layout.coordinates.empty()) {
    toml::array coordinates;
    for (const auto& axis : layout.coordinates) {
      coordinates.push_back(
          toml::table{{"units", axis.units}, {"long_name", axis.long_name}, {"standard_name", axis.standard_name}});
    }
    table.insert("coordinates", coordinates);
  }
  if (const auto& grid = layout.curvilinear) {
    const toml::array axes{static_cast<std::int64_t>(grid->axes[0]), static_cast<std::int64_t>(grid->axes[1])};
    table.insert("curvilinear",
                 toml::table{{"axes", axes}, {"latitude", grid->latitude_name}, {"longitude", grid->longitude_name}});
  }
  if (!layout.time_origin.empty()) table.insert("time_origin", layout.time_origin);
  if (!layout.calendar.empty()) table.insert("calendar", layout.calendar);
  std::ostringstream text;
  text << table;
  file.attributes({{"sda_layout", text.str()}});
  write_coordinates(file, layout);
  write_mask(file, layout);
}

StateLayout read_layout(const ReadableGroup& file) {
  const std::string where = file.path() + ": attribute sda_layout";
  const std::string text = file.text("sda_layout");
  const auto refuse = [&](const std::string& what) { throw FileError({.what = what, .where = where}); };
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    refuse("not TOML: " + std::string(error.description()));
  }
  const auto text_of = [&](const toml::node_view<toml::node>& node, const std::string& key) {
    const auto value = node.value<std::string>();
    if (!value) refuse(key + " is missing or not text");
    return value.value_or("");
  };
  const auto list_of = [&](const std::string& key) -> const toml::array& {
    const auto* list = table.get_as<toml::array>(key);
    if (list == nullptr) refuse(key + " is missing or not a list");
    return *list;
  };

  StateLayout layout;
  for (const auto& size : list_of("event")) {
    const auto value = size.value<std::int64_t>().value_or(0);
    if (value < 1) refuse("event has a size that is not an integer > 0");
    layout.event.push_back(value);
  }
  for (const auto& name : list_of("space")) layout.space_names.push_back(name.value_or(std::string()));
  const auto variables = static_cast<std::size_t>(list_of("variables").size());
  for (std::size_t i = 0; i < variables; ++i) {
    const auto entry = table["variables"][i];
    layout.variables.push_back({.name = text_of(entry["name"], "name of a variable"),
                                .long_name = text_of(entry["long_name"], "long_name of a variable"),
                                .units = text_of(entry["units"], "units of a variable"),
                                .standard_name = entry["standard_name"].value_or(std::string())});
  }
  layout.dt = table["dt"].value<double>().value_or(0);
  if (!(layout.dt > 0) || !std::isfinite(layout.dt)) refuse("dt is not a number > 0");
  layout.time_units = text_of(table["time_units"], "time_units");
  if (table.contains("spacing")) {
    for (const auto& value : list_of("spacing")) layout.spacing.push_back(value.value_or(0.0));
    layout.space_units = text_of(table["space_units"], "space_units");
  }
  layout.time_origin = table["time_origin"].value_or(std::string());
  layout.calendar = table["calendar"].value_or(std::string());
  if (table.contains("coordinates")) {
    const Shape space = layout.space();
    if (layout.space_names.size() != space.size() || list_of("coordinates").size() != space.size()) {
      refuse("coordinates do not fit the event");
    }
    for (std::size_t axis = 0; axis < space.size(); ++axis) {
      const auto entry = table["coordinates"][axis];
      layout.coordinates.push_back({.values = read_coordinate(file, layout.space_names[axis], space[axis]),
                                    .units = entry["units"].value_or(std::string("1")),
                                    .long_name = entry["long_name"].value_or(std::string()),
                                    .standard_name = entry["standard_name"].value_or(std::string())});
    }
  }
  if (table.contains("curvilinear")) layout.curvilinear = read_curvilinear(file, table["curvilinear"], layout);
  if (file.has_variable(mask_name)) layout.mask = file.read(mask_name, layout.event).to(at::kBool);
  layout.check();
  return layout;
}

void write_normalisation(WritableGroup& file, const StateLayout& layout, const Normalisation& normalisation) {
  const auto write = [&](const std::string& name, const std::string& long_name, const Tensor& values) {
    // (channel, 1, …, 1) is stored as (channel).
    const bool whole_event = values.sizes() == layout.event;
    const Tensor stored = whole_event ? values : values.flatten();
    const std::vector<std::string> all = event_dimensions(layout);
    const std::vector<std::string> used(all.begin(), whole_event ? all.end() : all.begin() + 1);
    if (stored.size(0) != layout.event.front()) {
      throw ShapeError({.what = "normalisation does not fit the event",
                        .found = to_string(values.sizes()),
                        .expected = to_string(layout.event)});
    }
    for (std::size_t axis = 0; axis < used.size(); ++axis) {
      file.dimension(used[axis], stored.size(static_cast<std::int64_t>(axis)));
    }
    file.variable(name, used, stored.to(at::kDouble), {{"long_name", long_name}});
  };
  write("normalisation_mean", "mean that normalised states are relative to", normalisation.mean);
  write("normalisation_std", "standard deviation that normalised states are divided by", normalisation.std);
}

Normalisation read_normalisation(const ReadableGroup& file, const StateLayout& layout) {
  const auto read = [&](const std::string& name) {
    const Shape channels{layout.event.front()};
    const bool whole_event = file.shape(name).size() == layout.event.size();
    Tensor values = file.read(name, whole_event ? layout.event : channels).to(at::kDouble);
    require_finite(values, event_dimensions(layout), file.where(name));
    if (whole_event) return values;
    Shape broadcast(layout.event.size(), 1);
    broadcast.front() = channels.front();
    return values.reshape(broadcast);
  };
  Normalisation normalisation{read("normalisation_mean"), read("normalisation_std")};
  const double min = normalisation.std.min().item<double>();
  if (!(min > 0)) {
    throw FileError({.what = "normalisation by a standard deviation that is not positive",
                     .where = file.where("normalisation_std"),
                     .found = fmt::format("{}", min),
                     .expected = "numbers > 0"});
  }
  return normalisation;
}

}  // namespace sda::io
