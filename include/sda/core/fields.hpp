/// Typed parameters. Every algorithm has one plain struct of parameters and one function
/// `template <class Visitor> void fields(Visitor& v, Parameters& p)` that names each of them once:
///     v("steps", p.steps, "predictor steps from t = 1 to 0", at_least(1));
/// Observation TOML, writing it back into artefacts, refusing unknown keys with the nearest known name and the
/// reference of all keys are visitors of that one function, so they cannot disagree.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sda {

/// Limits a value must keep. For arrays, each element. For strings, `choices` if not empty.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool open_min = false;  ///< > instead of ≥
  bool open_max = false;  ///< < instead of ≤
  bool infinite = false;  ///< infinity is a value too
  bool empty = false;     ///< of a list: may hold nothing
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
inline Range at_least(double min) {
  return {.min = min};
}
inline Range above(double min) {
  return {.min = min, .open_min = true};
}
inline Range between(double min, double max) {
  return {.min = min, .max = max};
}
inline Range one_of(std::vector<std::string> choices, std::string further = "") {
  return {.choices = std::move(choices), .further = std::move(further)};
}

/// A choice is an enum beside which `choice_names` says once how files and flags name its values, in their order:
///     enum class Grid { uniform, power };
///     constexpr auto choice_names(Grid) { return std::array{"uniform", "power"}; }
/// A parameter of that type is a field like any other, v("grid", p.grid, "times of the steps"); no string is compared
/// anywhere else.
template <class T>
concept Choice = std::is_enum_v<T> && requires(T value) {
  choice_names(value);
};

/// "power".
template <Choice Enum>
constexpr const char* name_of(Enum value) {
  return choice_names(value)[static_cast<std::size_t>(value)];
}
/// {"uniform", "power"}.
template <Choice Enum>
std::vector<std::string> names_of() {
  const auto names = choice_names(Enum{});
  return {names.begin(), names.end()};
}
/// The value of this name; nothing where there is none.
template <Choice Enum>
std::optional<Enum> choice_of(std::string_view name) {
  const auto names = choice_names(Enum{});
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

/// The member of `known` nearest to `name` in edit distance; empty if none is near enough to be meant.
std::string nearest_name(const std::string& name, const std::vector<std::string>& known);

}  // namespace sda
