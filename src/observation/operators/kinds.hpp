/// The registry of links. A kind is a row: its name, the value it takes, its help, its factory and an example. The rows
/// stand beside the classes, in the files of this folder; kinds.cpp lists these. Reading and writing of TOML, checks,
/// `sda keys`, the conformance suite and plugins follow from the rows.
#pragma once

#include <concepts>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "observation/operators/link.hpp"
#include "sda/observation/operator.hpp"

namespace sda::observation {

/// What value a link takes in TOML.
struct LinkValue {
  /// true, one number, a list, either of these, a table {name = number or list}, a table of columns {name = list}, all
  /// equally long, or a text.
  enum class Form { none, one, list, one_or_list, table, columns, text };
  Form form = Form::none;
  bool whole = false;  ///< numbers are integers
  double min = -std::numeric_limits<double>::infinity();
  std::vector<std::string> names{};  ///< table: those it must have, one number each
  int for_axis = 0;                  ///< table: so many numbers for an axis of space, under the axis's name
};

/// The values there are, as rows name them.
namespace takes {
constexpr double no_limit = -std::numeric_limits<double>::infinity();
inline LinkValue nothing() {
  return {};
}  // {square = true}
inline LinkValue number() {
  return {.form = LinkValue::Form::one};
}  // {scale = 0.5}
inline LinkValue numbers() {
  return {.form = LinkValue::Form::one_or_list};
}  // {radar = [1.5, 0]}
inline LinkValue integer(double min) {  // {every = 8}
  return {.form = LinkValue::Form::one, .whole = true, .min = min};
}
inline LinkValue integers(double min = no_limit) {  // {select = [0, 2]}
  return {.form = LinkValue::Form::list, .whole = true, .min = min};
}
inline LinkValue integer_or_integers(double min) {  // {coarsen = 2}, {coarsen = [2, 3]}
  return {.form = LinkValue::Form::one_or_list, .whole = true, .min = min};
}
inline LinkValue table(std::vector<std::string> names, double min) {  // {random_points = {share = 0.1, seed = 1}}
  return {.form = LinkValue::Form::table, .min = min, .names = std::move(names)};
}
inline LinkValue table_of_axes(int for_axis, std::vector<std::string> names = {}) {  // {circle = {x = 1, radius = 2}}
  return {.form = LinkValue::Form::table, .names = std::move(names), .for_axis = for_axis};
}
inline LinkValue columns(double min) {  // {points = {x = [0, 1], y = [2, 2]}}
  return {.form = LinkValue::Form::columns, .min = min};
}
inline LinkValue text() {
  return {.form = LinkValue::Form::text};
}  // {expression = "u + v"}
}  // namespace takes

/// Where a link stands when it is made; its value has been checked.
struct LinkSite {
  const OperatorLink& link;
  std::string where;   ///< "operator link 2 (select)"
  const Field& field;  ///< what the links before it left of a state
  const Normalisation& normalisation;
  const StateLink* before = nullptr;  ///< the link of state before it; null if it is the first

  double number() const { return link.numbers.front(); }
  std::int64_t integer() const { return static_cast<std::int64_t>(number()); }
  std::vector<std::int64_t> integers() const { return {link.numbers.begin(), link.numbers.end()}; }
};

/// What a kind makes: a link of time, a link of state, or both. Both are one whose observations lie in time: it chooses
/// states, and its link of state takes all of them together, (…, states, field) → (…, 1, observation).
struct MadeLink {
  std::unique_ptr<TimeLink> time{};
  std::unique_ptr<StateLink> state{};

  MadeLink() = default;
  MadeLink(std::unique_ptr<TimeLink> of_time, std::unique_ptr<StateLink> of_state)
      : time(std::move(of_time)), state(std::move(of_state)) {}
  template <std::derived_from<TimeLink> Link>
  MadeLink(std::unique_ptr<Link> link) : time(std::move(link)) {}  // NOLINT(google-explicit-constructor)
  template <std::derived_from<StateLink> Link>
  MadeLink(std::unique_ptr<Link> link) : state(std::move(link)) {}  // NOLINT(google-explicit-constructor)
};

/// A chain with the link, for states of this shape, on which tests try what every operator must do.
struct LinkExample {
  std::vector<OperatorLink> chain{};
  Shape event{3};
};

struct LinkKind {
  std::string name, help;
  LinkValue value{};
  /// What does not fit the field that the links before it left is a ShapeError, or a UsageError where the value is at
  /// fault.
  std::function<MadeLink(const LinkSite&)> make{};
  LinkExample example{};
  std::function<void(const OperatorLink&)> check{};  ///< what the value's form does not say; throws UsageError
  bool runs_code = false;                            ///< of the file that its text names
};

/// The factory of a link that knows all it needs from the field.
template <class Link>
MadeLink of_field(const LinkSite& site) {
  return std::make_unique<Link>(site.field);
}

/// For what is of physical values, such as a formula: throws UsageError where those of the field are normalised.
void require_physical(const LinkSite& site, const std::string& what);

/// Those of this folder, then those that were added.
const std::vector<LinkKind>& link_kinds();
/// Throws UsageError if the name is taken.
void add_link_kind(LinkKind kind);
/// Throws UsageError naming the nearest kind.
const LinkKind& find_kind(const std::string& name, const std::string& where);
/// Throws UsageError if the link's kind is unknown or its value is not what the kind takes.
void check_link(const OperatorLink& link, const std::string& where);

}  // namespace sda::observation
