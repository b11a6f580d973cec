/// A k-d tree of unit vectors, and bilinear cells solved by Newton's method.
#include "core/curvilinear.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "core/axis.hpp"
#include "core/torch.hpp"

namespace sda {
namespace {

constexpr double degree = std::numbers::pi / 180;
/// Latitude beyond which a cell may hold a pole, and longitude across a cell that says so.
constexpr double polar_latitude = 89 * degree, polar_width = 90 * degree;

double short_way(double longitude) {
  return longitude - 2 * std::numbers::pi * std::round(longitude / (2 * std::numbers::pi));
}

struct Corner {
  double x = 0, y = 0;
};

/// (s, t) at which the bilinear map of the corners (0, 0), (1, 0), (0, 1), (1, 1) is zero.
std::optional<std::array<double, 2>> zero_of_bilinear(const std::array<Corner, 4>& c) {
  double s = 0.5, t = 0.5;
  for (int step = 0; step < 30; ++step) {
    const auto at = [&](double Corner::*v) {
      return (1 - s) * (1 - t) * c[0].*v + s * (1 - t) * c[1].*v + (1 - s) * t * c[2].*v + s * t * c[3].*v;
    };
    const auto along_s = [&](double Corner::*v) { return (1 - t) * (c[1].*v - c[0].*v) + t * (c[3].*v - c[2].*v); };
    const auto along_t = [&](double Corner::*v) { return (1 - s) * (c[2].*v - c[0].*v) + s * (c[3].*v - c[1].*v); };
    const double x = at(&Corner::x), y = at(&Corner::y);
    const double xs = along_s(&Corner::x), ys = along_s(&Corner::y), xt = along_t(&Corner::x), yt = along_t(&Corner::y),
                 determinant = xs * yt - xt * ys;
    if (determinant == 0 || !std::isfinite(determinant)) return std::nullopt;
    const double ds = (x * yt - xt * y) / determinant, dt = (xs * y - x * ys) / determinant;
    s -= ds, t -= dt;
    if (!(std::abs(s) < 10 && std::abs(t) < 10)) return std::nullopt;
    if (std::abs(ds) + std::abs(dt) < 1e-13) return std::array{s, t};
  }
  return std::nullopt;
}

/// (first, second, 3): unit vectors of a curvilinear grid.
Tensor vectors_of(const CurvilinearGrid& grid, std::int64_t first) {
  const double lat = degrees_in(grid.latitude.units) * degree, lon = degrees_in(grid.longitude.units) * degree;
  const Tensor phi = at::tensor(grid.latitude.values, at::kDouble).view({first, -1}) * lat,
               lambda = at::tensor(grid.longitude.values, at::kDouble).view({first, -1}) * lon;
  return at::stack({phi.cos() * lambda.cos(), phi.cos() * lambda.sin(), phi.sin()}, -1);
}

/// The mean of the steps to both neighbours along an axis, or the one that there is; NaN where a point has no place.
Tensor steps_along(const Tensor& r, std::int64_t axis, bool closes) {
  const auto n = r.size(axis);
  if (n < 2) return {};
  Tensor ahead = r.roll(-1, axis) - r, behind = r - r.roll(1, axis);
  if (!closes) {
    ahead.select(axis, n - 1).fill_(std::numeric_limits<double>::quiet_NaN());
    behind.select(axis, 0).fill_(std::numeric_limits<double>::quiet_NaN());
  }
  const Tensor one = at::where(ahead.isfinite(), ahead, behind);
  return at::where(ahead.isfinite().logical_and(behind.isfinite()), (ahead + behind) / 2, one);
}

}  // namespace

std::set<std::size_t> curvilinear_closes(const StateLayout& layout) {
  std::set<std::size_t> closing;
  if (!layout.curvilinear) return closing;
  const Shape space = layout.space();
  const Tensor r = vectors_of(*layout.curvilinear, space[layout.curvilinear->axes[0]]);
  for (const std::int64_t axis : {0, 1}) {
    const auto n = r.size(axis);
    if (n < 3) continue;
    const Tensor steps = (r.narrow(axis, 1, n - 1) - r.narrow(axis, 0, n - 1)).norm(2, -1);
    const Tensor gap = (r.select(axis, n - 1) - r.select(axis, 0)).norm(2, -1),
                 step = std::get<0>(steps.nan_to_num(0).max(axis)), there = gap.isfinite().logical_and(step > 0);
    if (!there.any().item<bool>()) continue;
    const double ratio = (gap / step).masked_select(there).median().item<double>();
    if (ratio > 1e-3 && ratio < 1.5) closing.insert(layout.curvilinear->axes[static_cast<std::size_t>(axis)]);
  }
  return closing;
}

Tensor curvilinear_areas(const StateLayout& layout) {
  const auto& grid = *layout.curvilinear;
  const Shape space = layout.space();
  const Tensor r = vectors_of(grid, space[grid.axes[0]]);
  const auto closes = curvilinear_closes(layout);
  const Tensor a = steps_along(r, 0, closes.contains(grid.axes[0])),
               b = steps_along(r, 1, closes.contains(grid.axes[1]));
  if (!a.defined() || !b.defined()) return {};
  Shape shape(space.size(), 1);
  for (const auto axis : grid.axes) shape[axis] = space[axis];
  Tensor areas = at::linalg_cross(a, b).norm(2, -1).nan_to_num(0).view(shape);
  const auto axes = axes_of(layout);
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const auto sizes = axes[k].cell_sizes();
    if (k == grid.axes[0] || k == grid.axes[1] || sizes.empty()) continue;
    Shape along(space.size(), 1);
    along[k] = space[k];
    areas = areas * at::tensor(sizes, at::kDouble).view(along);
  }
  return (areas / areas.mean()).expand(space).contiguous();
}

