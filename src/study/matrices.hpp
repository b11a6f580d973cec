/// Matrices of closed forms, float64.
#pragma once

#include "core/torch.hpp"
#include "sda/core/tensor.hpp"

namespace sda::study {

inline Tensor unit_matrix(std::int64_t n) {
  return at::eye(n, at::kDouble);
}

/// tr M C Mᵀ = E‖M x‖² of x ~ N(0, C).
inline double trace_of_square(const Tensor& map, const Tensor& covariance) {
  return map.matmul(covariance).mul(map).sum().item<double>();
}

}  // namespace sda::study
