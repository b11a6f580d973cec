/// The link of formulas: y = the formula at each point, one component; one point where all that is read of space are
/// means.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/differences.hpp"
#include "observation/operators/formula.hpp"
#include "observation/operators/kinds.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::observation {
namespace {

/// How far a value reaches: a number is the same for all states, a point has no space, a field is of all points.
enum class Reach { number, point, field };
/// How it depends on the state.
enum class Degree { constant, linear, affine, curved };
struct Nature {
  Reach reach = Reach::number;
  Degree degree = Degree::constant;
};

Degree degree_of_sum(Degree a, Degree b) {
  if (a == b) return a;
  return std::max({a, b, Degree::affine});  // a number beside something linear, or more
}

Degree degree_of_product(Degree a, Degree b) {
  if (a == Degree::constant) return b;
  return b == Degree::constant ? a : Degree::curved;
}

/// A formula over the components of one field: what it is, and its value.
class Formula {
 public:
  Formula(std::string text, const Field& field)
      : text_(std::move(text)), field_(field), tree_(parse_expression(text_)) {
    nature_ = nature_of(tree_);
    if (nature_.reach == Reach::number) refuse_formula(text_, 0, "a formula of no variable", variables_in_words());
  }

  const std::string& text() const { return text_; }
  const Nature& nature() const { return nature_; }
  /// x (…, field) → (…, space), or (…, 1 for each axis) where the formula is a point.
  Tensor value(const Tensor& x) const { return value_of(tree_, x); }

 private:
  using Kind = Expression::Kind;
  bool has_space() const { return !field_.has_components || field_.sizes.size() > 1; }

  std::string variables_in_words() const {
    if (field_.names.empty()) return "an expression before links that leave no variables";
    return fmt::format("one of {}", fmt::join(field_.names, ", "));
  }

  std::size_t component_of(const Expression& variable) const {
    const auto& names = field_.names;
    const auto found = std::find(names.begin(), names.end(), variable.name);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    const auto nearest = nearest_name(variable.name, names);
    refuse_formula(text_, variable.at, "no such variable", variables_in_words(),
                   nearest.empty() ? "" : "did you mean " + nearest + "?");
  }

  Nature nature_of(const Expression& e) const {
    if (e.kind == Kind::number) return {};
    if (e.kind == Kind::variable) {
      component_of(e);
      return {has_space() ? Reach::field : Reach::point, Degree::linear};
    }
    std::vector<Nature> parts;
    for (const auto& argument : e.arguments) parts.push_back(nature_of(argument));
    Nature all = parts.front();
    for (const auto& part : parts) all.reach = std::max(all.reach, part.reach);
    if (e.kind == Kind::negate) return all;
    if (e.kind == Kind::call) return nature_of_call(e, parts, all.reach);
    const Degree left = parts[0].degree, right = parts[1].degree;
    const bool is_constant = left == Degree::constant && right == Degree::constant;
    if (e.kind == Kind::add || e.kind == Kind::subtract) {
      all.degree = degree_of_sum(left, right);
    } else if (e.kind == Kind::multiply) {
      all.degree = degree_of_product(left, right);
    } else if (e.kind == Kind::divide) {
      all.degree = right == Degree::constant ? left : Degree::curved;
    } else {
      all.degree = is_constant ? Degree::constant : Degree::curved;
    }
    return all;
  }

  Nature nature_of_call(const Expression& call, const std::vector<Nature>& parts, Reach reach) const {
    const Function& function = *find_function(call.name);
    Nature all{reach, parts.front().degree};
    for (const auto& part : parts) all.degree = degree_of_sum(all.degree, part.degree);
    if (function.averages || function.differentiates()) {
      const bool fields =
          std::all_of(parts.begin(), parts.end(), [](const Nature& p) { return p.reach == Reach::field; });
      if (!fields) refuse_formula(text_, call.at, call.name + " of what is no field", "variables that have space");
    }
    if (function.differentiates()) {
      for (const auto axis : axes_of(call)) require_derivative(call, axis);
    }
    if (function.averages) all.reach = Reach::point;
    if (!function.is_linear && all.degree != Degree::constant) all.degree = Degree::curved;
    return all;
  }

  /// Axes of space that a derivative goes along: x and y of curl and div, which are the last and the one before it
  /// where no names say so.
  std::vector<std::size_t> axes_of(const Expression& call) const {
    const auto& axes = field_.axes;
    const auto name = axis_of_derivative(call.name);
    if (!name) {
      if (axes.size() != 2)
        refuse_formula(text_, call.at, call.name + " of what is no field on a plane", "two axes of space");
      return axes.front().is_x() ? std::vector<std::size_t>{0, 1} : std::vector<std::size_t>{1, 0};
    }
    std::vector<std::string> known;
    for (std::size_t a = 0; a < axes.size(); ++a) {
      if (axes[a].name() == name) return {a};
      known.push_back(derivative_along(axes[a].name()));
    }
    const auto nearest = nearest_name(call.name, known);
    refuse_formula(text_, call.at, "no such axis of space", fmt::format("one of {}", fmt::join(known, ", ")),
                   nearest.empty() ? "" : "did you mean " + nearest + "?");
  }

