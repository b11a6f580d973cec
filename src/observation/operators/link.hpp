/// What an observation operator is a chain of: links of time, which choose states, and links of state, which say what
/// is read of each.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/torch.hpp"
#include "observation/field.hpp"

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

/// vᵀ ∂f/∂x by autograd, for links without a VJP of their own; 0 where there is no derivative, such as of the
/// root of 0.
Tensor vjp_by_autograd(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& v);

}  // namespace sda::observation
