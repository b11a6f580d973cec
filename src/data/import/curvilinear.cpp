/// CF's auxiliary coordinates lat(y, x), lon(y, x) (CF 5.2).
#include "data/import/curvilinear.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/axis.hpp"
#include "core/torch.hpp"
#include "data/formats/cf_decoding.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

/// What a variable says that it is, without its values.
Coordinate described(const ReadableGroup& file, const std::string& name) {
  return {.units = file.text_of(name, "units").value_or("1"),
          .long_name = file.text_of(name, "long_name").value_or(""),
          .standard_name = file.text_of(name, "standard_name").value_or("")};
}

/// The dimensions of space that a variable lies along; others may be of time, or of size 1.
std::optional<std::vector<std::size_t>> space_of(const ReadableGroup& file, const std::string& name,
                                                 const DataParameters& p) {
  const auto dimensions = file.dimensions(name);
  const Shape sizes = file.shape(name);
  std::vector<std::size_t> axes;
  for (std::size_t d = 0; d < dimensions.size(); ++d) {
    const auto axis = std::find(p.space.begin(), p.space.end(), dimensions[d]);
    if (axis != p.space.end()) {
      axes.push_back(static_cast<std::size_t>(axis - p.space.begin()));
    } else if (dimensions[d] != p.time && sizes[d] != 1) {
      return std::nullopt;
    }
  }
  return axes;
}

std::vector<std::string> names_in(const std::string& text) {
  std::istringstream words(text);
  std::vector<std::string> names;
  for (std::string name; words >> name;) names.push_back(name);
  return names;
}

/// Names that a group and those around it have for variables, each once.
std::vector<std::string> names_around(const ReadableGroup& file) {
  std::vector<std::string> all;
  for (const auto& group : file.with_parents()) {
    for (const auto& name : group.variables()) {
      if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
    }
  }
  return all;
}

/// Names of latitudes or longitudes over two dimensions of space.
std::vector<std::string> candidates(const ReadableGroup& file, const std::vector<std::string>& names, AxisKind kind,
                                    const DataParameters& p) {
  std::vector<std::string> found;
  for (const auto& name : names) {
    const auto group = file.nearest_with(name);
    if (!group || group->is_text(name) || kind_of(described(*group, name)) != kind) continue;
    if (const auto axes = space_of(*group, name, p); axes && axes->size() == 2) found.push_back(name);
  }
  return found;
}

/// Values along two dimensions of space, the last axis fastest. Throws FileError where they change in time.
std::vector<double> values_of(const ReadableGroup& file, const std::string& name, const DataParameters& p) {
  const auto dimensions = file.dimensions(name);
  Tensor values = read_decoded(file, name, at::kDouble);
  std::vector<std::int64_t> order;
  const auto dimension_of = [&](const std::string& of) {
    const auto at = std::find(dimensions.begin(), dimensions.end(), of);
    return at == dimensions.end() ? std::int64_t{-1} : std::int64_t{at - dimensions.begin()};
  };
  if (const auto time = dimension_of(p.time); time >= 0) {
    const Tensor first = values.narrow(time, 0, 1);
    if (!at::allclose(values, first.expand_as(values), 0, 1e-6, /*equal_nan=*/true)) {
      throw FileError({.what = "a curvilinear grid that moves in time",
                       .where = file.where(name),
                       .found = fmt::format("{}({})", name, fmt::join(dimensions, ", ")),
                       .expected = "points that stay where they are"});
    }
    values = first;
  }
  for (const auto& axis : p.space) {
    if (const auto at = dimension_of(axis); at >= 0) order.push_back(at);
  }
  for (std::int64_t d = 0; d < values.dim(); ++d) {
    if (std::find(order.begin(), order.end(), d) == order.end()) order.push_back(d);
  }
  const Tensor flat = values.permute(order).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

/// A name that no dimension of space has: a variable of that name would be taken for its coordinate.
std::string free_name(const std::string& name, const std::string& otherwise, const DataParameters& p) {
  return std::find(p.space.begin(), p.space.end(), name) == p.space.end() ? name : otherwise;
}

}  // namespace

std::optional<CurvilinearGrid> find_curvilinear(const ReadableGroup& file, const std::string& variable,
                                                const DataParameters& p, std::vector<std::string>& remarks) {
  const auto named = names_in(file.text_of(variable, "coordinates").value_or(""));
  auto latitudes = candidates(file, named, AxisKind::latitude, p),
       longitudes = candidates(file, named, AxisKind::longitude, p);
  if (latitudes.empty() && longitudes.empty()) {
    latitudes = candidates(file, names_around(file), AxisKind::latitude, p);
    longitudes = candidates(file, names_around(file), AxisKind::longitude, p);
  }
  if (latitudes.empty() && longitudes.empty()) return std::nullopt;
  if (latitudes.size() > 1 || longitudes.size() > 1) {
    remarks.push_back(fmt::format("{}: {} could lie at {}; none is used, as no attribute coordinates of {} says which",
                                  file.path(), variable, fmt::join(latitudes, " or "), variable));
    return std::nullopt;
  }
  if (latitudes.empty() || longitudes.empty()) {
    throw FileError({.what = "a curvilinear grid without latitudes or without longitudes",
                     .where = file.path(),
                     .found = fmt::format("{}{}", fmt::join(latitudes, ", "), fmt::join(longitudes, ", ")),
                     .expected = "both, along the same two dimensions of data.space"});
  }
  const ReadableGroup of_latitude = *file.nearest_with(latitudes.front()),
                      of_longitude = *file.nearest_with(longitudes.front());
  auto axes = *space_of(of_latitude, latitudes.front(), p), other = *space_of(of_longitude, longitudes.front(), p);
  std::sort(axes.begin(), axes.end()), std::sort(other.begin(), other.end());
  if (axes != other) {
    throw FileError({.what = "latitudes and longitudes lie along other dimensions",
                     .where = of_longitude.where(longitudes.front()),
                     .found = fmt::format("{}", fmt::join(of_longitude.dimensions(longitudes.front()), ", ")),
                     .expected = fmt::format("{}", fmt::join(of_latitude.dimensions(latitudes.front()), ", "))});
  }
  CurvilinearGrid grid{.axes = {axes[0], axes[1]},
                       .latitude_name = free_name(latitudes.front(), "latitude", p),
                       .longitude_name = free_name(longitudes.front(), "longitude", p),
                       .latitude = described(of_latitude, latitudes.front()),
                       .longitude = described(of_longitude, longitudes.front())};
  grid.latitude.values = values_of(of_latitude, latitudes.front(), p);
  grid.longitude.values = values_of(of_longitude, longitudes.front(), p);
  for (const double latitude : grid.latitude.values) {
    if (!(std::abs(latitude) * degrees_in(grid.latitude.units) > 90 + 1e-4)) continue;
    throw FileError({.what = "a latitude beyond the pole",
                     .where = of_latitude.where(latitudes.front()),
                     .found = fmt::format("{} {}", latitude, grid.latitude.units),
                     .expected = "-90 to 90 degrees, or a _FillValue where a point has no place"});
  }
  return grid;
}

}  // namespace sda::io
