/// Layouts and provenance as dictionaries, in the words of the files' attributes.
#include "binding.hpp"

namespace sda::python {
namespace {

template <class T>
T get(const py::dict& from, const char* key, T otherwise) {
  return from.contains(key) ? from[key].cast<T>() : otherwise;
}

py::dict dict_of(const Coordinate& coordinate) {
  return py::dict(py::arg("units") = coordinate.units, py::arg("long_name") = coordinate.long_name,
                  py::arg("standard_name") = coordinate.standard_name);
}

Coordinate coordinate_of(const py::dict& from, std::vector<double> values) {
  return {.values = std::move(values),
          .units = get<std::string>(from, "units", "1"),
          .long_name = get<std::string>(from, "long_name", ""),
          .standard_name = get<std::string>(from, "standard_name", "")};
}

/// The names of a curvilinear grid as `sda_layout` has them, and its latitudes and longitudes beside them.
void put_curvilinear(py::dict& layout, const CurvilinearGrid& grid) {
  layout["curvilinear"] = py::dict(py::arg("axes") = grid.axes, py::arg("latitude") = grid.latitude_name,
                                   py::arg("longitude") = grid.longitude_name);
  py::dict latitude = dict_of(grid.latitude), longitude = dict_of(grid.longitude);
  latitude["values"] = grid.latitude.values;
  longitude["values"] = grid.longitude.values;
  layout["curvilinear_values"] = py::dict(py::arg("latitude") = latitude, py::arg("longitude") = longitude);
}

CurvilinearGrid curvilinear_of(const py::dict& layout) {
  const auto names = layout["curvilinear"].cast<py::dict>(), values = layout["curvilinear_values"].cast<py::dict>();
  const auto coordinate = [&](const char* which) {
    const auto from = values[which].cast<py::dict>();
    return coordinate_of(from, from["values"].cast<std::vector<double>>());
  };
  return {.axes = names["axes"].cast<std::array<std::size_t, 2>>(),
          .latitude_name = names["latitude"].cast<std::string>(),
          .longitude_name = names["longitude"].cast<std::string>(),
          .latitude = coordinate("latitude"),
          .longitude = coordinate("longitude")};
}

}  // namespace

py::dict dict_of(const StateLayout& layout) {
  py::list variables, coordinates, values;
  for (const auto& v : layout.variables) {
    variables.append(py::dict(py::arg("name") = v.name, py::arg("long_name") = v.long_name, py::arg("units") = v.units,
                              py::arg("standard_name") = v.standard_name));
  }
  for (const auto& c : layout.coordinates) {
    coordinates.append(dict_of(c));
    values.append(c.values);
  }
  py::dict all(py::arg("event") = layout.event, py::arg("space") = layout.space_names, py::arg("variables") = variables,
               py::arg("dt") = layout.dt, py::arg("time_units") = layout.time_units,
               py::arg("spacing") = layout.spacing, py::arg("space_units") = layout.space_units,
               py::arg("coordinates") = coordinates, py::arg("coordinate_values") = values,
               py::arg("time_origin") = layout.time_origin, py::arg("calendar") = layout.calendar,
               py::arg("mask") = array_of(layout.mask));
  if (layout.curvilinear) put_curvilinear(all, *layout.curvilinear);
  return all;
}

StateLayout layout_of(const py::dict& from) {
  StateLayout layout{.event = from["event"].cast<Shape>(), .variables = {}, .space_names = {}};
  layout.space_names = get<std::vector<std::string>>(from, "space", {});
  for (const auto& item : from["variables"]) {
    const auto v = py::cast<py::dict>(item);
    layout.variables.push_back({.name = v["name"].cast<std::string>(),
                                .long_name = get<std::string>(v, "long_name", ""),
                                .units = get<std::string>(v, "units", "1"),
                                .standard_name = get<std::string>(v, "standard_name", "")});
  }
  layout.dt = get(from, "dt", 1.0);
  layout.time_units = get<std::string>(from, "time_units", "1");
  layout.spacing = get<std::vector<double>>(from, "spacing", {});
  layout.space_units = get<std::string>(from, "space_units", "1");
  layout.time_origin = get<std::string>(from, "time_origin", "");
  layout.calendar = get<std::string>(from, "calendar", "");
  const auto values = get<std::vector<std::vector<double>>>(from, "coordinate_values", {});
  std::size_t axis = 0;
  for (const auto& item : get(from, "coordinates", py::list())) {
    const auto c = py::cast<py::dict>(item);
    layout.coordinates.push_back(coordinate_of(c, axis < values.size() ? values[axis] : std::vector<double>{}));
    ++axis;
  }
  if (from.contains("mask") && !from["mask"].is_none()) {
    layout.mask = tensor_of(from["mask"].cast<py::array>(), "mask");
  }
  if (from.contains("curvilinear")) layout.curvilinear = curvilinear_of(from);
  layout.check();
  return layout;
}

py::dict dict_of(const Provenance& provenance) {
  return py::dict(py::arg("command") = provenance.command, py::arg("config") = provenance.config,
                  py::arg("seed") = provenance.seed, py::arg("version") = provenance.version,
                  py::arg("created") = provenance.created);
}

Provenance provenance_of(const py::dict& from) {
  Provenance made = make_provenance(get<std::string>(from, "command", ""), get<std::string>(from, "config", ""),
                                    get<std::uint64_t>(from, "seed", 0));
  made.version = get<std::string>(from, "version", made.version);
  made.created = get<std::string>(from, "created", made.created);
  return made;
}

void apply(Experiment& experiment, const Settings& settings, const std::vector<std::string>& fixed) {
  std::vector<Override> overrides;
  for (const auto& [key, value] : settings) overrides.push_back({.assignment = key + "=" + value, .flag = key});
  try {
    apply_overrides(experiment, overrides, fixed);
  } catch (const UsageError& error) {
    // A flag is named beside its key; here they are one.
    Fault fault = error.fault();
    for (const auto& [key, value] : settings) {
      if (fault.where.starts_with(key + ": ")) fault.where = fault.where.substr(key.size() + 2);
    }
    throw UsageError(fault);
  }
}

}  // namespace sda::python
