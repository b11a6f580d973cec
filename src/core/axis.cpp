/// Points of an axis: their order, steps and ends, and places between them.
#include "core/axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>
#include <set>

#include "core/curvilinear.hpp"
#include "core/units.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

/// Of steps, that are taken for equal.
constexpr double unequal_steps = 1e-3;
/// Of a coordinate, in steps.
constexpr double rounding_of_steps = 1e-9;

bool is_one_of(const std::string& text, const std::set<std::string>& all) {
  return all.contains(text);
}

bool contains_any(const std::string& text, std::initializer_list<const char*> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](const char* part) { return text.find(part) != text.npos; });
}

/// Whether a grid of equal steps along such coordinates cannot be periodic: levels, and axes of a map.
bool has_two_ends(const std::string& standard_name, const std::string& units) {
  return contains_any(standard_name, {"depth", "height", "altitude", "pressure", "sigma", "projection_", "grid_l"}) ||
         (!is_unitless(units) && conversion_of_units(units, "Pa").has_value());
}

/// Whether a number has no more digits than float32 keeps.
bool has_digits_of_float32(double value) {
  const auto rounded = static_cast<float>(value);
  return static_cast<double>(rounded) == value || number_meant_by(rounded) == value;
}

double smallest_step(const std::vector<double>& points) {
  double smallest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 1; i < points.size(); ++i) smallest = std::min(smallest, std::abs(points[i] - points[i - 1]));
  return std::isfinite(smallest) ? smallest : 1;
}

double largest_step(const std::vector<double>& points) {
  double largest = 0;
  for (std::size_t i = 1; i < points.size(); ++i) largest = std::max(largest, std::abs(points[i] - points[i - 1]));
  return largest;
}

double largest_of(const std::vector<double>& points) {
  double largest = 0;
  for (const double point : points) largest = std::max(largest, std::abs(point));
  return largest;
}

bool all_ordered(const std::vector<double>& points) {
  return std::adjacent_find(points.begin(), points.end(), std::greater_equal<>()) == points.end() ||
         std::adjacent_find(points.begin(), points.end(), std::less_equal<>()) == points.end();
}

/// Longitudes that jump by a turn, 180 to −179 say, going on instead.
std::vector<double> without_jumps(std::vector<double> points, double period) {
  for (std::size_t i = 1; i < points.size(); ++i)
    points[i] -= period * std::round((points[i] - points[i - 1]) / period);
  return points;
}

}  // namespace

