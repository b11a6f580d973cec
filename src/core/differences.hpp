/// Derivatives on a periodic grid.
#pragma once

#include <cstdint>

#include "core/torch.hpp"
#include "sda/core/tensor.hpp"

namespace sda {

/// ∂f/∂s ≈ (f_{i+1} − f_{i−1}) / 2h along one axis, points h apart.
inline Tensor central_difference(const Tensor& f, std::int64_t axis, double h) {
  return f.roll(-1, axis).sub_(f.roll(1, axis)).div_(2 * h);
}

}  // namespace sda
