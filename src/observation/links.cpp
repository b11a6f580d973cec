/// The links of observation operators: their names, arguments and help.
#include "observation/links.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "observation/expression.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::observation {

namespace {

std::vector<LinkKind>& all_kinds() {
  static std::vector<LinkKind> kinds{
      {"every", "n: the first state and each n-th after it", Arguments::one, true, 1},
      {"offset", "n: all states but the first n", Arguments::one, true, 0},
      {"first", "n: the first n states", Arguments::one, true, 1},
      {"last", "n: the last n states", Arguments::one, true, 1},
      {"times", "[i, ...]: the states named, ascending; negative ones count from the end", Arguments::list},
      {"physical", "true: physical instead of normalised units"},
      {"select", "[c, ...]: components, along the first axis of a state", Arguments::list, true, 0},
      {"coarsen", "n or [n, ...]: average of blocks of n points along each axis of space", Arguments::one_or_list, true,
       1},
      {"coarsen_to", "n or [n, ...]: the same, to a grid of n points along each axis", Arguments::one_or_list, true, 1},
      {"grid_every", "n or [n, ...]: the first and each n-th point of the grid, along each axis",
       Arguments::one_or_list, true, 1},
      {"random_points",
       "{share = a, seed = n}: that share of the points of the grid, drawn once",
       Arguments::table,
       false,
       0,
       {"share", "seed"}},
      {"box",
       "{x = [from, to], y = [from, to]}: the part of the grid within these coordinates",
       Arguments::table,
       false,
       -std::numeric_limits<double>::infinity(),
       {},
       2},
      {"outside_box",
       "the same: all points outside it",
       Arguments::table,
       false,
       -std::numeric_limits<double>::infinity(),
       {},
       2},
      {"circle",
       "{x = a, y = b, radius = r}: points at most r from (a, b), in the grid's coordinates",
       Arguments::table,
       false,
       -std::numeric_limits<double>::infinity(),
       {"radius"},
       1},
      {"outside_circle",
       "the same: all points farther away",
       Arguments::table,
       false,
       -std::numeric_limits<double>::infinity(),
       {"radius"},
       1},
      {"points",
       "{variable = [c, ...], x = [i, ...], y = [j, ...]}: so many points, counted from 0, between those of the grid "
       "by "
       "linear interpolation; with time = [t, ...] each has a time of its own, counted in states",
       Arguments::columns, false, 0},
      {"mean", "true: mean over the space that is left"},
      {"vorticity", "true: dv/dx - du/dy of a velocity (u, v) on a periodic grid"},
      {"expression", "\"sqrt(u^2 + v^2)\": a formula of the variables of a state, after physical", Arguments::text},
      {"torchscript", "\"FILE\": a module saved from Python whose forward(states) is what is read, after physical",
       Arguments::text},
      {"speed", "true: length of the vector of components at each point"},
      {"scale", "a: a x", Arguments::one, false},
      {"square", "true: x squared"},
      {"abs", "true: |x|"},
      {"saturate", "true: x / (1 + |x|)"},
  };
  return kinds;
}

}  // namespace

const std::vector<LinkKind>& link_kinds() {
  return all_kinds();
}

void add_link_kind(LinkKind kind) {
  for (const auto& known : all_kinds()) {
    if (known.name == kind.name) {
      throw UsageError({.what = "an operator link of this name is there already", .where = kind.name});
    }
  }
  all_kinds().push_back(std::move(kind));
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
                    .expected = fmt::format("{}", fmt::join(names, ", ")),
                    .hint = nearest.empty() ? "if it is of your own: --plugin FILE, which registers it"
                                            : fmt::format("did you mean {}?", nearest)});
}