std::string reach_in_words(const std::string& name, const Coordinate& coordinate) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : coordinate.values) {
    if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
  }
  return fmt::format("{} from {:.6g} to {:.6g} {}", name, low, high, coordinate.units);
}

std::vector<double> great_circle_distances(const CurvilinearGrid& grid, double latitude, double longitude) {
  const double lat = degrees_in(grid.latitude.units) * degree, lon = degrees_in(grid.longitude.units) * degree;
  std::vector<double> distances;
  for (std::size_t i = 0; i < grid.latitude.values.size(); ++i) {
    const double phi = grid.latitude.values[i] * lat, lambda = grid.longitude.values[i] * lon;
    const bool is_there = std::isfinite(phi) && std::isfinite(lambda);
    distances.push_back(is_there ? great_circle(latitude * lat, phi, lambda - longitude * lon) / lat
                                 : std::numeric_limits<double>::quiet_NaN());
  }
  return distances;
}

CurvilinearPlaces::CurvilinearPlaces(const StateLayout& layout) {
  const auto& grid = *layout.curvilinear;
  const Shape space = layout.space();
  const auto closes = curvilinear_closes(layout);
  for (const std::size_t k : {0U, 1U}) {
    sizes_[k] = space[grid.axes[k]];
    closes_[k] = closes.contains(grid.axes[k]);
  }
  latitude_unit_ = degrees_in(grid.latitude.units) * degree;
  longitude_unit_ = degrees_in(grid.longitude.units) * degree;
  for (const double value : grid.latitude.values) latitude_.push_back(value * latitude_unit_);
  for (const double value : grid.longitude.values) longitude_.push_back(value * longitude_unit_);
  for (std::size_t i = 0; i < latitude_.size(); ++i) {
    vectors_.push_back(unit_vector(latitude_[i], longitude_[i]));
    if (std::isfinite(latitude_[i]) && std::isfinite(longitude_[i])) tree_.push_back(static_cast<std::int64_t>(i));
  }
  sort_into_tree(0, tree_.size(), 0);
}

void CurvilinearPlaces::sort_into_tree(std::size_t begin, std::size_t end, std::size_t axis) {
  if (end - begin < 2) return;
  const auto middle = begin + (end - begin) / 2;
  const auto at = [&](std::size_t i) { return tree_.begin() + static_cast<std::ptrdiff_t>(i); };
  std::nth_element(at(begin), at(middle), at(end), [&](auto a, auto b) {
    return vectors_[static_cast<std::size_t>(a)][axis] < vectors_[static_cast<std::size_t>(b)][axis];
  });
  sort_into_tree(begin, middle, (axis + 1) % 3);
  sort_into_tree(middle + 1, end, (axis + 1) % 3);
}

void CurvilinearPlaces::search_tree(std::size_t begin, std::size_t end, std::size_t axis, const UnitVector& from,
                                    double& best, std::int64_t& found) const {
  if (begin >= end) return;
  const auto middle = begin + (end - begin) / 2;
  const auto& here = vectors_[static_cast<std::size_t>(tree_[middle])];
  if (const double d = squared_chord(here, from); d < best) best = d, found = tree_[middle];
  const double apart = from[axis] - here[axis];
  const auto next = (axis + 1) % 3;
  const auto search = [&](bool above) {
    search_tree(above ? middle + 1 : begin, above ? end : middle, next, from, best, found);
  };
  search(apart > 0);
  if (apart * apart < best) search(!(apart > 0));
}

std::optional<std::int64_t> CurvilinearPlaces::nearest(const UnitVector& from) const {
  double best = std::numeric_limits<double>::infinity();
  std::int64_t found = -1;
  search_tree(0, tree_.size(), 0, from, best, found);
  return found < 0 ? std::nullopt : std::optional(found);
}

bool CurvilinearPlaces::has_cell(const Index& cell) const {
  for (const std::size_t k : {0U, 1U}) {
    if (cell[k] < 0 || cell[k] >= sizes_[k] - (closes_[k] ? 0 : 1)) return false;
  }
  return true;
}

std::int64_t CurvilinearPlaces::point_of(const Index& index) const {
  return (index[0] % sizes_[0]) * sizes_[1] + index[1] % sizes_[1];
}

