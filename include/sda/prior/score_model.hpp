/// The score as the sampler sees it: ε(x, t) = −σ(t) ∇ log p(x(t)) (Rozet & Louppe 2023, section 2).
#pragma once

#include <memory>

#include "sda/core/tensor.hpp"

namespace sda {

/// ε for batches of trajectories (or windows): x is (row, length, …event) in normalised units, float32 or float64.
/// Rows are independent. t in [0, 1].
class ScoreModel {
 public:
  virtual ~ScoreModel() = default;
  /// ε(x, t), the shape and dtype of x. Throws ShapeError where the model cannot take x.
  virtual Tensor epsilon(const Tensor& x, double t) const = 0;
};

/// ε at one x together with its VJPs; from one forward pass.
class Linearisation {
 public:
  virtual ~Linearisation() = default;
  virtual const Tensor& epsilon() const = 0;
  /// vᵀ ∂ε/∂x, row by row; as often as asked for.
  virtual Tensor vjp(const Tensor& v) const = 0;
};

/// A score that can be linearised: every prior is one. Guidance needs it; the sampler does not.
class DifferentiableScore : public ScoreModel {
 public:
  virtual std::unique_ptr<Linearisation> linearise(const Tensor& x, double t) const = 0;
};

}  // namespace sda
