/// Typed parameters. Every algorithm has one plain struct of parameters and one function
/// `template <class Visitor> void fields(Visitor& v, Parameters& p)` that names each of them once:
///     v("steps", p.steps, "predictor steps from t = 1 to 0", at_least(1));
/// Reading TOML, writing it back into artefacts, refusing unknown keys with the nearest known name and the
/// reference of all keys are visitors of that one function, so they cannot disagree.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace sda {

/// Limits a value must keep. For arrays, each element. For strings, `choices` if not empty.
struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool open_least = false;  ///< > instead of ≥
  bool open_most = false;   ///< < instead of ≤
  bool infinite = false;    ///< infinity is a value too
  bool empty = false;       ///< of a list: may hold nothing
  std::vector<std::string> choices{};
  std::string further{};  ///< choices that there may be elsewhere, in words: "one of a --plugin"
};
inline Range any() {
  return {};
}
inline Range any_or_infinite() {
  return {.infinite = true};
}
/// A list of such values, or an empty one.
inline Range or_none(Range range) {
  range.empty = true;
  return range;
}
inline Range at_least(double least) {
  return {.least = least};
}
inline Range above(double least) {
  return {.least = least, .open_least = true};
}
inline Range between(double least, double most) {
  return {.least = least, .most = most};
}
inline Range one_of(std::vector<std::string> choices, std::string further = "") {
  return {.choices = std::move(choices), .further = std::move(further)};
}

/// The member of `known` nearest to `name` in edit distance; empty if none is near enough to be meant.
std::string nearest_name(const std::string& name, const std::vector<std::string>& known);

}  // namespace sda
