/// Formulas that a user writes over the variables of a state, "sqrt(u^2 + v^2)": their grammar and what they read.
///
///   expression = term { ("+" | "-") term }
///   term       = factor { ("*" | "/") factor }
///   factor     = ("+" | "-") factor | power
///   power      = atom [ "^" factor ]
///   atom       = number | variable | function "(" expression { "," expression } ")" | "(" expression ")"
///
/// A variable is a word of letters, digits and _, or any name in single quotes. −u^2 is −(u²), and 2^3^2 is 2⁹.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "observation/links.hpp"

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

/// y = the formula at each point, one component; one point where all that is read of space are means. `field` names its
/// components. Throws UsageError for variables that it does not have, and for derivatives that it cannot give.
std::unique_ptr<StateLink> make_expression_link(const OperatorLink& link, const Field& field);

}  // namespace sda::observation
