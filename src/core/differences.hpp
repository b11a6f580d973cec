/// Derivatives along an axis of a grid, per unit of its coordinate.
#pragma once

#include <array>
#include <cstdint>

#include "core/axis.hpp"
#include "core/torch.hpp"
#include "sda/core/tensor.hpp"

namespace sda {

/// ∂f/∂s ≈ (f_{i+1} − f_{i−1}) / 2h along one axis, points h apart on a ring.
inline Tensor central_difference(const Tensor& f, std::int64_t axis, double h) {
  return f.roll(-1, axis).sub_(f.roll(1, axis)).div_(2 * h);
}

/// ∂f/∂s at each point by the parabola through it and its two neighbours, which on a ring of equal steps is the central
/// difference. At an end that nothing lies beyond it is the parabola through the three outermost points.
class AxisDerivative {
 public:
  /// Throws UnsupportedError for fewer than three points, and for coordinates in no order.
  explicit AxisDerivative(const Axis& axis);

  /// Along dimension `dim` of f.
  Tensor operator()(const Tensor& f, std::int64_t dim) const;
  /// The transposed map.
  Tensor transposed(const Tensor& v, std::int64_t dim) const;

 private:
  bool is_ring_ = false;  ///< of equal steps h
  double h_ = 1;
  std::array<Tensor, 3> index_{}, weight_{};  ///< of each point: Σ_k weight_k f[index_k]
};

}  // namespace sda
