/// The links an operator is made of. Each formula and its VJP stand once: links of time in time_links.cpp, of
/// values in value_links.cpp, of space in space_links.cpp, of scattered observations in point_links.cpp; their names
/// and arguments in links.cpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/torch.hpp"
#include "observation/field.hpp"
#include "sda/core/layout.hpp"
#include "sda/observation/operator.hpp"

namespace sda::observation {

/// Chooses among the states that the links before it left.
class TimeLink {
 public:
  virtual ~TimeLink() = default;
  /// The states kept of `states`, ascending. Throws ShapeError if one it names is not there.
  virtual std::vector<std::int64_t> choose(const std::vector<std::int64_t>& states) const = 0;
  virtual std::string describe() const = 0;
};

/// Changes what is read of each state, from one field to another: (…, field) → (…, observation), any leading axes.
class StateLink {
 public:
  explicit StateLink(Field field, Field observation) : field_(std::move(field)), observation_(std::move(observation)) {}
  virtual ~StateLink() = default;
  virtual Tensor read(const Tensor& x) const = 0;
  /// vᵀ ∂read/∂x. An affine link must not look at x, which may be undefined.
  virtual Tensor vjp(const Tensor& x, const Tensor& v) const = 0;
  virtual bool is_affine() const = 0;
  virtual bool is_linear() const { return is_affine(); }
  virtual std::string describe() const = 0;
  const Field& observation() const { return observation_; }

 protected:
  const Field& field() const { return field_; }
  /// Of an axis of the field within x, counted from the end.
  std::int64_t axis_of(std::int64_t axis) const { return axis - std::ssize(field_.sizes); }
  /// Of the field, with the leading axes of an observation v.
  Shape shape_for(const Tensor& v) const;
  /// Of the observation, with the leading axes of a field x.
  Shape observation_shape_for(const Tensor& x) const;
  Tensor zeros_for(const Tensor& v) const { return at::zeros(shape_for(v), v.options()); }

 private:
  Field field_, observation_;
};

/// What value a link takes in TOML: true, one number, a list, either of these, a table {name = number or list}, or a
/// table of columns {name = list}, all equally long, or a text.
enum class Arguments { none, one, list, one_or_list, table, columns, text };

struct LinkKind {
  std::string name, help;
  Arguments arguments = Arguments::none;
  bool whole = true;  ///< numbers are integers
  double min = -std::numeric_limits<double>::infinity();
  std::vector<std::string> names{};  ///< table: those it must have, one number each
  int for_axis = 0;                  ///< table: so many numbers for an axis of space, under the axis's name
};

const std::vector<LinkKind>& link_kinds();
/// Throws UsageError if the name is taken.
void add_link_kind(LinkKind kind);
/// Throws UsageError naming the nearest kind.
const LinkKind& find_kind(const std::string& name, const std::string& where);
/// Throws UsageError if the link's kind is unknown or its numbers are not what the kind takes.
void check_link(const OperatorLink& link, const std::string& where);
std::vector<std::int64_t> integers(const std::vector<double>& numbers);

/// The link of that kind, or null if the kind is another's; `link` has been checked. What does not fit the field that
/// the links before it left is a ShapeError, or a UsageError where the numbers are at fault.
std::unique_ptr<TimeLink> make_time_link(const OperatorLink& link);
std::unique_ptr<StateLink> make_value_link(const OperatorLink& link, const Normalisation& normalisation,
                                           const Field& field);
std::unique_ptr<StateLink> make_space_link(const OperatorLink& link, const Field& field);
/// Links of the user's own. Throws FileError for a module that cannot be read, UsageError for one that fails on states
/// of this field.
std::unique_ptr<StateLink> make_function_link(const OperatorLink& link, const Field& field);
/// vᵀ ∂f/∂x by autograd, for links without a VJP of their own; 0 where there is no derivative, such as of the
/// root of 0.
Tensor vjp_by_autograd(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& v);

/// What `points` is made of: where its points have times, it chooses states, and its link of state takes all of them
/// together, (…, states, field) → (…, 1, points); else only a link of state, of each state alone.
struct PointLinks {
  std::unique_ptr<TimeLink> time;
  std::unique_ptr<StateLink> state;
};
PointLinks make_point_links(const OperatorLink& link, const Field& field);

}  // namespace sda::observation
