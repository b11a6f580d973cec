/// Links of points: observations that lie between the points of the grid and between states, y_r = Σ_k w_kr x[i_kr].
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <unordered_set>
#include <utility>

#include "observation/operators/kinds.hpp"
#include "observation/point_columns.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::observation {
namespace {

/// What a place is counted along: components, an axis of space, or the states that are read.
struct PointAxis {
  std::string name;
  std::int64_t size = 1, stride = 1;  ///< of the flattened field
  bool is_cyclic = false;             ///< places from size − 1 to size lie between the last point and the first
};

std::vector<PointAxis> axes_of_points(const Field& field) {
  std::vector<PointAxis> axes;
  const auto space = field.space();
  const bool is_all_components = field.has_components && field.sizes.size() == 1;
  if (field.has_components) {
    axes.push_back({component_column, field.components(), is_all_components ? 1 : count(space)});
  }
  if (is_all_components) return axes;
  auto stride = count(space);
  for (std::size_t a = 0; a < space.size(); ++a) {
    stride /= space[a];
    axes.push_back({field.axes[a].name(), space[a], stride, field.axes[a].is_cyclic() && field.axes[a].is_whole()});
  }
  return axes;
}

[[noreturn]] void refuse_point(const std::string& column, std::size_t row, double found, const std::string& expected) {
  throw UsageError({.what = "a point is not on the grid",
                    .where = fmt::format("operator link points: {}, point {} (counted from 0)", column, row),
                    .found = fmt::format("{}", found),
                    .expected = expected});
}

/// The columns must be axes, and those of more than one point must all be there.
void check_columns(const OperatorLink& link, const std::vector<PointAxis>& axes) {
  std::vector<std::string> known{time_column};
  for (const auto& axis : axes) known.push_back(axis.name);
  for (const auto& name : link.names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto nearest = nearest_name(name, known);
    throw UsageError({.what = "no such axis",
                      .where = "operator link points",
                      .found = name,
                      .expected = fmt::format("{}", fmt::join(known, ", ")),
                      .hint = nearest.empty() ? "" : fmt::format("did you mean {}?", nearest)});
  }
  for (const auto& axis : axes) {
    if (axis.size == 1 || std::find(link.names.begin(), link.names.end(), axis.name) != link.names.end()) continue;
    throw UsageError({.what = "points without a place",
                      .where = "operator link points",
                      .found = fmt::format("none along {}", axis.name),
                      .expected = fmt::format("a number for each point: {} = [0, …]", axis.name)});
  }
}

/// Weights of a linear interpolation: of each point as many as there are corners around it.
struct SparseWeights {
  Tensor index;        ///< (corner, point), of the flattened field
  Tensor weight;       ///< the same, float64
  bool exact = false;  ///< one corner of weight 1: points are values of the field
};

bool lies_between(double place) {
  return place > std::trunc(place);
}

/// Weights along all axes, each added by itself: where places lie between two points it doubles the corners.
class WeightsMaker {
 public:
  /// `axes`: along so many places lie between two points.
  WeightsMaker(std::size_t points, std::int64_t axes)
      : points_(static_cast<std::int64_t>(points)),
        made_{at::zeros({std::int64_t{1} << axes, points_}, at::kLong),
              at::ones({std::int64_t{1} << axes, points_}, at::kDouble), axes == 0} {}

  /// Begins with another axis.
  void next_axis(std::span<const double> places, std::int64_t stride) {
    stride_ = stride;
    lower_corners_ = corners_;
    if (!std::any_of(places.begin(), places.end(), lies_between)) return;
    made_.index.narrow(0, corners_, corners_).copy_(made_.index.narrow(0, 0, corners_));
    made_.weight.narrow(0, corners_, corners_).copy_(made_.weight.narrow(0, 0, corners_));
    corners_ *= 2;
  }

