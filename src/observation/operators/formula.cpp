/// The functions of formulas, and a recursive-descent parser: one function for each rule of the grammar.
#include "observation/operators/formula.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <map>

#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::observation {
namespace {

constexpr const char* derivative_prefix = "grad_";

/// A function is a row; those of fields are of the axes x and y.
const std::map<std::string, Function>& functions() {
  static const std::map<std::string, Function> all{
      {"abs", {.of_values = [](const Values& v) { return v[0].abs(); }}},
      {"atan", {.of_values = [](const Values& v) { return v[0].atan(); }}},
      {"atan2", {.arguments = 2, .of_values = [](const Values& v) { return at::atan2(v[0], v[1]); }}},
      {"cos", {.of_values = [](const Values& v) { return v[0].cos(); }}},
      {"exp", {.of_values = [](const Values& v) { return v[0].exp(); }}},
      {"log", {.of_values = [](const Values& v) { return v[0].log(); }}},
      {"log10", {.of_values = [](const Values& v) { return v[0].log10(); }}},
      {"sin", {.of_values = [](const Values& v) { return v[0].sin(); }}},
      {"sqrt", {.of_values = [](const Values& v) { return v[0].sqrt(); }}},
      {"tanh", {.of_values = [](const Values& v) { return v[0].tanh(); }}},
      {"tan", {.of_values = [](const Values& v) { return v[0].tan(); }}},
      {"max", {.arguments = 2, .of_values = [](const Values& v) { return at::maximum(v[0], v[1]); }}},
      {"min", {.arguments = 2, .of_values = [](const Values& v) { return at::minimum(v[0], v[1]); }}},
      {"mean", {.is_linear = true, .averages = true}},
      {"curl",
       {.arguments = 2,
        .is_linear = true,
        .of_derivatives = [](const Values& v, const Derivative& d) { return d(v[1], 0) - d(v[0], 1); }}},
      {"div", {.arguments = 2, .is_linear = true, .of_derivatives = [](const Values& v, const Derivative& d) {
                 return d(v[0], 0) + d(v[1], 1);
               }}}};
  return all;
}

}  // namespace

const Function* find_function(const std::string& name) {
  static const Function derivative{.is_linear = true,
                                   .of_derivatives = [](const Values& v, const Derivative& d) { return d(v[0], 0); }};
  if (axis_of_derivative(name)) return &derivative;
  const auto found = functions().find(name);
  return found == functions().end() ? nullptr : &found->second;
}

std::optional<std::string> axis_of_derivative(const std::string& name) {
  if (!name.starts_with(derivative_prefix)) return std::nullopt;
  return name.substr(std::string_view(derivative_prefix).size());
}

std::string derivative_along(const std::string& axis) {
  return derivative_prefix + axis;
}

void refuse_formula(const std::string& text, std::size_t at, const std::string& what, const std::string& expected,
                    const std::string& hint) {
  throw UsageError({.what = what,
                    .where = fmt::format("operator link expression, character {}", at + 1),
                    .found = text.substr(0, at) + "‸" + text.substr(at),
                    .expected = expected,
                    .hint = hint});
}

namespace {

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

}  // namespace

Expression parse_expression(const std::string& text) {
  return FormulaParser(text).parse();
}

}  // namespace sda::observation
