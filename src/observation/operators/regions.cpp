/// Links of regions: parts of the grid, and points of it chosen one by one.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "observation/operators/space.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"

namespace sda::observation {
namespace {

constexpr double rounding = 1e-9;  // of a coordinate, in spacings

/// Consecutive or evenly spaced points along each axis, a smaller grid: y_i = x_(start + i step).
struct Cut {
  std::int64_t start = 0, end = 0, step = 1;
};

class SubGrid final : public StateLink {
 public:
  SubGrid(const Field& field, std::vector<Cut> cuts, std::string description)
      : StateLink(field, smaller(field, cuts)), cuts_(std::move(cuts)), description_(std::move(description)) {}
  Tensor read(const Tensor& x) const override { return cut(x); }
  Tensor vjp(const Tensor&, const Tensor& v) const override {
    auto g = zeros_for(v);
    cut(g).copy_(v);
    return g;
  }
  bool is_affine() const override { return true; }
  std::string describe() const override { return description_; }

 private:
  /// A view.
  Tensor cut(const Tensor& x) const {
    auto y = x;
    for (std::size_t a = 0; a < cuts_.size(); ++a) {
      const auto axis = axis_of(field().first_space_axis() + static_cast<std::int64_t>(a));
      y = y.slice(axis, cuts_[a].start, cuts_[a].end, cuts_[a].step);
    }
    return y;
  }
  static Field smaller(const Field& field, const std::vector<Cut>& cuts) {
    auto space = field.space();
    auto axes = field.axes;
    for (std::size_t a = 0; a < cuts.size(); ++a) {
      const auto [start, end, step] = cuts[a];
      axes[a].first = coordinate(axes[a], start);
      axes[a].spacing *= static_cast<double>(step);
      axes[a].whole = axes[a].whole && start == 0 && end == space[a] && space[a] % step == 0;
      space[a] = (end - start + step - 1) / step;
    }
    return field.with_space(space, axes);
  }
  std::vector<Cut> cuts_;
  std::string description_;
};

/// Some points of space, in the order of the grid: y = x at them.
class Points final : public StateLink {
 public:
  /// `chosen`: bool, of the space.
  Points(const Field& field, const Tensor& chosen, std::string description)
      : StateLink(field, field.with_space({chosen.sum().item<std::int64_t>()})),
        index_(chosen.flatten().nonzero().flatten()),
        description_(std::move(description)) {}
  Tensor read(const Tensor& x) const override { return flat(x).index_select(-1, index_.to(x.device())); }
  Tensor vjp(const Tensor&, const Tensor& v) const override {
    auto g = zeros_for(v);
    flat(g).index_copy_(-1, index_.to(v.device()), v);
    return g;
  }
  bool is_affine() const override { return true; }
  std::string describe() const override { return description_; }