  /// Of a point, indices along the axis; the upper one weighs `share`.
  void add(std::size_t point, std::int64_t lower, std::int64_t upper, double share) {
    auto* index = made_.index.data_ptr<std::int64_t>() + point;
    auto* weight = made_.weight.data_ptr<double>() + point;
    for (std::int64_t corner = 0; corner < corners_; ++corner, index += points_, weight += points_) {
      const bool is_upper = corner >= lower_corners_;
      *index += (is_upper ? upper : lower) * stride_;
      *weight *= is_upper ? share : 1 - share;
    }
  }

  SparseWeights make() && { return std::move(made_); }

 private:
  std::int64_t points_, stride_ = 1, corners_ = 1, lower_corners_ = 1;
  SparseWeights made_;
};

void add_axis(WeightsMaker& weights, const PointAxis& axis, std::span<const double> places) {
  weights.next_axis(places, axis.stride);
  for (std::size_t r = 0; r < places.size(); ++r) {
    const double place = places[r];
    const bool is_on_axis =
        axis.is_cyclic ? place < static_cast<double>(axis.size) : place <= static_cast<double>(axis.size - 1);
    if (!is_on_axis) {
      refuse_point(axis.name, r, place,
                   axis.is_cyclic ? fmt::format("0 … {}, the last not included", axis.size)
                                  : fmt::format("0 … {}", axis.size - 1));
    }
    if (axis.name == component_column && std::trunc(place) != place) refuse_point(axis.name, r, place, "an integer");
    const auto lower = static_cast<std::int64_t>(place);
    const double share = place - std::trunc(place);
    weights.add(r, lower, share > 0 ? (lower + 1) % axis.size : lower, share);
  }
}

/// Those states that points lie at or between, of the states that the links before left.
class StatesUsed final : public TimeLink {
 public:
  explicit StatesUsed(std::vector<std::int64_t> used) : used_(std::move(used)) {}
  std::vector<std::int64_t> choose(const std::vector<std::int64_t>& states) const override {
    if (used_.back() >= std::ssize(states)) {
      throw ShapeError({.what = "a point lies at a state that is not there",
                        .where = "operator link points: time",
                        .found = fmt::format("state {} of {}", used_.back(), states.size()),
                        .expected = fmt::format("0 … {}", std::ssize(states) - 1)});
    }
    std::vector<std::int64_t> chosen;
    for (const auto i : used_) chosen.push_back(states[static_cast<std::size_t>(i)]);
    return chosen;
  }
  std::string describe() const override {
    if (used_.size() == 1) return fmt::format("state {}", used_.front());
    return fmt::format("{} of the states {} to {}", used_.size(), used_.front(), used_.back());
  }

 private:
  std::vector<std::int64_t> used_;
};

/// Points of a field; of several states together where they have times.
class SparsePoints final : public StateLink {
 public:
  /// `states`: how many are read together; 0: each alone.
  SparsePoints(const Field& field, SparseWeights weights, std::int64_t states)
      : StateLink(field, points_of(field, weights.index.size(1))), weights_(std::move(weights)), states_(states) {}

  Tensor read(const Tensor& x) const override {
    const Tensor flat = x.flatten(axis_of(0) - (joins_states() ? 1 : 0));
    const Tensor weight = weights_.weight.to(x.options());
    Tensor y;
    for (std::int64_t corner = 0; corner < weights_.index.size(0); ++corner) {
      const Tensor values = flat.gather(-1, index_for(flat, corner));
      if (weights_.exact) return with_time(values);
      y = y.defined() ? y.addcmul(values, weight[corner]) : values * weight[corner];
    }
    return with_time(y);
  }

  Tensor vjp(const Tensor&, const Tensor& v) const override {
    const Tensor of_points = joins_states() ? v.squeeze(-2) : v;
    Shape shape = of_points.sizes().vec();
    shape.back() = count(field().sizes) * std::max<std::int64_t>(states_, 1);
    Tensor g = at::zeros(shape, v.options());
    const Tensor weight = weights_.weight.to(v.options());
    for (std::int64_t corner = 0; corner < weights_.index.size(0); ++corner) {
      g.scatter_add_(-1, index_for(of_points, corner), weights_.exact ? of_points : of_points * weight[corner]);
    }
    shape.pop_back();
    if (joins_states()) shape.push_back(states_);
    shape.insert(shape.end(), field().sizes.begin(), field().sizes.end());
    return g.view(shape);
  }

