/// Where coordinates lie among the points of a grid.
#include "data/observations/places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

/// Of a place or a time from the nearest point or state, in points or states, that is taken for none.
constexpr double rounding_of_places = 1e-6;
/// Steps that were rounded when they were stored: hours in days, say, ten million of them from the origin.
constexpr double digits_of_steps = 1e-11;

}  // namespace

double snapped(double place) {
  const double whole = std::round(place), tolerance = std::max(rounding_of_places, digits_of_steps * std::abs(place));
  return std::abs(place - whole) < tolerance ? whole : place;
}

AxisOfPlaces::AxisOfPlaces(const StateLayout& layout, std::size_t axis)
    : name_(layout.space_names[axis]), points_(layout.points_along(axis)) {
  units_ = axis < layout.coordinates.size() ? layout.coordinates[axis].units : layout.space_units;
  for (const std::string east : {"degrees_east", "degree_east", "degrees_E", "degree_E"})
    turns_ = turns_ || units_ == east;
  descends_ = points_.size() > 1 && points_.back() < points_.front();
  if (descends_) std::reverse(points_.begin(), points_.end());
  if (std::adjacent_find(points_.begin(), points_.end(), std::greater_equal<>()) != points_.end()) {
    throw UnsupportedError(
        {.what = "coordinates neither ascend nor descend, so that no observation has a place among them",
         .where = "axis " + name_});
  }
  const auto n = points_.size();
  min_ = points_.front() - (n > 1 ? (points_[1] - points_[0]) / 2 : 0);
  max_ = points_.back() + (n > 1 ? (points_[n - 1] - points_[n - 2]) / 2 : 0);
}

std::optional<double> AxisOfPlaces::place_of(double coordinate) const {
  const double slack = 1e-9 * (max_ - min_);
  if (turns_) coordinate -= 360 * std::floor((coordinate - min_ + slack) / 360);
  if (!(coordinate >= min_ - slack && coordinate <= max_ + slack)) return std::nullopt;
  const auto last = static_cast<double>(points_.size() - 1);
  double place = 0;
  if (coordinate >= points_.back()) {
    place = last;
  } else if (coordinate > points_.front()) {
    const auto above = std::upper_bound(points_.begin(), points_.end(), coordinate);
    const auto i = above - points_.begin() - 1;
    place = static_cast<double>(i) + (coordinate - *(above - 1)) / (*above - *(above - 1));
  }
  return snapped(descends_ ? last - place : place);
}

std::string AxisOfPlaces::domain() const {
  return fmt::format("{} from {:.6g} to {:.6g}{}", name_, min_, max_, units_ == "1" ? "" : " " + units_);
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
      index = index * space_[a] + lower + (upper ? 1 : 0);
    }
    if (weighs && !there[index]) return true;
  }
  return false;
}

}  // namespace sda::io
