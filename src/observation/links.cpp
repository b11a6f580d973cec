/// The links of observation operators: their formulas, pull-backs, arguments and names.
#include "observation/links.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::observation {
namespace {

std::vector<std::int64_t> integers(const std::vector<double>& numbers) {
  return {numbers.begin(), numbers.end()};
}

std::string ordinal(std::int64_t n) {
  const bool teen = n % 100 / 10 == 1;
  const char* suffix = teen ? "th" : n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
  return fmt::format("{}{}", n, suffix);
}

// Links of time ----------------------------------------------------------------------------------------------------

class Every final : public TimeLink {
 public:
  explicit Every(std::int64_t n) : n_(n) {}
  std::vector<std::int64_t> choose(const std::vector<std::int64_t>& states) const override {
    std::vector<std::int64_t> chosen;
    for (std::size_t i = 0; i < states.size(); i += static_cast<std::size_t>(n_)) chosen.push_back(states[i]);
    return chosen;
  }
  std::string describe() const override { return n_ == 1 ? "every state" : fmt::format("every {} state", ordinal(n_)); }

 private:
  std::int64_t n_;
};

class Offset final : public TimeLink {
 public:
  explicit Offset(std::int64_t n) : n_(n) {}
  std::vector<std::int64_t> choose(const std::vector<std::int64_t>& states) const override {
    const auto left = std::ssize(states);
    if (n_ >= left) {
      throw ShapeError({.what = "an operator leaves out every state",
                        .where = fmt::format("operator link offset = {}", n_),
                        .found = fmt::format("{} states to choose from", left),
                        .wanted = fmt::format("more than {}", n_)});
    }
    return {states.begin() + n_, states.end()};
  }
  std::string describe() const override { return fmt::format("all states but the first {}", n_); }

 private:
  std::int64_t n_;
};

class Times final : public TimeLink {
 public:
  explicit Times(std::vector<std::int64_t> indices) : indices_(std::move(indices)) {}
  std::vector<std::int64_t> choose(const std::vector<std::int64_t>& states) const override {
    const auto left = std::ssize(states);
    std::vector<std::int64_t> chosen;
    for (const auto index : indices_) {
      const auto i = index < 0 ? index + left : index;
      if (i < 0 || i >= left) {
        throw ShapeError({.what = "an operator reads a state that is not there",
                          .where = where(),
                          .found = fmt::format("index {} among {} states", index, left),
                          .wanted = fmt::format("{} … {}", -left, left - 1)});
      }
      const auto state = states[static_cast<std::size_t>(i)];
      if (!chosen.empty() && state <= chosen.back()) {
        throw ShapeError({.what = "an operator's times do not ascend",
                          .where = where(),
                          .found = fmt::format("state {} after state {}", state, chosen.back()),
                          .wanted = "ascending states, each once, where negative indices count from the end"});
      }
      chosen.push_back(state);
    }
    return chosen;
  }
  std::string describe() const override {
    return fmt::format("state{} {}", indices_.size() == 1 ? "" : "s", fmt::join(indices_, ", "));
  }

 private:
  std::string where() const { return fmt::format("operator link times = [{}]", fmt::join(indices_, ", ")); }
  std::vector<std::int64_t> indices_;
};

// Links of state ---------------------------------------------------------------------------------------------------

/// y = (x_c for c in components), along the event's first axis.
class Select final : public StateLink {
 public:
  explicit Select(std::vector<std::int64_t> components) : components_(std::move(components)) {}
  Tensor read(const Tensor& x) const override { return x.index_select(1, index(x)); }
  Tensor pull_back(const Tensor& x, const Tensor& v) const override {
    // Added, not copied: a component may be read more than once.
    return at::zeros_like(x).index_add_(1, index(x), v);
  }
  Shape reading_shape(at::IntArrayRef event) const override {
    const auto components = event.empty() ? 0 : event.front();
    for (const auto c : components_) {
      if (c >= components) {
        throw ShapeError(
            {.what = "an operator selects a component that is not there",
             .where = fmt::format("operator link select = [{}]", fmt::join(components_, ", ")),
             .found = fmt::format("component {} of an event {}", c, to_string(event)),
             .wanted = components == 0 ? "an event of at least one axis" : fmt::format("0 … {}", components - 1)});
      }
    }
    Shape shape(event.begin(), event.end());
    shape.front() = std::ssize(components_);
    return shape;
  }
  bool is_affine() const override { return true; }
  std::string describe() const override {
    return fmt::format("component{} {}", components_.size() == 1 ? "" : "s", fmt::join(components_, ", "));
  }

