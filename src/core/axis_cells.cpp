/// Cells around the points of axes, and axes in words.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/axis.hpp"
#include "core/curvilinear.hpp"
#include "core/torch.hpp"

namespace sda {

/// Where cells meet, in the order of the points: one more than there are points.
std::vector<double> Axis::edges() const {
  const auto n = points_.size();
  std::vector<double> edges{outer_edge(descends())};
  for (std::size_t i = 1; i < n; ++i) edges.push_back((points_[i - 1] + points_[i]) / 2);
  edges.push_back(outer_edge(!descends()));
  const double turn = period(), span = std::abs(points_.back() - points_.front());
  const bool is_ring = turn > 0 && (is_cyclic() || std::abs(edges.back() - edges.front()) > turn);
  if (is_ring) {
    // The cells together are a turn: the outer two share what is beyond the outermost points.
    const double beyond = std::max(0.0, turn - span) / 2;
    edges.front() = points_.front() - std::copysign(beyond, spacing());
    edges.back() = points_.back() + std::copysign(beyond, spacing());
  }
  return edges;
}

std::vector<double> Axis::cell_sizes() const {
  if (!is_ordered_ || size() < 2) return {};
  const auto between = edges();
  std::vector<double> sizes;
  const double radians = degrees_ * std::numbers::pi / 180;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    const double a = between[i], b = between[i + 1];
    sizes.push_back(kind_ == AxisKind::latitude ? std::abs(std::sin(radians * b) - std::sin(radians * a))
                                                : std::abs(b - a));
  }
  if (kind_ == AxisKind::latitude) return sizes;
  const auto [smallest, largest] = std::minmax_element(sizes.begin(), sizes.end());
  return is_regular_ && *largest - *smallest <= 0.1 * *largest ? std::vector<double>() : sizes;
}

Tensor cell_areas(const std::vector<Axis>& axes) {
  Tensor areas;
  for (std::size_t a = 0; a < axes.size(); ++a) {
    const auto sizes = axes[a].cell_sizes();
    if (sizes.empty()) continue;
    Shape shape(axes.size(), 1);
    shape[a] = axes[a].size();
    const Tensor along = at::tensor(sizes, at::kDouble).view(shape);
    areas = areas.defined() ? areas * along : along;
  }
  if (!areas.defined()) return areas;
  Shape space;
  for (const auto& axis : axes) space.push_back(axis.size());
  return (areas / areas.mean()).expand(space).contiguous();
}

Tensor cell_areas(const StateLayout& layout) {
  return layout.curvilinear ? curvilinear_areas(layout) : cell_areas(axes_of(layout));
}

std::string Axis::in_words() const {
  std::string words = fmt::format("{} point{}", size(), size() == 1 ? "" : "s");
  if (!has_coordinates_) return words + ", without coordinates";
  const std::string units = units_ == "1" ? "" : " " + units_;
  words += size() == 1 ? fmt::format(", {:.6g}{}", points_.front(), units)
                       : fmt::format(", {:.6g} to {:.6g}{}", points_.front(), points_.back(), units);
  if (!is_ordered_) words += ", in no order";
  if (is_ordered_ && !is_regular_) words += ", unequal steps";
  return words + (is_cyclic() ? ", cyclic" : "");
}

std::vector<std::string> axes_in_words(const StateLayout& layout) {
  std::vector<std::string> lines;
  for (const auto& axis : axes_of(layout)) lines.push_back(fmt::format("{}: {}", axis.name(), axis.in_words()));
  if (!layout.curvilinear) return lines;
  const auto& grid = *layout.curvilinear;
  lines.push_back(fmt::format("curvilinear over {}, {}: {}, {}", layout.space_names[grid.axes[0]],
                              layout.space_names[grid.axes[1]], reach_in_words(grid.latitude_name, grid.latitude),
                              reach_in_words(grid.longitude_name, grid.longitude)));
  return lines;
}

}  // namespace sda
