/// Links of regions: parts of the grid, and points of it chosen one by one.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>
#include <set>

#include "core/curvilinear.hpp"
#include "core/sphere.hpp"
#include "observation/operators/space.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"

namespace sda::observation {
namespace {

constexpr double rounding = 1e-9;  // of a squared radius, relative

/// Some points along one axis, in their order.
struct Cut {
  std::vector<std::int64_t> points;
  bool is_whole = false;  ///< they still reach from end to end in equal steps

  std::int64_t step() const { return points.size() < 2 ? 1 : points[1] - points[0]; }
  /// Whether a view can hold them.
  bool is_even() const {
    for (std::size_t i = 1; i < points.size(); ++i) {
      if (points[i] - points[i - 1] != step()) return false;
    }
    return step() > 0;
  }
};

/// Points of the cuts along all axes, a smaller grid: y_i = x_(points[i]).
class SubGrid final : public StateLink {
 public:
  SubGrid(const Field& field, std::vector<Cut> cuts, std::string description)
      : StateLink(field, smaller(field, cuts)),
        cuts_(std::move(cuts)),
        description_(std::move(description)),
        is_view_(std::all_of(cuts_.begin(), cuts_.end(), [](const Cut& cut) { return cut.is_even(); })) {}
  Tensor read(const Tensor& x) const override {
    auto y = x;
    for (std::size_t a = 0; a < cuts_.size(); ++a) {
      const auto& cut = cuts_[a];
      y = cut.is_even() ? y.slice(dimension(a), cut.points.front(), cut.points.back() + 1, cut.step())
                        : y.index_select(dimension(a), at::tensor(cut.points, at::kLong).to(x.device()));
    }
    return y;
  }
  Tensor vjp(const Tensor&, const Tensor& v) const override {
    if (is_view_) {
      auto g = zeros_for(v);
      read(g).copy_(v);
      return g;
    }
    auto g = v;
    for (std::size_t a = 0; a < cuts_.size(); ++a) {
      auto shape = g.sizes().vec();
      shape[shape.size() - cuts_.size() + a] = field().space()[a];
      g = at::zeros(shape, v.options())
              .index_copy_(dimension(a), at::tensor(cuts_[a].points, at::kLong).to(v.device()), g);
    }
    return g;
  }
  bool is_affine() const override { return true; }
  std::string describe() const override { return description_; }