 private:
  Tensor index(const Tensor& x) const { return at::tensor(components_, at::kLong).to(x.device()); }
  std::vector<std::int64_t> components_;
};

/// y = mean over blocks of n along each axis of space.
class Coarsen final : public StateLink {
 public:
  explicit Coarsen(std::int64_t n) : n_(n) {}
  Tensor read(const Tensor& x) const override {
    auto y = x;
    for (auto axis = first_space_axis(x.sizes().slice(1)) + 1; axis < x.dim(); ++axis) {
      y = y.unflatten(axis, {y.size(axis) / n_, n_}).mean(axis + 1);
    }
    return y;
  }
  Tensor pull_back(const Tensor& x, const Tensor& v) const override {
    auto g = v;
    for (auto axis = first_space_axis(x.sizes().slice(1)) + 1; axis < x.dim(); ++axis) {
      g = g.repeat_interleave(n_, axis).div(n_);
    }
    return g;
  }
  Shape reading_shape(at::IntArrayRef event) const override {
    Shape shape(event.begin(), event.end());
    for (auto axis = static_cast<std::size_t>(first_space_axis(event)); axis < shape.size(); ++axis) {
      if (shape[axis] % n_ != 0) {
        throw ShapeError({.what = "space cannot be cut into blocks",
                          .where = fmt::format("operator link coarsen = {}", n_),
                          .found = fmt::format("an event {}", to_string(event)),
                          .wanted = fmt::format("sizes of space that {} divides", n_)});
      }
      shape[axis] /= n_;
    }
    return shape;
  }
  bool is_affine() const override { return true; }
  std::string describe() const override { return fmt::format("average of blocks of {}", n_); }

 private:
  static std::int64_t first_space_axis(at::IntArrayRef event) { return event.size() > 1 ? 1 : 0; }
  std::int64_t n_;
};

/// y = std x + mean: normalised → physical.
class Physical final : public StateLink {
 public:
  explicit Physical(Normalisation normalisation)
      : normalisation_(std::move(normalisation)), shifts_(normalisation_.mean.ne(0).any().item<bool>()) {}
  Tensor read(const Tensor& x) const override { return normalisation_.denormalise(x); }
  Tensor pull_back(const Tensor& x, const Tensor& v) const override { return v * normalisation_.std.to(x.options()); }
  Shape reading_shape(at::IntArrayRef event) const override {
    const auto std = normalisation_.std.sizes();
    bool fits = std.size() == event.size();
    for (std::size_t axis = 0; fits && axis < event.size(); ++axis) fits = std[axis] == event[axis] || std[axis] == 1;
    if (!fits) {
      throw ShapeError({.what = "the normalisation does not fit the event",
                        .where = "operator link physical",
                        .found = fmt::format("a normalisation {}", to_string(std)),
                        .wanted = to_string(event)});
    }
    return {event.begin(), event.end()};
  }
  bool is_affine() const override { return true; }
  bool is_linear() const override { return !shifts_; }
  std::string describe() const override { return "physical units"; }

 private:
  Normalisation normalisation_;
  bool shifts_;
};

/// y = f(x), element by element.
class Elementwise : public StateLink {
 public:
  Shape reading_shape(at::IntArrayRef event) const override { return {event.begin(), event.end()}; }
  bool is_affine() const override { return false; }
};

class Scale final : public Elementwise {
 public:
  explicit Scale(double a) : a_(a) {}
  Tensor read(const Tensor& x) const override { return x * a_; }
  Tensor pull_back(const Tensor&, const Tensor& v) const override { return v * a_; }
  bool is_affine() const override { return true; }
  std::string describe() const override { return fmt::format("times {}", a_); }

