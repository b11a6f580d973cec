/// A recursive-descent parser, one function for each rule of the grammar, and the tree's values by libtorch.
#include "observation/expression.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>

#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::observation {
namespace {

constexpr const char* derivative_prefix = "grad_";

/// The text with a caret where it is wrong.
[[noreturn]] void refuse_formula(const std::string& text, std::size_t at, const std::string& what,
                                 const std::string& expected, const std::string& hint = "") {
  throw UsageError({.what = what,
                    .where = fmt::format("operator link expression, character {}", at + 1),
                    .found = text.substr(0, at) + "‸" + text.substr(at),
                    .expected = expected,
                    .hint = hint});
}

/// What a function does to values, and what it asks for.
struct Function {
  std::size_t arguments = 1;
  bool is_linear = false, differentiates = false, averages = false;
  std::function<Tensor(const std::vector<Tensor>&)> of_values{};  ///< of those that look at each point alone
};

using Values = std::vector<Tensor>;

const std::map<std::string, Function>& functions() {
  static const std::map<std::string, Function> all{
      {"abs", {.of_values = [](const Values& v) { return v[0].abs(); }}},
      {"cos", {.of_values = [](const Values& v) { return v[0].cos(); }}},
      {"exp", {.of_values = [](const Values& v) { return v[0].exp(); }}},
      {"log", {.of_values = [](const Values& v) { return v[0].log(); }}},
      {"sin", {.of_values = [](const Values& v) { return v[0].sin(); }}},
      {"sqrt", {.of_values = [](const Values& v) { return v[0].sqrt(); }}},
      {"tanh", {.of_values = [](const Values& v) { return v[0].tanh(); }}},
      {"max", {.arguments = 2, .of_values = [](const Values& v) { return at::maximum(v[0], v[1]); }}},
      {"min", {.arguments = 2, .of_values = [](const Values& v) { return at::minimum(v[0], v[1]); }}},
      {"mean", {.is_linear = true, .averages = true}},
      {"curl", {.arguments = 2, .is_linear = true, .differentiates = true}},
      {"div", {.arguments = 2, .is_linear = true, .differentiates = true}}};
  return all;
}

/// Null where there is none; those that differentiate along one axis carry its name.
const Function* find_function(const std::string& name) {
  static const Function derivative{.is_linear = true, .differentiates = true};
  if (name.starts_with(derivative_prefix)) return &derivative;
  const auto found = functions().find(name);
  return found == functions().end() ? nullptr : &found->second;
}

class FormulaParser {
 public:
  explicit FormulaParser(const std::string& text) : text_(text) {}

  Expression parse() {
    constexpr std::size_t longest = 2000;
    if (text_.size() > longest) {
      throw UsageError({.what = "a formula is too long",
                        .where = "operator link expression",
                        .found = fmt::format("{} characters", text_.size()),
                        .expected = fmt::format("at most {}", longest)});
    }
    Expression all = expression();
    if (at_ < text_.size()) refuse("an operator + - * / ^ or the end");
    return all;
  }

 private:
  using Kind = Expression::Kind;

  Expression expression() {
    const Depth deeper(*this);
    Expression sum = term();
    for (;;) {
      const auto at = at_;
      if (take('+')) {
        sum = joined(Kind::add, at, std::move(sum), term());
      } else if (take('-')) {
        sum = joined(Kind::subtract, at, std::move(sum), term());
      } else {
        return sum;
      }
    }
  }

  Expression term() {
    Expression product = factor();
    for (;;) {
      const auto at = at_;
      if (take('*')) {
        product = joined(Kind::multiply, at, std::move(product), factor());
      } else if (take('/')) {
        product = joined(Kind::divide, at, std::move(product), factor());
      } else {
        return product;
      }
    }
  }

  Expression factor() {
    const Depth deeper(*this);
    skip_blanks();
    const auto at = at_;
    if (take('+')) return factor();
    if (take('-')) return {.kind = Kind::negate, .at = at, .arguments = {factor()}};
    return power();
  }

  Expression power() {
    Expression base = atom();
    const auto at = at_;
    return take('^') ? joined(Kind::power, at, std::move(base), factor()) : base;
  }

  Expression atom() {
    skip_blanks();
    const auto at = at_;
    if (take('(')) {
      Expression inner = expression();
      if (!take(')')) refuse("a closing )");
      return inner;
    }
    if (take('\'')) {
      const auto end = text_.find('\'', at_);
      if (end == std::string::npos) refuse_formula(text_, at, "a name in quotes has no end", "a closing '");
      const auto name = text_.substr(at_, end - at_);
      at_ = end + 1;
      skip_blanks();
      return {.kind = Kind::variable, .at = at, .name = name};
    }
    if (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) return number();
    const auto name = word();
    if (name.empty()) refuse("a number, a variable, a function or (");
    return take('(') ? call(name, at) : Expression{.kind = Kind::variable, .at = at, .name = name};
  }

