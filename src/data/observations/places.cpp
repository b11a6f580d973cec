/// Where coordinates lie among the points of a grid.
#include "data/observations/places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

/// Of a time from the nearest state, in states, that is taken for none.
constexpr double rounding_of_states = 1e-6;
/// Steps that were rounded when they were stored: hours in days, say, ten million of them from the origin.
constexpr double digits_of_steps = 1e-11;

}  // namespace

double snapped(double place) {
  const double whole = std::round(place), tolerance = std::max(rounding_of_states, digits_of_steps * std::abs(place));
  return std::abs(place - whole) < tolerance ? whole : place;
}

std::vector<PlaceCoordinate> place_coordinates(const StateLayout& layout, bool on_globe) {
  std::vector<PlaceCoordinate> all;
  for (std::size_t axis = 0; axis < layout.space_names.size(); ++axis) {
    PlaceCoordinate& one = all.emplace_back(PlaceCoordinate{.name = layout.space_names[axis]});
    const bool given = axis < layout.coordinates.size();
    one.units = given ? layout.coordinates[axis].units : layout.space_units;
    if (given && !layout.coordinates[axis].standard_name.empty())
      one.other_names.push_back(layout.coordinates[axis].standard_name);
  }
  if (!on_globe) return all;
  const auto& grid = *layout.curvilinear;
  all[grid.axes[0]] = {grid.latitude_name, grid.latitude.units, {"lat", "latitude"}};
  all[grid.axes[1]] = {grid.longitude_name, grid.longitude.units, {"lon", "longitude"}};
  return all;
}

std::optional<std::string> name_among(const std::vector<std::string>& names, const PlaceCoordinate& coordinate) {
  const auto has = [&](const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  if (has(coordinate.name)) return coordinate.name;
  const auto other = std::find_if(coordinate.other_names.begin(), coordinate.other_names.end(), has);
  return other == coordinate.other_names.end() ? std::nullopt : std::optional(*other);
}

bool are_on_globe(const StateLayout& layout, const std::vector<std::string>& names) {
  if (!layout.curvilinear) return false;
  const auto has_all = [&](bool on_globe) {
    const auto all = place_coordinates(layout, on_globe);
    const auto& axes = layout.curvilinear->axes;
    return std::all_of(axes.begin(), axes.end(), [&](auto axis) { return name_among(names, all[axis]).has_value(); });
  };
  return has_all(true) || !has_all(false);
}

Places::Places(const StateLayout& layout, bool on_globe)
    : coordinates_(place_coordinates(layout, on_globe)), axes_(axes_of(layout)) {
  if (!on_globe) return;
  grid_ = layout.curvilinear;
  globe_ = std::make_unique<const CurvilinearPlaces>(layout);
}

void Places::find(const std::vector<double>& coordinates, bool nearest, Found& found) const {
  found.assign(axes_.size(), std::nullopt);
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    const bool is_of_globe = grid_ && (a == grid_->axes[0] || a == grid_->axes[1]);
    if (!is_of_globe) found[a] = axes_[a].place_of(coordinates[a]);
  }
  if (grid_) {
    const auto [first, second] = grid_->axes;
    if (const auto place = globe_->place_of(coordinates[first], coordinates[second])) {
      found[first] = (*place)[0];
      found[second] = (*place)[1];
    }
  }
  for (std::size_t a = 0; nearest && a < axes_.size(); ++a) {
    if (!found[a]) continue;
    found[a] = std::round(*found[a]);
    if (*found[a] >= static_cast<double>(axes_[a].size())) found[a] = 0;  // round a ring
  }
}

double Places::unified(std::size_t axis, double coordinate) const {
  const bool is_longitude_of_grid = grid_ && axis == grid_->axes[1];
  const double turn = is_longitude_of_grid ? 360 / degrees_in(grid_->longitude.units) : axes_[axis].period();
  if (turn == 0 || (grid_ && axis == grid_->axes[0])) return coordinate;
  // 344.9 and -15.1 differ in their last digits after a turn: to a billionth of a degree they are one.
  constexpr double steps = 360e9;
  const double step = std::round(std::remainder(coordinate, turn) / turn * steps);
  return step <= -steps / 2 ? step + steps : step;
}

std::string Places::domain(std::size_t axis) const {
  const bool is_of_globe = grid_ && (axis == grid_->axes[0] || axis == grid_->axes[1]);
  if (!is_of_globe) return axes_[axis].domain();
  const auto& values = axis == grid_->axes[0] ? grid_->latitude.values : grid_->longitude.values;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : values) {
    if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
  }
  return fmt::format("{} within the curvilinear grid, whose points are from {:.6g} to {:.6g} {}", name(axis), low, high,
                     coordinates_[axis].units);
}

Mask::Mask(const StateLayout& layout) : space_(layout.space()) {
  if (layout.mask.defined()) there_ = layout.mask.reshape({-1, count(space_)}).contiguous();
}

bool Mask::hides(std::ptrdiff_t variable, const std::vector<double>& places) const {
  if (!there_.defined()) return false;
  const std::int64_t first = variable < 0 ? 0 : variable, end = variable < 0 ? there_.size(0) : variable + 1;
  for (auto v = first; v < end; ++v) {
    if (hides_point(there_.data_ptr<bool>() + v * there_.size(1), places)) return true;
  }
  return false;
}

bool Mask::hides_point(const bool* there, const std::vector<double>& places) const {
  for (std::size_t corner = 0; corner < std::size_t{1} << places.size(); ++corner) {
    std::int64_t index = 0;
    bool weighs = true;
    for (std::size_t a = 0; a < places.size(); ++a) {
      const bool upper = (corner >> a & 1U) != 0;
      const auto lower = static_cast<std::int64_t>(places[a]);
      weighs = weighs && (!upper || places[a] > static_cast<double>(lower));
      index = index * space_[a] + (lower + (upper ? 1 : 0)) % space_[a];  // round a ring
    }
    if (weighs && !there[index]) return true;
  }
  return false;
}

}  // namespace sda::io