 private:
  /// Of an axis of space, from the end.
  std::int64_t dimension(std::size_t axis) const {
    return axis_of(field().first_space_axis() + static_cast<std::int64_t>(axis));
  }
  static Field smaller(const Field& field, const std::vector<Cut>& cuts) {
    auto space = field.space();
    auto axes = field.axes;
    Tensor areas = field.areas;
    for (std::size_t a = 0; a < cuts.size(); ++a) {
      axes[a] = axes[a].picked(cuts[a].points, cuts[a].is_whole);
      space[a] = std::ssize(cuts[a].points);
      if (!areas.defined()) continue;
      areas = areas.index_select(static_cast<std::int64_t>(a), at::tensor(cuts[a].points, at::kLong));
    }
    Field found = field.with_space(space, axes, areas);
    if (space == field.space()) found.curvilinear = field.curvilinear;
    return found;
  }
  std::vector<Cut> cuts_;
  std::string description_;
  bool is_view_;
};

/// Some points of space, in the order of the grid: y = x at them.
class Points final : public StateLink {
 public:
  /// `chosen`: bool, of the space.
  Points(const Field& field, const Tensor& chosen, std::string description)
      : StateLink(field, field.with_space({chosen.sum().item<std::int64_t>()}, {}, areas_of(field, chosen))),
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
  static Tensor areas_of(const Field& field, const Tensor& chosen) {
    return field.areas.defined() ? field.areas.masked_select(chosen) : Tensor();
  }
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

/// A disc of the grid, the points within and those outside (bool, of the space), and its place in words.
struct Disc {
  Tensor inside, outside;
  std::string radius, centre;
};

/// The number that a circle's centre has along an axis.
double centre_along(const LinkSite& site, const std::string& name) {
  const auto along = numbers_of(site.link, name);
  if (along.empty()) {
    refuse_numbers(site.link, "a circle without centre", "none along " + (name.empty() ? "an unnamed axis" : name),
                   fmt::format("a number for each axis of space: {}", names_of_axes(site.field)));
  }
  return along.front();
}

/// Squared distances of all points from latitude and longitude of a centre, along great circles.
Tensor squares_on_globe(const Field& field, std::size_t latitude, std::size_t longitude, double phi, double lambda) {
  const Axis &north = field.axes[latitude], &east = field.axes[longitude];
  const double lat = degrees_in(north.units()) * std::numbers::pi / 180,
               lon = degrees_in(east.units()) * std::numbers::pi / 180;
  std::vector<double> squares;
  for (const double point : north.points()) {
    for (const double offset : east.offsets_from(lambda)) {
      const double distance = great_circle(phi * lat, point * lat, offset * lon) / lat;
      squares.push_back(distance * distance);
    }
  }
  Shape shape(field.axes.size(), 1);
  shape[latitude] = north.size(), shape[longitude] = east.size();
  const Tensor by_row = at::tensor(squares, at::kDouble).view({north.size(), east.size()});
  return (latitude < longitude ? by_row : by_row.t()).reshape(shape);
}

/// The same on a curvilinear grid.
Tensor squares_on_curvilinear(const Field& field, double phi, double lambda) {
  const auto& grid = *field.curvilinear;
  Shape shape(field.axes.size(), 1);
  for (const auto axis : grid.axes) shape[axis] = field.space()[axis];
  return at::tensor(great_circle_distances(grid, phi, lambda), at::kDouble).square().view(shape);
}

std::optional<std::size_t> axis_of_kind(const Field& field, AxisKind kind) {
  for (std::size_t a = 0; a < field.axes.size(); ++a) {
    if (field.axes[a].kind() == kind) return a;
  }
  return std::nullopt;
}

/// Squared distances from the circle's centre: of latitude and longitude together along the great circle, in their
/// unit; of other axes along each.
Tensor squares_from_centre(const LinkSite& site, std::vector<std::string>& centre) {
  const Field& field = site.field;
  Tensor squares = at::zeros(field.space(), at::kDouble);
  std::set<std::size_t> done;
  const auto along = [&](const std::string& name) {
    const double number = centre_along(site, name);
    centre.push_back(fmt::format("{} = {}", name, number));
    return number;
  };
  const auto latitude = axis_of_kind(field, AxisKind::latitude), longitude = axis_of_kind(field, AxisKind::longitude);
  const auto& given = site.link.names;
  const bool is_on_curvilinear =
      field.curvilinear && std::find(given.begin(), given.end(), field.curvilinear->latitude_name) != given.end();
  if (is_on_curvilinear) {
    const double phi = along(field.curvilinear->latitude_name);
    squares = squares + squares_on_curvilinear(field, phi, along(field.curvilinear->longitude_name));
    done.insert(field.curvilinear->axes.begin(), field.curvilinear->axes.end());
  } else if (latitude && longitude) {
    const double phi = along(field.axes[*latitude].name());
    squares = squares + squares_on_globe(field, *latitude, *longitude, phi, along(field.axes[*longitude].name()));
    done = {*latitude, *longitude};
  }
  for (std::size_t a = 0; a < field.axes.size(); ++a) {
    if (done.contains(a)) continue;
    squares = squares + along_axis(field, a, field.axes[a].offsets_from(along(field.axes[a].name()))).square();
  }
  return squares;
}

Disc disc_of(const LinkSite& site) {
  const OperatorLink& link = site.link;
  const Field& field = site.field;
  require_axes(link, field, {"radius"});
  const double radius = numbers_of(link, "radius").front();
  if (!(radius > 0)) refuse_numbers(link, "a circle without extent", fmt::format("{}", radius), "a radius > 0");
  std::vector<std::string> centre;
  const Tensor squares = squares_from_centre(site, centre);
  double slack = 0;
  for (const auto& axis : field.axes) slack = std::max(slack, axis.rounding());
  const double largest = std::max(radius * radius * (1 + rounding), (radius + slack) * (radius + slack));
  return {squares.le(largest), squares.gt(largest), fmt::format("{}", radius),
          fmt::format("{}", fmt::join(centre, ", "))};
}

MadeLink make_circle(const LinkSite& site) {
  const Disc disc = disc_of(site);
  return some_points(site, disc.inside, fmt::format("points within {} of ({})", disc.radius, disc.centre));
}

MadeLink make_outside_circle(const LinkSite& site) {
  const Disc disc = disc_of(site);
  return some_points(site, disc.outside, fmt::format("points farther than {} of ({})", disc.radius, disc.centre));
}

/// A rectangle of the grid, as cuts and as points (bool, of the space), and its sides in words.
struct Box {
  std::vector<Cut> cuts;
  Tensor inside;
  Tensor has_place;  ///< on a curvilinear grid
  std::string sides;
  bool is_grid = true;  ///< the cuts say it all
};

/// "lat in [-30, 30]"; refuses a side that does not ascend, unless it is one of longitudes.
std::string side_in_words(const LinkSite& site, const std::string& name, const std::vector<double>& ends,
                          bool is_longitude) {
  if (!(ends[0] <= ends[1] || is_longitude)) {
    refuse_numbers(site.link, "a side of a box does not ascend", fmt::format("{} = [{}, {}]", name, ends[0], ends[1]),
                   "[from, to]");
  }
  return fmt::format("{} in [{}, {}]", name, ends[0], ends[1]);
}

/// Takes away points of a curvilinear grid whose latitude or longitude is not within the box.
void cut_curvilinear(const LinkSite& site, Box& box, std::vector<std::string>& sides) {
  const Field& field = site.field;
  const auto& grid = *field.curvilinear;
  Shape shape(field.axes.size(), 1);
  for (const auto axis : grid.axes) shape[axis] = field.space()[axis];
  for (const auto& [name, coordinate] :
       {std::pair{grid.latitude_name, grid.latitude}, std::pair{grid.longitude_name, grid.longitude}}) {
    const auto ends = numbers_of(site.link, name);
    const Tensor values = at::tensor(coordinate.values, at::kDouble).view(shape);
    box.has_place = box.has_place.logical_and(values.isfinite());
    if (ends.empty()) continue;
    const bool is_longitude = name == grid.longitude_name;
    sides.push_back(side_in_words(site, name, ends, is_longitude));
    const double turn = is_longitude ? 360 / degrees_in(coordinate.units) : 0;
    Tensor ahead = values - ends[0];
    double span = ends[1] - ends[0];
    constexpr double slack = 1e-6;
    if (turn > 0) ahead = ahead - turn * ((ahead + slack) / turn).floor();
    if (turn > 0 && span < 0) span -= turn * std::floor(span / turn);
    box.inside = box.inside.logical_and(ahead.ge(-slack)).logical_and(ahead.le(span + slack));
    box.is_grid = false;
  }
}

Box box_of(const LinkSite& site) {
  const OperatorLink& link = site.link;
  const Field& field = site.field;
  require_axes(link, field, {});
  const auto space = field.space();
  Box box{.cuts = {}, .inside = at::ones(space, at::kBool), .has_place = at::ones(space, at::kBool), .sides = ""};
  std::vector<std::string> sides;
  for (std::size_t a = 0; a < field.axes.size(); ++a) {
    const auto& axis = field.axes[a];
    const auto ends = axis.name().empty() ? std::vector<double>{} : numbers_of(link, axis.name());
    Cut& cut = box.cuts.emplace_back();
    if (ends.empty()) {
      cut.points.resize(static_cast<std::size_t>(space[a]));
      std::iota(cut.points.begin(), cut.points.end(), 0);
    } else {
      sides.push_back(side_in_words(site, axis.name(), ends, axis.kind() == AxisKind::longitude));
      cut.points = axis.points_between(ends[0], ends[1]);
    }
    cut.is_whole = std::ssize(cut.points) == space[a];
    std::vector<double> within(static_cast<std::size_t>(space[a]), 0);
    for (const auto i : cut.points) within[static_cast<std::size_t>(i)] = 1;
    box.inside = box.inside.logical_and(along_axis(field, a, within).to(at::kBool));
  }
  if (field.curvilinear) cut_curvilinear(site, box, sides);
  box.sides = fmt::format("{}", fmt::join(sides, ", "));
  return box;
}

MadeLink make_box(const LinkSite& site) {
  auto box = box_of(site);
  // Nothing is refused; latitudes and longitudes of a curvilinear grid cut no smaller grid out of it.
  if (!box.is_grid || !box.inside.any().item<bool>()) return some_points(site, box.inside, "points with " + box.sides);
  return std::make_unique<SubGrid>(site.field, std::move(box.cuts), box.sides);
}

MadeLink make_outside_box(const LinkSite& site) {
  const auto box = box_of(site);
  const Tensor outside = box.inside.logical_not();
  return some_points(site, box.is_grid ? outside : outside.logical_and(box.has_place), "points outside " + box.sides);
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
  std::vector<Cut> cuts(steps.size());
  for (std::size_t a = 0; a < steps.size(); ++a) {
    const auto size = site.field.space()[a];
    for (std::int64_t i = 0; i < size; i += steps[a]) cuts[a].points.push_back(i);
    cuts[a].is_whole = size % steps[a] == 0;
  }
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
       .help = "{x = [from, to], y = [from, to]}: the part of the grid within these coordinates; of longitudes "
               "eastwards, so that lon = [350, 10] is a box",
       .value = takes::table_of_axes(2),
       .make = make_box,
       .example = {{{"box", {0.3, 1.2, 0, 1.5}, xxyy}}, {2, 4, 6}}},
      {.name = "outside_box",
       .help = "the same: all points outside it",
       .value = takes::table_of_axes(2),
       .make = make_outside_box,
       .example = {{{"outside_box", {0.3, 1.2, 0, 1.5}, xxyy}}, {2, 4, 6}}},
      {.name = "circle",
       .help = "{x = a, y = b, radius = r}: points at most r from (a, b), in the grid's coordinates; of latitudes and "
               "longitudes along the great circle, in degrees",
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