double number_meant_by(float value) {
  const std::string digits = fmt::format("{}", value);
  double number = value;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

double degrees_in(const std::string& units) {
  const auto conversion = conversion_of_units(units, "degrees");
  return conversion ? conversion->scale : 1;
}

AxisKind kind_of(const Coordinate& coordinate) {
  const std::set<std::string> north{"degrees_north", "degree_north", "degrees_N", "degree_N", "degreesN", "degreeN"};
  const std::set<std::string> east{"degrees_east", "degree_east", "degrees_E", "degree_E", "degreesE", "degreeE"};
  const std::string& units = coordinate.units;
  if (is_one_of(units, north)) return AxisKind::latitude;
  if (is_one_of(units, east)) return AxisKind::longitude;
  const bool is_angle = is_one_of(units, {"degrees", "degree", "deg", "radians", "radian", "rad"});
  if (is_angle && coordinate.standard_name == "latitude") return AxisKind::latitude;
  if (is_angle && coordinate.standard_name == "longitude") return AxisKind::longitude;
  return AxisKind::plain;
}

Axis::Axis(std::string name, const Coordinate& coordinate)
    : name_(std::move(name)),
      units_(coordinate.units),
      standard_name_(coordinate.standard_name),
      points_(coordinate.values),
      kind_(kind_of(coordinate)),
      has_coordinates_(true) {
  if (kind_ != AxisKind::plain) degrees_ = degrees_in(units_);
  settle();
}

Axis::Axis(std::string name, std::int64_t size, double first, double spacing, std::string units)
    : name_(std::move(name)), units_(std::move(units)) {
  for (std::int64_t i = 0; i < size; ++i) points_.push_back(first + spacing * static_cast<double>(i));
  settle();
}

double Axis::spacing() const {
  return size() < 2 ? 1 : (points_.back() - points_.front()) / static_cast<double>(size() - 1);
}

double Axis::closing_step() const {
  const bool goes_round = is_cyclic() && period() > 0;
  return goes_round ? std::copysign(period() - std::abs(points_.back() - points_.front()), spacing()) : spacing();
}

bool Axis::is_x() const {
  return kind_ == AxisKind::longitude || name_ == "x" ||
         is_one_of(standard_name_, {"longitude", "grid_longitude", "projection_x_coordinate"});
}

bool Axis::is_float32() const {
  return std::all_of(points_.begin(), points_.end(), has_digits_of_float32);
}

/// Whether the step from the last longitude round to the first is one of the axis's own.
bool Axis::closes() const {
  if (kind_ != AxisKind::longitude || !is_ordered_ || size() < 3) return false;
  const double gap = period() - std::abs(points_.back() - points_.front()), largest = largest_step(points_);
  return gap > unequal_steps * largest && gap <= 1.1 * largest;
}

void Axis::settle() {
  if (kind_ == AxisKind::longitude && !all_ordered(points_)) {
    if (auto going_on = without_jumps(points_, period()); all_ordered(going_on)) points_ = std::move(going_on);
  }
  is_ordered_ = all_ordered(points_);
  const double step = smallest_step(points_), float32 = is_float32() ? rounding_of_float32 * largest_of(points_) : 0;
  rounding_ = std::max(rounding_of_steps * step, has_coordinates_ ? std::min(float32, 1e-2 * step) : 0);
  is_regular_ = is_ordered_;
  const double tolerance = std::max(unequal_steps * std::abs(spacing()), has_coordinates_ ? float32 : 0);
  for (std::int64_t i = 0; i < size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const double line = points_.front() + spacing() * static_cast<double>(i);
    is_regular_ = is_regular_ && std::abs(points_[at] - line) <= tolerance;
  }
  const bool may_be_periodic =
      kind_ == AxisKind::plain && is_regular_ && !(has_coordinates_ && has_two_ends(standard_name_, units_));
  ascending_ = points_;
  if (descends()) std::reverse(ascending_.begin(), ascending_.end());
  ends_ = closes() || (is_closed_ && is_whole_) ? AxisEnds::cyclic
          : may_be_periodic                     ? AxisEnds::assumed
                                                : AxisEnds::apart;
}

/// Half a step beyond the lowest or highest point, but not beyond a pole.
double Axis::outer_edge(bool upper) const {
  const auto n = points_.size();
  const bool is_last = upper != descends();
  const double end = is_last ? points_.back() : points_.front();
  if (n < 2) return end;
  const double step = std::abs(is_last ? points_[n - 1] - points_[n - 2] : points_[1] - points_[0]);
  const double edge = upper ? end + step / 2 : end - step / 2;
  if (kind_ != AxisKind::latitude) return edge;
  const double pole = 90 / degrees_;
  return upper ? std::min(edge, std::max(pole, end)) : std::max(edge, std::min(-pole, end));
}

std::optional<double> Axis::place_of(double coordinate) const {
  if (!is_ordered_) {
    throw UnsupportedError(
        {.what = "coordinates neither ascend nor descend, so that no observation has a place among them",
         .where = "axis " + name_});
  }
  const auto n = points_.size();
  const double low = ascending_.front(), high = ascending_.back(), min = outer_edge(false), max = outer_edge(true);
  const double slack = std::max(1e-9 * (max - min), rounding_), turn = period();
  const bool goes_round = is_cyclic() && turn > 0;
  if (turn > 0) {
    coordinate -= turn * std::floor((coordinate - low + slack) / turn);  // from `low` on, a turn
    const bool is_nearer_below = low - (coordinate - turn) < coordinate - high;
    if (!goes_round && coordinate > high && is_nearer_below) coordinate -= turn;
  }
  if (!goes_round && !(coordinate >= min - slack && coordinate <= max + slack)) return std::nullopt;
  const auto last = static_cast<double>(n - 1);
  double place = 0, step = std::abs(spacing());
  if (coordinate >= high) {
    step = goes_round ? low + turn - high : step;
    place = goes_round ? last + (coordinate - high) / step : last;
  } else if (coordinate > low) {
    const auto above = std::upper_bound(ascending_.begin(), ascending_.end(), coordinate);
    step = *above - *(above - 1);
    place = static_cast<double>(above - ascending_.begin() - 1) + (coordinate - *(above - 1)) / step;
  }
  if (descends()) place = last - place;
  const double whole = std::round(place), float32 = rounding_of_float32 * std::abs(coordinate) / step;
  if (std::abs(place - whole) < std::max(rounding_of_places, std::min(float32, 1e-2))) place = whole;
  const auto points = static_cast<double>(n);
  return place < 0 ? place + points : place >= points ? place - points : place;
}

double Axis::coordinate_at(double place) const {
  const double below = std::floor(place);
  const auto i = static_cast<std::size_t>(below);
  const double next = i + 1 < points_.size() ? points_[i + 1] : is_cyclic() ? points_[i] + closing_step() : points_[i];
  return points_[i] + (place - below) * (next - points_[i]);
}

std::string Axis::domain() const {
  const std::string units = units_ == "1" ? "" : " " + units_;
  if (is_cyclic() && period() > 0)
    return fmt::format("{} all round the globe{}", name_, units.empty() ? "" : " in" + units);
  return fmt::format("{} from {:.6g} to {:.6g}{}", name_, outer_edge(false), outer_edge(true), units);
}

std::vector<std::int64_t> Axis::points_between(double from, double to) const {
  const double turn = period();
  std::vector<bool> inside;
  double span = to - from;
  if (turn > 0 && span < 0) span -= turn * std::floor(span / turn);
  for (const double point : points_) {
    double ahead = point - from;
    if (turn > 0) ahead -= turn * std::floor((ahead + rounding_) / turn);
    inside.push_back(ahead >= -rounding_ && ahead <= span + rounding_);
  }
  const auto n = size();
  // Round the globe, begin behind a point that is outside, so that the ends of the axis are neighbours.
  std::int64_t first = 0;
  if (is_cyclic() && inside.front() && inside.back()) {
    while (first < n && inside[static_cast<std::size_t>(n - 1 - first)]) ++first;
    first = first == n ? 0 : n - first;
  }
  std::vector<std::int64_t> chosen;
  for (std::int64_t k = 0; k < n; ++k) {
    const auto i = (first + k) % n;
    if (inside[static_cast<std::size_t>(i)]) chosen.push_back(i);
  }
  return chosen;
}

std::vector<double> Axis::offsets_from(double coordinate) const {
  const double turn = period();
  std::vector<double> offsets;
  for (const double point : points_) {
    const double offset = point - coordinate;
    offsets.push_back(turn > 0 ? offset - turn * std::round(offset / turn) : offset);
  }
  return offsets;
}

Axis Axis::picked(const std::vector<std::int64_t>& indices, bool is_whole) const {
  Axis axis = *this;
  axis.points_.clear();
  for (const auto i : indices) axis.points_.push_back(points_[static_cast<std::size_t>(i)]);
  axis.is_whole_ = is_whole_ && is_whole;
  axis.settle();
  return axis;
}

Axis Axis::in_blocks(std::int64_t block) const {
  Axis axis = *this;
  axis.points_.clear();
  for (auto from = points_.begin(); from != points_.end(); from += block) {
    axis.points_.push_back(std::accumulate(from, from + block, 0.0) / static_cast<double>(block));
  }
  axis.settle();
  return axis;
}

Axis Axis::closed() const {
  Axis axis = *this;
  axis.is_closed_ = true;
  axis.settle();
  return axis;
}

std::vector<Axis> axes_of(const StateLayout& layout) {
  std::vector<Axis> axes;
  const auto closes = curvilinear_closes(layout);
  for (std::size_t a = 0; a < layout.space().size(); ++a) {
    const std::string& name = layout.space_names[a];
    const bool given = a < layout.coordinates.size() && !layout.coordinates[a].values.empty();
    if (given) {
      axes.emplace_back(name, layout.coordinates[a]);
      continue;
    }
    const auto points = layout.points_along(a);
    axes.emplace_back(name, std::ssize(points), points.front(), points.size() > 1 ? points[1] - points[0] : 1,
                      layout.space_units);
  }
  for (std::size_t a = 0; a < axes.size(); ++a) {
    if (closes.contains(a)) axes[a] = axes[a].closed();
  }
  return axes;
}

bool has_equal_steps(const StateLayout& layout) {
  const auto axes = axes_of(layout);
  return std::all_of(axes.begin(), axes.end(), [](const Axis& axis) { return axis.is_regular(); });
}

}  // namespace sda
