/// Links of space: averages, points of the grid and derivatives on it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "observation/links.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/observation/operator_toml.hpp"

namespace sda::observation {
namespace {

constexpr double rounding = 1e-9;  // of a coordinate, in spacings

std::string place_of(const OperatorLink& link) {
  return "operator link " + to_toml({link});
}

[[noreturn]] void refuse_numbers(const OperatorLink& link, const std::string& what, const std::string& found,
                                 const std::string& expected) {
  throw UsageError({.what = what, .where = place_of(link), .found = found, .expected = expected});
}

void require_grid(const OperatorLink& link, const Field& field) {
  if (field.is_grid()) return;
  throw ShapeError({.what = "points are no grid any more",
                    .where = place_of(link),
                    .found = fmt::format("{} of them, scattered by a link before", field.space().front()),
                    .expected = "a grid"});
}

/// A number for each axis of space, from one for all or one for each.
std::vector<std::int64_t> for_each_axis(const OperatorLink& link, const Field& field) {
  require_grid(link, field);
  auto numbers = integers(link.numbers);
  const auto space = field.space();
  if (numbers.size() == 1) numbers.resize(space.size(), numbers.front());
  if (numbers.size() != space.size()) {
    refuse_numbers(link, "not a number for each axis of space", fmt::format("{} numbers", numbers.size()),
                   fmt::format("1 or {}, for {}", space.size(), to_string(space)));
  }
  return numbers;
}

std::vector<double> numbers_of(const OperatorLink& link, const std::string& name) {
  std::vector<double> found;
  for (std::size_t i = 0; i < link.numbers.size(); ++i) {
    if (link.names[i] == name) found.push_back(link.numbers[i]);
  }
  return found;
}

std::string names_of_axes(const Field& field) {
  std::vector<std::string> names;
  for (const auto& axis : field.axes) names.push_back(axis.name.empty() ? "(unnamed)" : axis.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

/// Refuses names that no axis has.
void require_axes(const OperatorLink& link, const Field& field, const std::vector<std::string>& other_names) {
  require_grid(link, field);
  auto known = other_names;
  for (const auto& axis : field.axes) known.push_back(axis.name);
  for (const auto& name : link.names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      refuse_numbers(link, "no such axis of space", name, names_of_axes(field));
    }
  }
}

double coordinate(const GridAxis& axis, std::int64_t i) {
  return axis.first + axis.spacing * static_cast<double>(i);
}

std::string reach_of(const Field& field) {
  std::vector<std::string> axes;
  for (std::size_t a = 0; a < field.axes.size(); ++a) {
    const auto& axis = field.axes[a];
    axes.push_back(
        fmt::format("{} from {:.4g} to {:.4g}", axis.name, axis.first, coordinate(axis, field.space()[a] - 1)));
  }
  return fmt::format("{}", fmt::join(axes, ", "));
}

/// y = mean over blocks of `block` points along each axis.
class Coarsen final : public StateLink {
 public:
  Coarsen(const Field& field, std::vector<std::int64_t> blocks, const std::string& where)
      : StateLink(field, coarse(field, blocks, where)), blocks_(std::move(blocks)) {}
  Tensor read(const Tensor& x) const override {
    auto y = x;
    std::vector<std::int64_t> within;
    for (std::int64_t a = std::ssize(blocks_) - 1; a >= 0; --a) {
      const auto axis = x.dim() + axis_of(field().first_space_axis() + a);
      const auto block = blocks_[static_cast<std::size_t>(a)];
      y = y.unflatten(axis, {y.size(axis) / block, block});
      within.push_back(axis + 1 + a);  // the axes before will be split as well
    }
    return y.mean(within);
  }
  Tensor vjp(const Tensor&, const Tensor& v) const override {
    // (…, rows, columns) → (…, rows, block, columns, block), each value in all places of its block.
    auto g = v.div(count(blocks_));
    auto sizes = g.sizes().vec();
    for (std::int64_t a = std::ssize(blocks_); a-- > 0;) {
      const auto axis = g.dim() - std::ssize(blocks_) + a;
      sizes.insert(sizes.begin() + axis + 1, blocks_[static_cast<std::size_t>(a)]);
    }
    for (std::int64_t a = 0; a < std::ssize(blocks_); ++a) {
      g = g.unsqueeze(v.dim() - std::ssize(blocks_) + 2 * a + 1);
    }
    return g.expand(sizes).reshape(shape_for(v));
  }
  bool is_affine() const override { return true; }
  std::string describe() const override {
    const bool equal = std::equal(blocks_.begin() + 1, blocks_.end(), blocks_.begin());
    return "average of blocks of " + (equal ? std::to_string(blocks_.front()) : to_string(blocks_));
  }

 private:
  static Field coarse(const Field& field, const std::vector<std::int64_t>& blocks, const std::string& where) {
    auto space = field.space();
    auto axes = field.axes;
    for (std::size_t a = 0; a < space.size(); ++a) {
      if (blocks[a] < 1 || space[a] % blocks[a] != 0) {
        throw ShapeError({.what = "space cannot be cut into equal blocks",
                          .where = where,
                          .found = fmt::format("a grid {}", to_string(space)),
                          .expected = "a number that divides each size"});
      }
      space[a] /= blocks[a];
      axes[a].first += axes[a].spacing * static_cast<double>(blocks[a] - 1) / 2;
      axes[a].spacing *= static_cast<double>(blocks[a]);
    }
    return field.with_space(space, axes);
  }
  std::vector<std::int64_t> blocks_;
};

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

/// y = mean over space.
class Mean final : public StateLink {
 public:
  explicit Mean(const Field& field) : StateLink(field, field.with_space({1})) {}
  Tensor read(const Tensor& x) const override {
    return x.flatten(axis_of(field().first_space_axis()), -1).mean(-1, /*keepdim=*/true);
  }
  Tensor vjp(const Tensor&, const Tensor& v) const override {
    auto one = v.div(count(field().space()));
    while (one.dim() < v.dim() - 1 + std::ssize(field().space())) one = one.unsqueeze(-1);
    return one.expand(shape_for(v));
  }
  bool is_affine() const override { return true; }
  std::string describe() const override { return "mean over space"; }
};

/// ω = ∂v/∂x − ∂u/∂y of a velocity (u, v) on a periodic grid, by central differences: (x_{i+1} − x_{i−1}) / 2h. They
/// are antisymmetric, Dᵀ = −D, so that the VJP of w is (∂w/∂y, −∂w/∂x).
class Vorticity final : public StateLink {
 public:
  explicit Vorticity(const Field& field)
      : StateLink(field, rotation_of(field)), along_x_(field.axes.front().name == "x" ? 0 : 1) {}
  Tensor read(const Tensor& x) const override {
    const auto w = difference(x.select(-3, 1), along_x_);
    return w.sub_(difference(x.select(-3, 0), 1 - along_x_)).unsqueeze(-3);
  }
  Tensor vjp(const Tensor&, const Tensor& v) const override {
    const auto w = v.squeeze(-3);
    return at::stack({difference(w, 1 - along_x_), difference(w, along_x_).neg_()}, -3);
  }
  bool is_affine() const override { return true; }
  std::string describe() const override { return "vorticity"; }

 private:
  Tensor difference(const Tensor& x, std::int64_t axis) const {
    const double h = field().axes[static_cast<std::size_t>(axis)].spacing;
    return x.roll(-1, axis - 2).sub_(x.roll(1, axis - 2)).div_(2 * h);
  }
  static Field rotation_of(const Field& field) {
    const auto space = field.space();
    const bool is_velocity = field.has_components && field.sizes.size() == 3 && field.components() == 2;
    bool is_periodic = field.is_grid();
    for (std::size_t a = 0; a < field.axes.size(); ++a)
      is_periodic = is_periodic && field.axes[a].whole && space[a] > 2;
    if (!is_velocity || !is_periodic) {
      throw ShapeError({.what = "vorticity needs a velocity field on a whole periodic grid",
                        .where = "operator link vorticity",
                        .found = is_velocity ? "a grid that a link before has cut, or one too small"
                                             : "a field " + to_string(field.sizes),
                        .expected = "2 × y × x, at least 3 points along each",
                        .hint = is_velocity ? "" : "choose its two components before, {select = [0, 1]}"});
    }
    Field observation = field;
    observation.sizes.front() = 1;
    observation.names.clear();
    return observation;
  }
  std::int64_t along_x_;  ///< the axis of space named x; the last where none is
};

// What TOML says, as points and cuts -------------------------------------------------------------------------------

std::unique_ptr<StateLink> points(const OperatorLink& link, const Field& field, const Tensor& chosen,
                                  const std::string& description) {
  if (!chosen.any().item<bool>()) {
    refuse_numbers(link, "no point of the grid is left to read", "a grid with " + reach_of(field),
                   "at least one point");
  }
  return std::make_unique<Points>(field, chosen, description);
}

/// Coordinates along one axis, to be broadcast over space.
Tensor coordinates(const Field& field, std::size_t a) {
  const auto space = field.space();
  Shape shape(space.size(), 1);
  shape[a] = space[a];
  return (at::arange(space[a], at::kDouble) * field.axes[a].spacing + field.axes[a].first).view(shape);
}

std::unique_ptr<StateLink> circle(const OperatorLink& link, const Field& field) {
  require_axes(link, field, {"radius"});
  const double radius = numbers_of(link, "radius").front();
  if (!(radius > 0)) refuse_numbers(link, "a circle without extent", fmt::format("{}", radius), "a radius > 0");
  Tensor squares = at::zeros(field.space(), at::kDouble);
  std::vector<std::string> centre;
  for (std::size_t a = 0; a < field.axes.size(); ++a) {
    const auto& axis = field.axes[a];
    const auto at = numbers_of(link, axis.name);
    if (at.empty()) {
      refuse_numbers(link, "a circle without centre",
                     "none along " + (axis.name.empty() ? "an unnamed axis" : axis.name),
                     fmt::format("a number for each axis of space: {}", names_of_axes(field)));
    }
    squares = squares + (coordinates(field, a) - at.front()).square();
    centre.push_back(fmt::format("{} = {}", axis.name, at.front()));
  }
  const auto inside = squares.le(radius * radius * (1 + rounding));
  const bool outside = link.kind == "outside_circle";
  return points(
      link, field, outside ? inside.logical_not() : inside,
      fmt::format("points {} {} of ({})", outside ? "farther than" : "within", radius, fmt::join(centre, ", ")));
}

std::unique_ptr<StateLink> box(const OperatorLink& link, const Field& field) {
  require_axes(link, field, {});
  std::vector<Cut> cuts;
  std::vector<std::string> sides;
  auto inside = at::ones(field.space(), at::kBool);
  for (std::size_t a = 0; a < field.axes.size(); ++a) {
    const auto& axis = field.axes[a];
    const auto size = field.space()[a];
    const auto ends = axis.name.empty() ? std::vector<double>{} : numbers_of(link, axis.name);
    cuts.push_back({0, size, 1});
    if (ends.empty()) continue;
    if (!(ends[0] <= ends[1])) {
      refuse_numbers(link, "a side of a box does not ascend", fmt::format("{} = [{}, {}]", axis.name, ends[0], ends[1]),
                     "[from, to]");
    }
    const auto place = [&](double end) { return (end - axis.first) / axis.spacing; };
    const auto [from, to] = std::minmax({place(ends[0]), place(ends[1])});
    const double max = static_cast<double>(size);
    cuts.back().start = static_cast<std::int64_t>(std::clamp(std::ceil(from - rounding), 0.0, max));
    cuts.back().end = static_cast<std::int64_t>(std::clamp(std::floor(to + rounding) + 1, 0.0, max));
    if (cuts.back().start >= cuts.back().end) inside.zero_();
    const auto i = at::arange(size).view(coordinates(field, a).sizes());
    inside = inside.logical_and(i.ge(cuts.back().start)).logical_and(i.lt(cuts.back().end));
    sides.push_back(fmt::format("{} in [{}, {}]", axis.name, ends[0], ends[1]));
  }
  const auto where = fmt::format("{}", fmt::join(sides, ", "));
  if (link.kind == "outside_box") return points(link, field, inside.logical_not(), "points outside " + where);
  if (!inside.any().item<bool>()) return points(link, field, inside, "");
  return std::make_unique<SubGrid>(field, std::move(cuts), where);
}

/// The same points at all times: the first of a permutation of space.
std::unique_ptr<StateLink> random_points(const OperatorLink& link, const Field& field) {
  require_grid(link, field);
  const double share = numbers_of(link, "share").front(), seed = numbers_of(link, "seed").front();
  if (!(share > 0 && share <= 1)) {
    refuse_numbers(link, "not a share of the points", fmt::format("{}", share), "a number > 0 and ≤ 1");
  }
  if (seed < 0 || std::trunc(seed) != seed) {
    refuse_numbers(link, "not a seed", fmt::format("{}", seed), "an integer ≥ 0");
  }
  const auto all = count(field.space());
  const auto n = std::llround(share * static_cast<double>(all));
  const auto order =
      permutation(all, {.seed = static_cast<std::uint64_t>(seed), .purpose = Purpose::observation_points});
  auto chosen = at::zeros({all}, at::kBool);
  for (std::int64_t i = 0; i < n; ++i) chosen[order[static_cast<std::size_t>(i)]] = true;
  return points(link, field, chosen.view(field.space()),
                fmt::format("{} of {} points at random (seed {})", n, all, static_cast<std::uint64_t>(seed)));
}

std::unique_ptr<StateLink> every_point(const OperatorLink& link, const Field& field) {
  const auto steps = for_each_axis(link, field);
  std::vector<Cut> cuts;
  for (std::size_t a = 0; a < steps.size(); ++a) cuts.push_back({0, field.space()[a], steps[a]});
  return std::make_unique<SubGrid>(field, cuts, "every " + to_string(steps) + " point of the grid");
}

std::unique_ptr<StateLink> averages(const OperatorLink& link, const Field& field) {
  auto blocks = for_each_axis(link, field);
  if (link.kind == "coarsen_to") {
    for (std::size_t a = 0; a < blocks.size(); ++a) {
      const auto size = field.space()[a];
      blocks[a] = size % blocks[a] == 0 ? size / blocks[a] : 0;
    }
  }
  return std::make_unique<Coarsen>(field, std::move(blocks), place_of(link));
}

}  // namespace

std::unique_ptr<StateLink> make_space_link(const OperatorLink& link, const Field& field) {
  const auto& kind = link.kind;
  if (kind == "coarsen" || kind == "coarsen_to") return averages(link, field);
  if (kind == "grid_every") return every_point(link, field);
  if (kind == "random_points") return random_points(link, field);
  if (kind == "circle" || kind == "outside_circle") return circle(link, field);
  if (kind == "box" || kind == "outside_box") return box(link, field);
  if (kind == "mean") return std::make_unique<Mean>(field);
  if (kind == "vorticity") return std::make_unique<Vorticity>(field);
  return nullptr;
}

}  // namespace sda::observation
