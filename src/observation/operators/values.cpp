/// Links of values: components, units, and functions of each value or of the components at one point.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <numeric>

#include "observation/operators/kinds.hpp"
#include "sda/core/error.hpp"

namespace sda::observation {
namespace {

/// y = (x_c for c in components), along the first axis.
class Select final : public StateLink {
 public:
  Select(const Field& field, std::vector<std::int64_t> components)
      : StateLink(field, selected(field, components)), components_(std::move(components)) {}
  Tensor read(const Tensor& x) const override { return x.index_select(axis_of(0), index(x)); }
  Tensor vjp(const Tensor&, const Tensor& v) const override {
    // Added, not copied: a component may be read more than once.
    return zeros_for(v).index_add_(axis_of(0), index(v), v);
  }
  bool is_affine() const override { return true; }
  std::string describe() const override {
    return fmt::format("component{} {}", components_.size() == 1 ? "" : "s", fmt::join(components_, ", "));
  }

 private:
  static Field selected(const Field& field, const std::vector<std::int64_t>& components) {
    for (const auto c : components) {
      if (c >= field.sizes.front()) {
        throw ShapeError({.what = "an operator selects a component that is not there",
                          .where = fmt::format("operator link select = [{}]", fmt::join(components, ", ")),
                          .found = fmt::format("component {} of {}", c, to_string(field.sizes)),
                          .expected = fmt::format("0 … {}", field.sizes.front() - 1)});
      }
    }
    Field observation = field;
    observation.sizes.front() = std::ssize(components);
    if (field.has_components && !field.names.empty()) {
      observation.names.clear();
      for (const auto c : components) observation.names.push_back(field.names[static_cast<std::size_t>(c)]);
    }
    // Points chosen one by one, where the first axis is space too, lie on a line of their own.
    if (field.first_space_axis() == 0 && field.is_grid()) {
      std::vector<std::int64_t> all(components.size());
      std::iota(all.begin(), all.end(), 0);
      observation.axes.front() = Axis("", std::ssize(all), 0.5, 1).picked(all, /*is_whole=*/false);
      if (field.areas.defined()) observation.areas = field.areas.index_select(0, at::tensor(components, at::kLong));
      observation.curvilinear.reset();
    }
    return observation;
  }
  Tensor index(const Tensor& x) const { return at::tensor(components_, at::kLong).to(x.device()); }
  std::vector<std::int64_t> components_;
};

/// y = std x + mean: normalised → physical.
class Physical final : public StateLink {
 public:
  Physical(const Field& field, Normalisation normalisation)
      : StateLink(field, in_physical_units(field)),
        normalisation_(std::move(normalisation)),
        shifts_(normalisation_.mean.ne(0).any().item<bool>()),
        stretches_(normalisation_.std.ne(1).any().item<bool>()) {
    const auto std = normalisation_.std.sizes();
    bool fits = std.size() == field.sizes.size();
    for (std::size_t axis = 0; fits && axis < std.size(); ++axis) {
      fits = std[axis] == field.sizes[axis] || std[axis] == 1;
    }
    if (!fits) {
      throw ShapeError({.what = "the normalisation does not fit the event",
                        .where = "operator link physical",
                        .found = fmt::format("a normalisation {}", to_string(std)),
                        .expected = to_string(field.sizes)});
    }
  }
  Tensor read(const Tensor& x) const override { return shifts_ || stretches_ ? normalisation_.denormalise(x) : x; }
  Tensor vjp(const Tensor&, const Tensor& v) const override {
    return stretches_ ? v * normalisation_.std.to(v.options()) : v;
  }
  bool is_affine() const override { return true; }
  bool is_linear() const override { return !shifts_; }
  std::string describe() const override { return "physical units"; }

 private:
  static Field in_physical_units(Field field) {
    field.is_physical = true;
    return field;
  }
  Normalisation normalisation_;
  bool shifts_, stretches_;
};

/// y = f(x), element by element.
class Elementwise : public StateLink {
 public:
  explicit Elementwise(const Field& field) : StateLink(field, field) {}
  bool is_affine() const override { return false; }
};

class Scale final : public Elementwise {
 public:
  Scale(const Field& field, double a) : Elementwise(field), a_(a) {}
  Tensor read(const Tensor& x) const override { return x * a_; }
  Tensor vjp(const Tensor&, const Tensor& v) const override { return v * a_; }
  bool is_affine() const override { return true; }
  std::string describe() const override { return fmt::format("times {}", a_); }

