/// Draws and comparisons that the conformance suites share.
#pragma once

#include <algorithm>

#include "core/torch.hpp"
#include "sda/core/random.hpp"

namespace sda::conformance {

/// Standard normal draws; `which` tells the draws of one test apart.
inline Tensor draw(at::IntArrayRef shape, std::uint64_t which, at::ScalarType dtype = at::kDouble) {
  return normal(shape, {.seed = 20230611, .purpose = Purpose::test, .first_member = 0, .step = which}, dtype);
}

/// Largest |a − b| over the larger of 1 and the largest |b|.
inline double difference(const Tensor& a, const Tensor& b) {
  const auto largest = b.abs().max().item<double>();
  return (a - b).abs().max().item<double>() / std::max(1.0, largest);
}

inline double inner_product(const Tensor& a, const Tensor& b) {
  return (a * b).sum().item<double>();
}

}  // namespace sda::conformance