  bool is_affine() const override { return true; }
  std::string describe() const override {
    const auto points = weights_.index.size(1);
    return fmt::format("{} point{}{}", points, points == 1 ? "" : "s",
                       !joins_states() ? ""
                       : points == 1   ? " at its own time"
                                       : ", each at its own time");
  }

 private:
  static Field points_of(const Field& field, std::int64_t points) {
    return {.sizes = {points}, .has_components = false, .is_physical = field.is_physical};
  }
  bool joins_states() const { return states_ > 0; }
  /// The one observation of all states together.
  Tensor with_time(const Tensor& y) const { return joins_states() ? y.unsqueeze(-2) : y; }
  Tensor index_for(const Tensor& like, std::int64_t corner) const {
    Shape shape = like.sizes().vec();
    shape.back() = weights_.index.size(1);
    return weights_.index[corner].to(like.device()).expand(shape);
  }

  SparseWeights weights_;
  std::int64_t states_;
};

/// Adds the axis of time, counted among the states that are used; returns these, of the states that are there.
std::vector<std::int64_t> add_times(WeightsMaker& weights, std::span<const double> times, std::int64_t stride) {
  std::unordered_set<std::int64_t> found;
  for (std::size_t r = 0; r < times.size(); ++r) {
    constexpr double max = 2147483647;
    if (times[r] > max) refuse_point(time_column, r, times[r], "a state of the trajectory");
    const auto state = static_cast<std::int64_t>(times[r]);
    found.insert(state);
    if (lies_between(times[r])) found.insert(state + 1);
  }
  std::vector<std::int64_t> used(found.begin(), found.end());
  std::sort(used.begin(), used.end());
  weights.next_axis(times, stride);
  for (std::size_t r = 0; r < times.size(); ++r) {
    const auto state = static_cast<std::int64_t>(times[r]);
    const auto lower = std::lower_bound(used.begin(), used.end(), state) - used.begin();
    const double share = times[r] - std::trunc(times[r]);
    weights.add(r, lower, lower + (share > 0 ? 1 : 0), share);
  }
  return used;
}

MadeLink make_points(const LinkSite& site) {
  const OperatorLink& link = site.link;
  const Field& field = site.field;
  if (!field.is_grid()) {
    throw ShapeError({.what = "points are no grid any more",
                      .where = "operator link points",
                      .found = "points scattered by a link before",
                      .expected = "a grid"});
  }
  const auto axes = axes_of_points(field);
  check_columns(link, axes);
  const auto points = rows_of(link);
  if (points == 0) {
    throw UsageError({.what = "no points to read", .where = "operator link points", .expected = "at least one"});
  }
  const auto between = std::count_if(link.names.begin(), link.names.end(), [&](const auto& name) {
    const auto places = column_of(link, name);
    return std::any_of(places.begin(), places.end(), lies_between);
  });
  WeightsMaker weights(points, between);
  for (const auto& axis : axes) {
    if (const auto places = column_of(link, axis.name); !places.empty()) add_axis(weights, axis, places);
  }
  const auto times = column_of(link, time_column);
  if (times.empty()) return std::make_unique<SparsePoints>(field, std::move(weights).make(), 0);
  auto used = add_times(weights, times, count(field.sizes));
  const auto states = std::ssize(used);
  return {std::make_unique<StatesUsed>(std::move(used)),
          std::make_unique<SparsePoints>(field, std::move(weights).make(), states)};
}

}  // namespace

std::vector<LinkKind> point_links() {
  return {{.name = points_kind,
           .help =
               "{variable = [c, ...], x = [i, ...], y = [j, ...]}: so many points, counted from 0, between those of "
               "the grid by linear interpolation; with time = [t, ...] each has a time of its own, counted in states",
           .value = takes::columns(0),
           .make = make_points,
           .example = {{{points_kind, {0, 1, 1, 5, 1.5, 0, 2.5, 0, 3}, {"variable", "x", "y"}}}, {2, 4, 6}}}};
}

}  // namespace sda::observation