 private:
  double a_;
};

class Square final : public Elementwise {
 public:
  using Elementwise::Elementwise;
  Tensor read(const Tensor& x) const override { return x.square(); }
  Tensor vjp(const Tensor& x, const Tensor& v) const override { return 2 * x * v; }
  std::string describe() const override { return "square"; }
};

class Absolute final : public Elementwise {
 public:
  using Elementwise::Elementwise;
  Tensor read(const Tensor& x) const override { return x.abs(); }
  Tensor vjp(const Tensor& x, const Tensor& v) const override { return x.sign() * v; }
  std::string describe() const override { return "absolute value"; }
};

/// y = x / (1 + |x|), dy/dx = 1 / (1 + |x|)².
class Saturate final : public Elementwise {
 public:
  using Elementwise::Elementwise;
  Tensor read(const Tensor& x) const override { return x / (1 + x.abs()); }
  Tensor vjp(const Tensor& x, const Tensor& v) const override { return v / (1 + x.abs()).square(); }
  std::string describe() const override { return "x / (1 + |x|)"; }
};

/// y = ‖x‖ over the components at each point, dy/dx = x / ‖x‖ (0 where x = 0).
class Speed final : public StateLink {
 public:
  explicit Speed(const Field& field) : StateLink(field, length_of(field)) {}
  Tensor read(const Tensor& x) const override { return x.norm(2, {axis_of(0)}, /*keepdim=*/true); }
  Tensor vjp(const Tensor& x, const Tensor& v) const override {
    const Tensor speed = read(x);
    return x * (v / speed.masked_fill(speed.eq(0), 1));
  }
  bool is_affine() const override { return false; }
  std::string describe() const override { return "speed"; }

 private:
  static Field length_of(const Field& field) {
    if (field.components() < 2) {
      throw ShapeError({.what = "speed needs the components of a velocity",
                        .where = "operator link speed",
                        .found = "one component of " + to_string(field.sizes),
                        .expected = "at least 2 components along the first axis"});
    }
    Field observation = field;
    observation.sizes.front() = 1;
    observation.names.clear();
    return observation;
  }
};

MadeLink make_physical(const LinkSite& site) {
  if (site.before != nullptr) {
    throw UsageError({.what = "a normalised observation cannot be made physical",
                      .where = site.where,
                      .found = fmt::format("physical after \"{}\"", site.before->describe()),
                      .expected = "physical before every link that changes what is read"});
  }
  return std::make_unique<Physical>(site.field, site.normalisation);
}

}  // namespace

std::vector<LinkKind> value_links() {
  return {
      {.name = "physical",
       .help = "true: physical instead of normalised units",
       .make = make_physical,
       .example = {{{"physical", {}}}}},
      {.name = "select",
       .help = "[c, ...]: components, along the first axis of a state",
       .value = takes::integers(0),
       .make = [](const LinkSite& site) { return std::make_unique<Select>(site.field, site.integers()); },
       .example = {{{"select", {2, 0}}}}},
      {.name = "scale",
       .help = "a: a x",
       .value = takes::number(),
       .make = [](const LinkSite& site) { return std::make_unique<Scale>(site.field, site.number()); },
       .example = {{{"scale", {-2.5}}}}},
      {.name = "square", .help = "true: x squared", .make = of_field<Square>, .example = {{{"square", {}}}}},
      {.name = "abs", .help = "true: |x|", .make = of_field<Absolute>, .example = {{{"abs", {}}}}},
      {.name = "saturate", .help = "true: x / (1 + |x|)", .make = of_field<Saturate>, .example = {{{"saturate", {}}}}},
      {.name = "speed",
       .help = "true: length of the vector of components at each point",
       .make = of_field<Speed>,
       .example = {{{"speed", {}}}, {2, 4, 6}}},
  };
}

}  // namespace sda::observation
