/// States as variables (time, realization, …space), with CF's attributes.
#include "data/files/fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "core/torch.hpp"
#include "core/units.hpp"
#include "data/files/layout.hpp"
#include "data/formats/reading.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

/// The units of time that CDO knows; empty for any other.
std::string calendar_unit(const std::string& units) {
  const auto seconds = conversion_of_units(units, "s");
  if (!seconds) return "";
  for (const auto& [name, length] : {std::pair{"seconds", 1.0}, std::pair{"minutes", 60.0}, std::pair{"hours", 3600.0},
                                     std::pair{"days", 86400.0}}) {
    if (seconds->scale == length) return name;
  }
  return "";
}

}  // namespace

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
  const std::string known = calendar_unit(layout.time_units), units = known.empty() ? "seconds" : known;
  Attributes attributes{{"standard_name", "time"},
                        {"long_name", "time"},
                        {"units", units + " since 1970-01-01 00:00:00"},
                        {"calendar", "standard"},
                        {"axis", "T"}};
  if (known.empty()) {
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
  Attributes attributes{{"long_name", "fields that the network sees beside the state"}};
  for (const auto& attribute : coordinates_of(layout)) attributes.push_back(attribute);
  file.variable("context", dimensions, context, attributes);
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

Attributes coordinates_of(const StateLayout& layout) {
  if (!layout.curvilinear) return {};
  return {{"coordinates", layout.curvilinear->latitude_name + " " + layout.curvilinear->longitude_name}};
}

void write_field(WritableGroup& file, const StateLayout& layout, std::size_t index, const std::string& name,
                 const std::vector<std::string>& dimensions, const Tensor& values, const Attributes& of_values,
                 Masked masked) {
  Attributes attributes = of_values;
  for (const auto& attribute : coordinates_of(layout)) attributes.push_back(attribute);
  const bool fills = masked == Masked::missing && layout.mask.defined();
  file.variable(name, dimensions, storable(layout, index, values, dimensions, file.where(name), masked), attributes,
                fills ? std::optional(fill_value) : std::nullopt);
}

Tensor storable(const StateLayout& layout, std::size_t index, const Tensor& values,
                const std::vector<std::string>& dimensions, const std::string& where, Masked masked) {
  if (masked == Masked::kept || !layout.mask.defined()) {
    require_finite(values, dimensions, where);
    return values;
  }
  const Tensor nowhere = channel(layout.mask, layout, index).logical_not();
  require_finite(values.masked_fill(nowhere, 0.0), dimensions, where);
  return values.masked_fill(nowhere, fill_value);
}

std::vector<std::string> state_dimensions(const StateLayout& layout) {
  std::vector<std::string> names{"time", "realization"};
  names.insert(names.end(), layout.space_names.begin(), layout.space_names.end());
  return names;
}

void write_realizations(WritableGroup& file, std::int64_t members, std::int64_t first) {
  file.dimension("realization", members);
  file.variable("realization", {"realization"}, at::arange(first, first + members, at::kInt),
                {{"standard_name", "realization"}, {"units", "1"}, {"axis", "E"}});
}

void write_axes(WritableGroup& file, const StateLayout& layout, std::int64_t length, double start_time) {
  file.unlimited_dimension("time");
  define_space(file, layout);
  write_times(file, layout, "time", at::arange(length, at::kDouble) * layout.dt + start_time);
}

void require_states(const StateLayout& layout, const Tensor& states) {
  if (states.dim() >= 2 && states.sizes().slice(2) == layout.event && states.numel() > 0) return;
  throw ShapeError({.what = "states do not fit the layout",
                    .found = to_string(states.sizes()),
                    .expected = "member × time × " + to_string(layout.event)});
}

void write_states(WritableGroup& file, const StateLayout& layout, const Tensor& states, double start_time,
                  Masked masked) {
  require_states(layout, states);
  const std::int64_t members = states.size(0);
  write_axes(file, layout, states.size(1), start_time);
  write_realizations(file, members);

  const auto dimensions = state_dimensions(layout);
  for (std::size_t i = 0; i < layout.variables.size(); ++i) {
    const auto& variable = layout.variables[i];
    write_field(file, layout, i, variable.name, dimensions, channel(states, layout, i).transpose(0, 1),
                attributes_of(variable), masked);
  }
}

namespace {

/// The values of a variable (time, realization, …space) of the file's sizes `all`, of some members or of all.
Tensor read_members(const ReadableGroup& file, const std::string& name, const Shape& all,
                    const std::optional<SomeMembers>& some) {
  if (!some || file.number_type(name).is_integer || file.shape(name) != all) return file.read(name, all);
  Slab part{.start = Shape(all.size(), 0), .count = all};
  part.start[1] = some->first;
  part.count[1] = some->count;
  return file.read_numbers(name, part);
}

}  // namespace

States read_states(const ReadableGroup& file, const StateLayout& layout, const std::optional<SomeMembers>& some) {
  const Shape found = file.shape(layout.variables.front().name);
  if (found.size() < 2) {
    throw FileError({.what = "variable has another number of dimensions",
                     .where = file.where(layout.variables.front().name),
                     .found = to_string(found),
                     .expected = "time × realization × space"});
  }
  const std::int64_t length = found[0], members = some ? some->count : found[1];
  const Shape expected = prepend({length, found[1]}, layout.space());
  const auto axes = state_dimensions(layout);

  States result;
  for (std::size_t i = 0; i < layout.variables.size(); ++i) {
    const std::string& name = layout.variables[i].name;
    Tensor values = read_members(file, name, expected, some);
    if (!values.is_floating_point()) {
      throw FileError(
          {.what = "states are not real numbers", .where = file.where(name), .expected = "float or double"});
    }
    if (values.numel() == 0) throw FileError({.what = "there are no states", .where = file.where(name)});
    if (layout.mask.defined()) {
      const Tensor there = channel(layout.mask, layout, i).logical_or(values.abs() < largest_meant);
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

}  // namespace sda::io
