/// Kind, provenance, layout, normalisation and states: the parts that files of every kind share.
#include "data/files/artefact.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

namespace sda::io {
namespace {

struct KindNames {
  FileKind kind;
  const char* name;      ///< attribute sda_kind
  const char* sentence;  ///< in messages
  const char* source;    ///< what makes one
};
constexpr KindNames kinds[] = {
    {FileKind::trajectories, "trajectories", "a trajectories file", "`sda simulate` makes one"},
    {FileKind::observations, "observations", "an observations file", "`sda observe` makes one"},
    {FileKind::ensemble, "ensemble", "an ensemble file", "`sda assimilate` makes one"},
    {FileKind::model, "model", "a model file", "`sda train` makes one"},
};
const KindNames& names_of(FileKind kind) {
  return *std::find_if(std::begin(kinds), std::end(kinds), [&](const auto& known) { return known.kind == kind; });
}

/// The units of time that CDO knows, by the names we accept for them.
const std::map<std::string, std::string> calendar_units{
    {"s", "seconds"},      {"second", "seconds"},  {"seconds", "seconds"}, {"min", "minutes"},
    {"minute", "minutes"}, {"minutes", "minutes"}, {"h", "hours"},         {"hour", "hours"},
    {"hours", "hours"},    {"d", "days"},          {"day", "days"},        {"days", "days"}};

/// NetCDF's value for "never written" is 9.97e36; nothing that is meant comes near it.
constexpr double missing = 9.9e36;
constexpr double fill_value = 9.9692099683868690e+36;

std::vector<std::string> event_dimensions(const StateLayout& layout) {
  std::vector<std::string> names = layout.space_names;
  if (layout.channels_are_variables()) names.insert(names.begin(), "variable");
  return names;
}

std::vector<std::string> state_dimensions(const StateLayout& layout) {
  std::vector<std::string> names{"time", "realization"};
  names.insert(names.end(), layout.space_names.begin(), layout.space_names.end());
  return names;
}

void define_space(WritableGroup& file, const StateLayout& layout) {
  const Shape space = layout.space();
  for (std::size_t axis = 0; axis < space.size(); ++axis) file.dimension(layout.space_names[axis], space[axis]);
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

void write_head(WritableGroup& file, FileKind kind, const std::string& title, const Provenance& provenance) {
  write_origin(file, title, provenance);
  file.attributes({{"sda_kind", names_of(kind).name}});
}

void write_origin(WritableGroup& file, const std::string& title, const Provenance& provenance) {
  file.attributes({{"Conventions", "CF-1.8"},
                   {"title", title},
                   {"history", provenance.created + ": " + provenance.command},
                   {"source", "sda " + provenance.version},
                   {"date_created", provenance.created},
                   {"sda_version", provenance.version},
                   {"sda_command", provenance.command},
                   {"sda_seed", provenance.seed},
                   {"sda_config", provenance.config}});
}

Provenance read_provenance(const ReadableGroup& file) {
  return {.command = file.text_or_empty("sda_command"),
          .config = file.text_or_empty("sda_config"),
          .seed = file.has_attribute("sda_seed") ? file.natural("sda_seed") : 0,
          .version = file.text_or_empty("sda_version"),
          .created = file.text_or_empty("date_created")};
}

FileKind read_kind(const ReadableGroup& file) {
  if (!file.has_attribute("sda_kind")) {
    throw FileError({.what = "not a file of sda: it has no attribute sda_kind", .where = file.path()});
  }
  const std::string name = file.text("sda_kind");
  for (const auto& kind : kinds) {
    if (name == kind.name) return kind.kind;
  }
  throw FileError({.what = "unknown kind of file",
                   .where = file.path() + ": attribute sda_kind",
                   .found = name,
                   .expected = "trajectories, observations, ensemble or model",
                   .hint = "a newer version of sda may know it"});
}

void require_kind(const ReadableGroup& file, FileKind expected) {
  const FileKind found = read_kind(file);
  if (found == expected) return;
  throw FileError({.what = "wrong kind of file",
                   .where = file.path(),
                   .found = names_of(found).sentence,
                   .expected = names_of(expected).sentence,
                   .hint = names_of(expected).source});
}

void write_coordinates(WritableGroup& file, const StateLayout& layout) {
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

void write_times(WritableGroup& file, const StateLayout& layout, const std::string& dimension, const Tensor& times) {
  if (!layout.time_origin.empty()) {
    file.variable(dimension, {dimension}, times,
                  {{"standard_name", "time"},
                   {"long_name", "time"},
                   {"units", layout.time_units + " since " + layout.time_origin},
                   {"calendar", layout.calendar.empty() ? "standard" : layout.calendar},
                   {"axis", "T"}});
    return;
  }
  const auto known = calendar_units.find(layout.time_units);
  const std::string units = known == calendar_units.end() ? "seconds" : known->second;
  Attributes attributes{{"standard_name", "time"},
                        {"long_name", "time"},
                        {"units", units + " since 1970-01-01 00:00:00"},
                        {"calendar", "standard"},
                        {"axis", "T"}};
  if (known == calendar_units.end()) {
    const std::string meant = layout.time_units == "1" ? "dimensionless time" : "time in " + layout.time_units;
    attributes.push_back({"comment", meant + ": one unit is written as one second"});
  }
  file.variable(dimension, {dimension}, times, attributes);
}

void write_context(WritableGroup& file, const StateLayout& layout, const Tensor& context) {
  if (!context.defined()) return;
  std::vector<std::string> dimensions{"context_channel"};
  for (std::int64_t axis = 1; axis < context.dim(); ++axis) {
    dimensions.push_back(layout.space_names.at(static_cast<std::size_t>(axis - 1)));
  }
  for (std::size_t axis = 0; axis < dimensions.size(); ++axis) {
    file.dimension(dimensions[axis], context.size(static_cast<std::int64_t>(axis)));
  }
  file.variable("context", dimensions, context, {{"long_name", "fields that the network sees beside the state"}});
}

Tensor read_context(const ReadableGroup& file) {
  return file.has_variable("context") ? file.read("context") : Tensor();
}

Tensor channel(const Tensor& states, const StateLayout& layout, std::size_t index) {
  if (!layout.channels_are_variables()) return states;
  const auto axis = states.dim() - static_cast<std::int64_t>(layout.event.size());
  return states.select(axis, static_cast<std::int64_t>(index));
}

Attributes attributes_of(const Variable& variable, const std::string& before) {
  Attributes attributes{{"long_name", before + variable.long_name}, {"units", variable.units}};
  if (!variable.standard_name.empty()) attributes.emplace_back("standard_name", variable.standard_name);
  return attributes;
}

void write_field(WritableGroup& file, const StateLayout& layout, std::size_t index, const std::string& name,
                 const std::vector<std::string>& dimensions, const Tensor& values, const Attributes& attributes,
                 Masked masked) {
  if (masked == Masked::kept || !layout.mask.defined()) {
    require_finite(values, dimensions, file.where(name));
    return file.variable(name, dimensions, values, attributes);
  }
  const Tensor there = channel(layout.mask, layout, index);
  require_finite(values.masked_fill(there.logical_not(), 0.0), dimensions, file.where(name));
  file.variable(name, dimensions, values.masked_fill(there.logical_not(), fill_value), attributes, fill_value);
}

void write_axes(WritableGroup& file, const StateLayout& layout, std::int64_t length, double start_time) {
  file.unlimited_dimension("time");
  define_space(file, layout);
  write_times(file, layout, "time", at::arange(length, at::kDouble) * layout.dt + start_time);
}

void write_states(WritableGroup& file, const StateLayout& layout, const Tensor& states, double start_time,
                  Masked masked) {
  if (states.dim() < 2 || states.sizes().slice(2) != layout.event || states.numel() == 0) {
    throw ShapeError({.what = "states do not fit the layout",
                      .found = to_string(states.sizes()),
                      .expected = "member × time × " + to_string(layout.event)});
  }
  const std::int64_t members = states.size(0);
  write_axes(file, layout, states.size(1), start_time);
  file.dimension("realization", members);
  file.variable("realization", {"realization"}, at::arange(members, at::kInt),
                {{"standard_name", "realization"}, {"units", "1"}, {"axis", "E"}});

  const auto dimensions = state_dimensions(layout);
  for (std::size_t i = 0; i < layout.variables.size(); ++i) {
    const auto& variable = layout.variables[i];
    write_field(file, layout, i, variable.name, dimensions, channel(states, layout, i).transpose(0, 1),
                attributes_of(variable), masked);
  }
}

States read_states(const ReadableGroup& file, const StateLayout& layout) {
  const Shape found = file.shape(layout.variables.front().name);
  if (found.size() < 2) {
    throw FileError({.what = "variable has another number of dimensions",
                     .where = file.where(layout.variables.front().name),
                     .found = to_string(found),
                     .expected = "time × realization × space"});
  }
  const std::int64_t length = found[0], members = found[1];
  const Shape expected = prepend({length, members}, layout.space());
  const auto axes = state_dimensions(layout);

  States result;
  for (std::size_t i = 0; i < layout.variables.size(); ++i) {
    const std::string& name = layout.variables[i].name;
    Tensor values = file.read(name, expected);
    if (!values.is_floating_point()) {
      throw FileError(
          {.what = "states are not real numbers", .where = file.where(name), .expected = "float or double"});
    }
    if (values.numel() == 0) throw FileError({.what = "there are no states", .where = file.where(name)});
    if (layout.mask.defined()) {
      const Tensor there = channel(layout.mask, layout, i).logical_or(values.abs() < missing);
      values = values.masked_fill(there.logical_not(), 0.0);
    }
    require_finite(values, axes, file.where(name));
    if (!result.states.defined()) result.states = at::empty(prepend({members, length}, layout.event), values.options());
    if (values.scalar_type() != result.states.scalar_type()) {
      throw FileError({.what = "variables are of different types", .where = file.where(name)});
    }
    channel(result.states, layout, i).copy_(values.transpose(0, 1));
  }

  const Tensor time = file.read("time", {length}).to(at::kDouble);
  result.start_time = time[0].item<double>();
  const Tensor regular = at::arange(length, at::kDouble) * layout.dt + result.start_time;
  if (!at::allclose(time, regular, 1e-9, 1e-3 * layout.dt)) {
    throw FileError({.what = "times are not equally spaced",
                     .where = file.where("time"),
                     .expected = fmt::format("steps of {}", layout.dt)});
  }
  return result;
}

void require_finite(const Tensor& values, const std::vector<std::string>& axes, const std::string& where) {
  const Tensor good = values.abs() < missing;
  if (good.all().item<bool>()) return;
  const Tensor bad = at::logical_not(good).nonzero();
  std::vector<std::string> place;
  for (std::int64_t axis = 0; axis < bad.size(1); ++axis) {
    place.push_back(fmt::format("{} {}", axes[static_cast<std::size_t>(axis)], bad[0][axis].item<std::int64_t>()));
  }
  throw FileError({.what = "values are NaN, infinite or missing",
                   .where = where,
                   .found = fmt::format("{} of {}, the first at {} (counted from 0)", bad.size(0), values.numel(),
                                        fmt::join(place, ", ")),
                   .expected = "finite numbers"});
}

}  // namespace sda::io

namespace sda {

std::string to_string(FileKind kind) {
  return io::names_of(kind).name;
}

}  // namespace sda