  Expression number() {
    const auto at = at_;
    Expression found{.at = at};
    const auto [end, error] = std::from_chars(text_.data() + at, text_.data() + text_.size(), found.number);
    if (error != std::errc() || !std::isfinite(found.number)) refuse("a finite number");
    at_ = static_cast<std::size_t>(end - text_.data());
    skip_blanks();
    return found;
  }

  Expression call(const std::string& name, std::size_t at) {
    const Function* function = find_function(name);
    if (function == nullptr) {
      std::vector<std::string> known{"grad_x", "grad_y"};
      for (const auto& [other, ignored] : functions()) known.push_back(other);
      const auto nearest = nearest_name(name, known);
      refuse_formula(text_, at, "no such function", fmt::format("one of {}", fmt::join(known, ", ")),
                     nearest.empty() ? "" : "did you mean " + nearest + "?");
    }
    Expression found{.kind = Kind::call, .at = at, .name = name, .arguments = {expression()}};
    while (take(',')) found.arguments.push_back(expression());
    if (found.arguments.size() != function->arguments) {
      refuse_formula(text_, at, fmt::format("{} of {} arguments", name, found.arguments.size()),
                     fmt::format("{}", function->arguments));
    }
    if (!take(')')) refuse("a comma or a closing )");
    return found;
  }

  static Expression joined(Kind kind, std::size_t at, Expression left, Expression right) {
    Expression both{.kind = kind, .at = at};
    both.arguments.push_back(std::move(left));
    both.arguments.push_back(std::move(right));
    return both;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
  std::string word() {
    const auto begin = at_;
    if (at_ < text_.size() && is_letter(text_[at_])) {
      while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    }
    auto found = text_.substr(begin, at_ - begin);
    skip_blanks();
    return found;
  }
  bool take(char c) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    skip_blanks();
    return true;
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
  }
  [[noreturn]] void refuse(const std::string& expected) const { refuse_formula(text_, at_, "not a formula", expected); }

  /// Each nesting takes a call: a formula of a million brackets shall be an error, not the end of the stack.
  class Depth {
   public:
    explicit Depth(FormulaParser& parser) : parser_(parser) {
      constexpr int max = 200;
      if (++parser_.depth_ > max)
        refuse_formula(parser_.text_, parser_.at_, "a formula nested too deeply", "at most 100 levels");
    }
    ~Depth() { --parser_.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

   private:
    FormulaParser& parser_;
  };

  const std::string& text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

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
    if (function.averages || function.differentiates) {
      const bool fields =
          std::all_of(parts.begin(), parts.end(), [](const Nature& p) { return p.reach == Reach::field; });
      if (!fields) refuse_formula(text_, call.at, call.name + " of what is no field", "variables that have space");
    }
    if (function.differentiates) {
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
    if (!call.name.starts_with(derivative_prefix)) {
      if (axes.size() != 2)
        refuse_formula(text_, call.at, call.name + " of what is no field on a plane", "two axes of space");
      return axes.front().name == "x" ? std::vector<std::size_t>{0, 1} : std::vector<std::size_t>{1, 0};
    }
    const auto name = call.name.substr(std::string_view(derivative_prefix).size());
    std::vector<std::string> known;
    for (std::size_t a = 0; a < axes.size(); ++a) {
      if (axes[a].name == name) return {a};
      known.push_back(derivative_prefix + axes[a].name);
    }
    const auto nearest = nearest_name(call.name, known);
    refuse_formula(text_, call.at, "no such axis of space", fmt::format("one of {}", fmt::join(known, ", ")),
                   nearest.empty() ? "" : "did you mean " + nearest + "?");
  }

  void require_derivative(const Expression& call, std::size_t axis) const {
    if (field_.is_grid() && field_.axes[axis].whole && field_.space()[axis] > 2) return;
    refuse_formula(text_, call.at, call.name + " on a grid that a link before has cut, or one too small",
                   "a whole periodic grid, at least 3 points along each axis");
  }

  /// (f_{i+1} − f_{i−1}) / 2h on a periodic grid.
  Tensor derivative(const Tensor& f, std::size_t axis) const {
    const auto dimension = static_cast<std::int64_t>(axis) - std::ssize(field_.axes);
    return (f.roll(-1, dimension) - f.roll(1, dimension)) / (2 * field_.axes[axis].spacing);
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
      std::vector<std::int64_t> axes(field_.space().size());
      for (std::size_t a = 0; a < axes.size(); ++a) axes[a] = -1 - static_cast<std::int64_t>(a);
      return parts[0].mean(axes, /*keepdim=*/true);
    }
    const auto axes = axes_of(call);
    if (call.name == "curl") return derivative(parts[1], axes[0]) - derivative(parts[0], axes[1]);
    if (call.name == "div") return derivative(parts[0], axes[0]) + derivative(parts[1], axes[1]);
    return derivative(parts[0], axes[0]);
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

}  // namespace

Expression parse_expression(const std::string& text) {
  return FormulaParser(text).parse();
}

std::unique_ptr<StateLink> make_expression_link(const OperatorLink& link, const Field& field) {
  return std::make_unique<ExpressionLink>(field, Formula(link.text, field));
}

}  // namespace sda::observation