std::optional<CurvilinearPlaces::Within> CurvilinearPlaces::place_in_cell(const Index& cell, double latitude,
                                                                          double longitude) const {
  std::array<Corner, 4> corners;
  double largest_latitude = std::abs(latitude), from = 0, to = 0;
  std::array<std::size_t, 4> points{};
  for (std::size_t c = 0; c < 4; ++c) {
    const Index corner{cell[0] + (c == 1 || c == 3 ? 1 : 0), cell[1] + (c >= 2 ? 1 : 0)};
    points[c] = static_cast<std::size_t>(point_of(corner));
    corners[c] = {short_way(longitude_[points[c]] - longitude), latitude_[points[c]] - latitude};
    if (!std::isfinite(corners[c].x) || !std::isfinite(corners[c].y)) return std::nullopt;
    largest_latitude = std::max(largest_latitude, std::abs(latitude_[points[c]]));
    from = std::min(from, corners[c].x), to = std::max(to, corners[c].x);
  }
  if (largest_latitude < polar_latitude && to - from < polar_width) return zero_of_bilinear(corners);
  const UnitVector here = unit_vector(latitude, longitude);
  const UnitVector east{-std::sin(longitude), std::cos(longitude), 0};
  const UnitVector north{-std::sin(latitude) * std::cos(longitude), -std::sin(latitude) * std::sin(longitude),
                         std::cos(latitude)};
  const auto dot = [](const UnitVector& a, const UnitVector& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  };
  for (std::size_t c = 0; c < 4; ++c) {
    const auto& r = vectors_[points[c]];
    if (!(dot(r, here) > 0)) return std::nullopt;  // on the other side of the globe
    corners[c] = {dot(r, east), dot(r, north)};
  }
  return zero_of_bilinear(corners);
}

/// In the cells at most `reach` from a point; `beyond`: how far outside an outer edge of the grid, in cells.
std::optional<std::array<double, 2>> CurvilinearPlaces::place_near(const Index& point, std::int64_t reach,
                                                                   double beyond, double latitude,
                                                                   double longitude) const {
  constexpr double slack = 1e-9;
  for (std::int64_t i = -reach; i < reach; ++i) {
    for (std::int64_t j = -reach; j < reach; ++j) {
      Index cell{point[0] + i, point[1] + j};
      for (const std::size_t k : {0U, 1U}) {
        if (closes_[k]) cell[k] = (cell[k] + sizes_[k]) % sizes_[k];
      }
      if (!has_cell(cell)) continue;
      const auto within = place_in_cell(cell, latitude, longitude);
      if (!within) continue;
      bool inside = true;
      std::array<double, 2> place{};
      for (const std::size_t k : {0U, 1U}) {
        const double below = !closes_[k] && cell[k] == 0 ? beyond : slack,
                     above = !closes_[k] && cell[k] == sizes_[k] - 2 ? beyond : slack, s = (*within)[k];
        inside = inside && s >= -below && s <= 1 + above;
        place[k] = static_cast<double>(cell[k]) + std::clamp(s, 0.0, 1.0);
      }
      if (inside) return place;
    }
  }
  return std::nullopt;
}

std::optional<std::array<double, 2>> CurvilinearPlaces::place_of(double latitude, double longitude) const {
  const double phi = latitude * latitude_unit_, lambda = longitude * longitude_unit_;
  if (!(std::abs(phi) <= std::numbers::pi / 2 + 1e-9) || !std::isfinite(lambda)) return std::nullopt;
  const auto closest = nearest(unit_vector(phi, lambda));
  if (!closest) return std::nullopt;
  const Index point{*closest / sizes_[1], *closest % sizes_[1]};
  constexpr double within = 1e-9, half_a_cell = 0.5;
  auto place = place_near(point, 1, within, phi, lambda);
  if (!place) place = place_near(point, 3, within, phi, lambda);
  if (!place) place = place_near(point, 1, half_a_cell + within, phi, lambda);
  if (!place) return std::nullopt;
  const double angle = std::max(std::abs(phi), std::abs(short_way(lambda)));
  for (const std::size_t k : {0U, 1U}) {
    const auto beside = static_cast<std::size_t>(point_of({point[0] + (k == 0 && point[0] + 1 < sizes_[0] ? 1 : 0),
                                                           point[1] + (k == 1 && point[1] + 1 < sizes_[1] ? 1 : 0)}));
    const double step = std::sqrt(squared_chord(vectors_[beside], vectors_[static_cast<std::size_t>(*closest)]));
    const double float32 = step > 0 ? std::min(1e-2, rounding_of_float32 * angle / step) : 0;
    const double whole = std::round((*place)[k]);
    if (std::abs((*place)[k] - whole) < std::max(rounding_of_places, float32)) (*place)[k] = whole;
    if (closes_[k] && (*place)[k] >= static_cast<double>(sizes_[k])) (*place)[k] -= static_cast<double>(sizes_[k]);
  }
  return place;
}

}  // namespace sda