 private:
  double a_;
};

class Square final : public Elementwise {
 public:
  Tensor read(const Tensor& x) const override { return x.square(); }
  Tensor pull_back(const Tensor& x, const Tensor& v) const override { return 2 * x * v; }
  std::string describe() const override { return "square"; }
};

class Absolute final : public Elementwise {
 public:
  Tensor read(const Tensor& x) const override { return x.abs(); }
  Tensor pull_back(const Tensor& x, const Tensor& v) const override { return x.sign() * v; }
  std::string describe() const override { return "absolute value"; }
};

/// y = x / (1 + |x|), dy/dx = 1 / (1 + |x|)².
class Saturate final : public Elementwise {
 public:
  Tensor read(const Tensor& x) const override { return x / (1 + x.abs()); }
  Tensor pull_back(const Tensor& x, const Tensor& v) const override { return v / (1 + x.abs()).square(); }
  std::string describe() const override { return "x / (1 + |x|)"; }
};

}  // namespace

const std::vector<LinkKind>& link_kinds() {
  static const std::vector<LinkKind> kinds{
      {"every", "n: the first state and each n-th after it", Arguments::one, true, 1},
      {"offset", "n: all states but the first n", Arguments::one, true, 0},
      {"times", "[i, ...]: the states named, ascending; negative ones count from the end", Arguments::list},
      {"physical", "true: physical instead of normalised units"},
      {"select", "[c, ...]: components, along the first axis of a state", Arguments::list, true, 0},
      {"coarsen", "n: average of blocks of n along each axis of space", Arguments::one, true, 1},
      {"scale", "a: a x", Arguments::one, false},
      {"square", "true: x squared"},
      {"abs", "true: |x|"},
      {"saturate", "true: x / (1 + |x|)"},
  };
  return kinds;
}

const LinkKind& find_kind(const std::string& name, const std::string& where) {
  const auto& kinds = link_kinds();
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const LinkKind& k) { return k.name == name; });
  if (kind != kinds.end()) return *kind;
  std::vector<std::string> names;
  for (const auto& k : kinds) names.push_back(k.name);
  const auto nearest = nearest_name(name, names);
  throw UsageError({.what = "unknown kind of operator link",
                    .where = where,
                    .found = name,
                    .wanted = fmt::format("{}", fmt::join(names, ", ")),
                    .mend = nearest.empty() ? "" : fmt::format("did you mean {}?", nearest)});
}

void check_link(const OperatorLink& link, const std::string& where) {
  const auto& kind = find_kind(link.kind, where);
  const auto n = link.numbers.size();
  const auto refuse = [&](const std::string& found, const std::string& wanted) {
    throw UsageError({.what = fmt::format("bad value of operator link {}", kind.name),
                      .where = where,
                      .found = found,
                      .wanted = wanted});
  };
  if (kind.arguments == Arguments::none && n != 0) refuse(fmt::format("{}", fmt::join(link.numbers, ", ")), "true");
  if (kind.arguments == Arguments::one && n != 1) refuse(fmt::format("{} numbers", n), "one number");
  if (kind.arguments == Arguments::list && n == 0) refuse("an empty list", "at least one number");
  for (const auto number : link.numbers) {
    constexpr double exact_integers = 9007199254740992.0;  // 2⁵³
    const bool integer = std::trunc(number) == number && std::abs(number) < exact_integers;
    if (!std::isfinite(number) || (kind.whole && !integer) || number < kind.least) {
      const std::string noun = kind.whole ? "an integer" : "a finite number";
      refuse(fmt::format("{}", number),
             std::isfinite(kind.least) ? fmt::format("{} of at least {}", noun, kind.least) : noun);
    }
  }
}

std::unique_ptr<TimeLink> make_time_link(const OperatorLink& link) {
  const auto numbers = link.kind == "scale" ? std::vector<std::int64_t>{} : integers(link.numbers);
  if (link.kind == "every") return std::make_unique<Every>(numbers.front());
  if (link.kind == "offset") return std::make_unique<Offset>(numbers.front());
  if (link.kind == "times") return std::make_unique<Times>(numbers);
  return nullptr;
}

std::unique_ptr<StateLink> make_state_link(const OperatorLink& link, const Normalisation& normalisation) {
  if (link.kind == "physical") return std::make_unique<Physical>(normalisation);
  if (link.kind == "scale") return std::make_unique<Scale>(link.numbers.front());
  if (link.kind == "square") return std::make_unique<Square>();
  if (link.kind == "abs") return std::make_unique<Absolute>();
  if (link.kind == "saturate") return std::make_unique<Saturate>();
  const auto numbers = integers(link.numbers);
  if (link.kind == "coarsen") return std::make_unique<Coarsen>(numbers.front());
  return std::make_unique<Select>(numbers);
}

}  // namespace sda::observation