  void require_derivative(const Expression& call, std::size_t axis) const {
    const bool is_whole = field_.is_grid() && field_.axes[axis].is_whole() && field_.space()[axis] > 2;
    if (is_whole && field_.axes[axis].is_ordered()) return;
    if (!is_whole) {
      refuse_formula(text_, call.at, call.name + " on a grid that a link before has cut, or one too small",
                     "a whole grid, at least 3 points along each axis");
    }
    refuse_formula(text_, call.at, call.name + " along coordinates in no order", "coordinates that ascend or descend");
  }

  Tensor derivative(const Tensor& f, std::size_t axis) const {
    const auto dimension = static_cast<std::int64_t>(axis) - std::ssize(field_.axes);
    return AxisDerivative(field_.axes[axis])(f, dimension);
  }

  Tensor value_of(const Expression& e, const Tensor& x) const {
    if (e.kind == Kind::number) return at::scalar_tensor(e.number, at::TensorOptions(at::kDouble).device(x.device()));
    if (e.kind == Kind::variable) {
      const auto component = static_cast<std::int64_t>(component_of(e));
      return field_.has_components ? x.select(-std::ssize(field_.sizes), component) : x;
    }
    // u² by its own rule, which is that of a product.
    if (e.kind == Kind::power && e.arguments[1].kind == Kind::number)
      return value_of(e.arguments[0], x).pow(e.arguments[1].number);
    std::vector<Tensor> parts;
    for (const auto& argument : e.arguments) parts.push_back(value_of(argument, x));
    switch (e.kind) {
      case Kind::negate:
        return -parts[0];
      case Kind::add:
        return parts[0] + parts[1];
      case Kind::subtract:
        return parts[0] - parts[1];
      case Kind::multiply:
        return parts[0] * parts[1];
      case Kind::divide:
        return parts[0] / parts[1];
      case Kind::power:
        return at::pow(parts[0], parts[1]);
      default:
        return value_of_call(e, parts);
    }
  }

  Tensor value_of_call(const Expression& call, const std::vector<Tensor>& parts) const {
    const Function& function = *find_function(call.name);
    if (function.of_values) return function.of_values(parts);
    if (function.averages) {
      return mean_over_space(field_, parts[0]);
    }
    const auto axes = axes_of(call);
    return function.of_derivatives(parts, [&](const Tensor& f, std::size_t k) { return derivative(f, axes[k]); });
  }

  std::string text_;
  Field field_;
  Expression tree_;
  Nature nature_;
};

class ExpressionLink final : public StateLink {
 public:
  explicit ExpressionLink(const Field& field, Formula formula)
      : StateLink(field, observation_of(field, formula.nature())), formula_(std::move(formula)) {}

  Tensor read(const Tensor& x) const override { return formula_.value(x).reshape(observation_shape_for(x)); }

  Tensor vjp(const Tensor& x, const Tensor& v) const override {
    // Of what is affine the derivative is everywhere the same.
    return vjp_by_autograd([this](const Tensor& from) { return read(from); }, is_affine() ? zeros_for(v) : x, v);
  }

  bool is_affine() const override { return formula_.nature().degree <= Degree::affine; }
  bool is_linear() const override { return formula_.nature().degree <= Degree::linear; }
  std::string describe() const override { return formula_.text(); }

 private:
  static Field observation_of(const Field& field, const Nature& nature) {
    Field observation = field;
    observation.names.clear();
    if (field.has_components) observation.sizes.front() = 1;
    const bool has_space = !field.has_components || field.sizes.size() > 1;
    return has_space && nature.reach == Reach::point ? observation.with_space({1}) : observation;
  }

  Formula formula_;
};

MadeLink make_expression(const LinkSite& site) {
  require_physical(site, "a formula");
  return std::make_unique<ExpressionLink>(site.field, Formula(site.link.text, site.field));
}

}  // namespace

std::vector<LinkKind> expression_links() {
  return {{.name = "expression",
           .help = "\"sqrt(u^2 + v^2)\": a formula of the variables of a state, after physical",
           .value = takes::text(),
           .make = make_expression,
           .example = {{{"physical", {}}, {"expression", {}, {}, "max(v0, v1) * tanh(v2)"}}},
           .check = [](const OperatorLink& link) { parse_expression(link.text); }}};
}

}  // namespace sda::observation