namespace {

[[noreturn]] void refuse_link(const LinkKind& kind, const std::string& where, const std::string& found,
                              const std::string& expected) {
  throw UsageError({.what = fmt::format("bad value of operator link {}", kind.name),
                    .where = where,
                    .found = found,
                    .expected = expected});
}

/// The names of a table: those of the kind once each, and any number of axes with so many numbers as it takes.
void check_names(const LinkKind& kind, const OperatorLink& link, const std::string& where) {
  if (kind.arguments == Arguments::columns) {
    auto names = link.names;
    std::sort(names.begin(), names.end());
    if (std::adjacent_find(names.begin(), names.end()) != names.end())
      refuse_link(kind, where, "a name given twice", "each once");
    if (names.empty() || link.numbers.size() % names.size() != 0) {
      refuse_link(kind, where, fmt::format("{} numbers in {} lists", link.numbers.size(), names.size()),
                  "lists of one length: " + kind.help);
    }
    return;
  }
  if (kind.arguments != Arguments::table) {
    if (!link.names.empty()) refuse_link(kind, where, "a table", "numbers without names");
    return;
  }
  const auto given = [&](const std::string& name) { return std::count(link.names.begin(), link.names.end(), name); };
  if (link.names.size() != link.numbers.size()) {
    refuse_link(kind, where, fmt::format("{} names for {} numbers", link.names.size(), link.numbers.size()),
                "a name for each number");
  }
  for (const auto& name : kind.names) {
    if (given(name) != 1) refuse_link(kind, where, fmt::format("{} of {}", given(name), name), "one number " + name);
  }
  for (const auto& name : link.names) {
    if (std::find(kind.names.begin(), kind.names.end(), name) != kind.names.end()) continue;
    if (kind.for_axis == 0) refuse_link(kind, where, name, fmt::format("{}", fmt::join(kind.names, " and ")));
    if (given(name) != kind.for_axis) {
      refuse_link(kind, where, fmt::format("{} numbers for {}", given(name), name),
                  kind.for_axis == 1 ? "one number" : fmt::format("{} numbers", kind.for_axis));
    }
  }
}

}  // namespace

void check_link(const OperatorLink& link, const std::string& where) {
  const auto& kind = find_kind(link.kind, where);
  const auto n = link.numbers.size();
  const auto refuse = [&](const std::string& found, const std::string& expected) {
    refuse_link(kind, where, found, expected);
  };
  if (kind.arguments == Arguments::text) {
    if (link.text.empty() || n != 0) refuse(link.text.empty() ? "nothing" : "numbers", kind.help);
    if (kind.name == "expression") parse_expression(link.text);
    return;
  }
  if (!link.text.empty()) refuse("a text", kind.help);
  if (kind.arguments == Arguments::none && n != 0) refuse(fmt::format("{}", fmt::join(link.numbers, ", ")), "true");
  if (kind.arguments == Arguments::one && n != 1) refuse(fmt::format("{} numbers", n), "one number");
  const bool is_list = kind.arguments == Arguments::list || kind.arguments == Arguments::one_or_list;
  if (is_list && n == 0) refuse("an empty list", "at least one number");
  if (kind.arguments == Arguments::table && n == 0) refuse("an empty table", kind.help);
  check_names(kind, link, where);
  for (const auto number : link.numbers) {
    constexpr double exact_integers = 9007199254740992.0;  // 2⁵³
    const bool integer = std::trunc(number) == number && std::abs(number) < exact_integers;
    if (!std::isfinite(number) || (kind.whole && !integer) || number < kind.min) {
      const std::string noun = kind.whole ? "an integer" : "a finite number";
      refuse(fmt::format("{}", number),
             std::isfinite(kind.min) ? fmt::format("{} of at least {}", noun, kind.min) : noun);
    }
  }
}

std::vector<std::int64_t> integers(const std::vector<double>& numbers) {
  return {numbers.begin(), numbers.end()};
}

Tensor vjp_by_autograd(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& v) {
  c10::InferenceMode ordinary(false);
  at::AutoGradMode enabled(true);
  const Tensor from = (x.is_inference() ? x.clone() : x.detach()).requires_grad_();
  const Tensor cotangent = v.is_inference() ? v.clone() : v;
  const Tensor g = torch::autograd::grad({f(from)}, {from}, {cotangent}).front();
  return g.masked_fill(g.isnan(), 0);
}

namespace {

/// The leading axes of x, whose last ones are `inner`, with `other` behind them.
Shape leading_with(const Tensor& x, const Shape& inner, const Shape& other) {
  Shape shape = x.sizes().slice(0, static_cast<std::size_t>(x.dim()) - inner.size()).vec();
  shape.insert(shape.end(), other.begin(), other.end());
  return shape;
}

}  // namespace

Shape StateLink::shape_for(const Tensor& v) const {
  return leading_with(v, observation_.sizes, field_.sizes);
}

Shape StateLink::observation_shape_for(const Tensor& x) const {
  return leading_with(x, field_.sizes, observation_.sizes);
}

}  // namespace sda::observation
