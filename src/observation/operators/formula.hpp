/// Formulas that a user writes over the variables of a state, "sqrt(u^2 + v^2)": their grammar and their functions.
///
///   expression = term { ("+" | "-") term }
///   term       = factor { ("*" | "/") factor }
///   factor     = ("+" | "-") factor | power
///   power      = atom [ "^" factor ]
///   atom       = number | variable | function "(" expression { "," expression } ")" | "(" expression ")"
///
/// A variable is a word of letters, digits and _, or any name in single quotes. −u^2 is −(u²), and 2^3^2 is 2⁹.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/torch.hpp"
#include "sda/core/tensor.hpp"

namespace sda::observation {

/// One node of a formula's tree.
struct Expression {
  enum class Kind { number, variable, negate, add, subtract, multiply, divide, power, call };
  Kind kind = Kind::number;
  std::size_t at = 0;  ///< where in the text, in bytes from 0
  double number = 0;
  std::string name{};  ///< of a variable or function
  std::vector<Expression> arguments{};
};

/// Throws UsageError that shows the place, for what the grammar does not allow, for functions that are unknown (with
/// the nearest name) or have another number of arguments, and for formulas nested too deeply.
Expression parse_expression(const std::string& text);

/// ∂f/∂s along the k-th axis that a function differentiates along.
using Derivative = std::function<Tensor(const Tensor& f, std::size_t k)>;
using Values = std::vector<Tensor>;

/// What a function does to its arguments, and what it asks for; one of the three says its value.
struct Function {
  std::size_t arguments = 1;
  bool is_linear = false;
  std::function<Tensor(const Values&)> of_values{};  ///< at each point alone
  std::function<Tensor(const Values&, const Derivative&)> of_derivatives{};
  bool averages = false;  ///< the mean over space

  bool differentiates() const { return of_derivatives != nullptr; }
};

/// Null where there is none. Those that differentiate along one axis carry its name, grad_x.
const Function* find_function(const std::string& name);
/// The axis of grad_AXIS; nothing for every other function.
std::optional<std::string> axis_of_derivative(const std::string& name);
/// "grad_x", of an axis x.
std::string derivative_along(const std::string& axis);

/// Throws UsageError that shows the text with a caret where it is wrong.
[[noreturn]] void refuse_formula(const std::string& text, std::size_t at, const std::string& what,
                                 const std::string& expected, const std::string& hint = "");

}  // namespace sda::observation