 private:
  Tensor flat(const Tensor& x) const { return x.flatten(axis_of(field().first_space_axis()), -1); }
  Tensor index_;
  std::string description_;
};

MadeLink some_points(const LinkSite& site, const Tensor& chosen, const std::string& description) {
  if (!chosen.any().item<bool>()) {
    refuse_numbers(site.link, "no point of the grid is left to read", "a grid with " + reach_of(site.field),
                   "at least one point");
  }
  return std::make_unique<Points>(site.field, chosen, description);
}

/// A disc of the grid, (bool, of the space), and its place in words.
struct Disc {
  Tensor inside;
  std::string radius, centre;
};

Disc disc_of(const LinkSite& site) {
  const OperatorLink& link = site.link;
  const Field& field = site.field;
  require_axes(link, field, {"radius"});
  const double radius = numbers_of(link, "radius").front();
  if (!(radius > 0)) refuse_numbers(link, "a circle without extent", fmt::format("{}", radius), "a radius > 0");
  Tensor squares = at::zeros(field.space(), at::kDouble);
  std::vector<std::string> centre;
  for (std::size_t a = 0; a < field.axes.size(); ++a) {
    const auto& axis = field.axes[a];
    const auto along = numbers_of(link, axis.name);
    if (along.empty()) {
      refuse_numbers(link, "a circle without centre",
                     "none along " + (axis.name.empty() ? "an unnamed axis" : axis.name),
                     fmt::format("a number for each axis of space: {}", names_of_axes(field)));
    }
    squares = squares + (coordinates(field, a) - along.front()).square();
    centre.push_back(fmt::format("{} = {}", axis.name, along.front()));
  }
  return {squares.le(radius * radius * (1 + rounding)), fmt::format("{}", radius),
          fmt::format("{}", fmt::join(centre, ", "))};
}

MadeLink make_circle(const LinkSite& site) {
  const auto [inside, radius, centre] = disc_of(site);
  return some_points(site, inside, fmt::format("points within {} of ({})", radius, centre));
}

MadeLink make_outside_circle(const LinkSite& site) {
  const auto [inside, radius, centre] = disc_of(site);
  return some_points(site, inside.logical_not(), fmt::format("points farther than {} of ({})", radius, centre));
}

/// A rectangle of the grid, as cuts and as points (bool, of the space), and its sides in words.
struct Box {
  std::vector<Cut> cuts;
  Tensor inside;
  std::string sides;
};

Box box_of(const LinkSite& site) {
  const OperatorLink& link = site.link;
  const Field& field = site.field;
  require_axes(link, field, {});
  Box box{.cuts = {}, .inside = at::ones(field.space(), at::kBool), .sides = ""};
  std::vector<std::string> sides;
  for (std::size_t a = 0; a < field.axes.size(); ++a) {
    const auto& axis = field.axes[a];
    const auto size = field.space()[a];
    const auto ends = axis.name.empty() ? std::vector<double>{} : numbers_of(link, axis.name);
    box.cuts.push_back({0, size, 1});
    if (ends.empty()) continue;
    if (!(ends[0] <= ends[1])) {
      refuse_numbers(link, "a side of a box does not ascend", fmt::format("{} = [{}, {}]", axis.name, ends[0], ends[1]),
                     "[from, to]");
    }
    const auto place = [&](double end) { return (end - axis.first) / axis.spacing; };
    const auto [from, to] = std::minmax({place(ends[0]), place(ends[1])});
    const double max = static_cast<double>(size);
    Cut& cut = box.cuts.back();
    cut.start = static_cast<std::int64_t>(std::clamp(std::ceil(from - rounding), 0.0, max));
    cut.end = static_cast<std::int64_t>(std::clamp(std::floor(to + rounding) + 1, 0.0, max));
    if (cut.start >= cut.end) box.inside.zero_();
    const auto i = at::arange(size).view(coordinates(field, a).sizes());
    box.inside = box.inside.logical_and(i.ge(cut.start)).logical_and(i.lt(cut.end));
    sides.push_back(fmt::format("{} in [{}, {}]", axis.name, ends[0], ends[1]));
  }
  box.sides = fmt::format("{}", fmt::join(sides, ", "));
  return box;
}

MadeLink make_box(const LinkSite& site) {
  auto [cuts, inside, sides] = box_of(site);
  if (!inside.any().item<bool>()) return some_points(site, inside, "");  // refuses
  return std::make_unique<SubGrid>(site.field, std::move(cuts), sides);
}

MadeLink make_outside_box(const LinkSite& site) {
  const auto box = box_of(site);
  return some_points(site, box.inside.logical_not(), "points outside " + box.sides);
}

/// The same points at all times: the first of a permutation of space.
MadeLink make_random_points(const LinkSite& site) {
  require_grid(site.link, site.field);
  const double share = numbers_of(site.link, "share").front(), seed = numbers_of(site.link, "seed").front();
  if (!(share > 0 && share <= 1)) {
    refuse_numbers(site.link, "not a share of the points", fmt::format("{}", share), "a number > 0 and ≤ 1");
  }
  if (seed < 0 || std::trunc(seed) != seed) {
    refuse_numbers(site.link, "not a seed", fmt::format("{}", seed), "an integer ≥ 0");
  }
  const auto space = site.field.space();
  const auto all = count(space);
  const auto n = std::llround(share * static_cast<double>(all));
  const auto order =
      permutation(all, {.seed = static_cast<std::uint64_t>(seed), .purpose = Purpose::observation_points});
  auto chosen = at::zeros({all}, at::kBool);
  for (std::int64_t i = 0; i < n; ++i) chosen[order[static_cast<std::size_t>(i)]] = true;
  return some_points(site, chosen.view(space),
                     fmt::format("{} of {} points at random (seed {})", n, all, static_cast<std::uint64_t>(seed)));
}

MadeLink make_grid_every(const LinkSite& site) {
  const auto steps = for_each_axis(site);
  std::vector<Cut> cuts;
  for (std::size_t a = 0; a < steps.size(); ++a) cuts.push_back({0, site.field.space()[a], steps[a]});
  return std::make_unique<SubGrid>(site.field, cuts, "every " + to_string(steps) + " point of the grid");
}

}  // namespace

std::vector<LinkKind> region_links() {
  const std::vector<std::string> xxyy{"x", "x", "y", "y"}, circle{"radius", "x", "y"};
  return {
      {.name = "grid_every",
       .help = "n or [n, ...]: the first and each n-th point of the grid, along each axis",
       .value = takes::integer_or_integers(1),
       .make = make_grid_every,
       .example = {{{"grid_every", {3, 2}}}, {2, 4, 6}}},
      {.name = "box",
       .help = "{x = [from, to], y = [from, to]}: the part of the grid within these coordinates",
       .value = takes::table_of_axes(2),
       .make = make_box,
       .example = {{{"box", {0.3, 1.2, 0, 1.5}, xxyy}}, {2, 4, 6}}},
      {.name = "outside_box",
       .help = "the same: all points outside it",
       .value = takes::table_of_axes(2),
       .make = make_outside_box,
       .example = {{{"outside_box", {0.3, 1.2, 0, 1.5}, xxyy}}, {2, 4, 6}}},
      {.name = "circle",
       .help = "{x = a, y = b, radius = r}: points at most r from (a, b), in the grid's coordinates",
       .value = takes::table_of_axes(1, {"radius"}),
       .make = make_circle,
       .example = {{{"circle", {0.5, 0.75, 1}, circle}}, {2, 4, 6}}},
      {.name = "outside_circle",
       .help = "the same: all points farther away",
       .value = takes::table_of_axes(1, {"radius"}),
       .make = make_outside_circle,
       .example = {{{"outside_circle", {0.5, 0.75, 1}, circle}}, {2, 4, 6}}},
      {.name = "random_points",
       .help = "{share = a, seed = n}: that share of the points of the grid, drawn once",
       .value = takes::table({"share", "seed"}, 0),
       .make = make_random_points,
       .example = {{{"random_points", {3, 0.3}, {"seed", "share"}}}, {2, 4, 6}}},
  };
}

}  // namespace sda::observation
