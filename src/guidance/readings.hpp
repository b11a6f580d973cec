/// All that a likelihood rule asks of the observations: y − A(x̂), its noise, and A's linearisation H = ∂A/∂x̂.
#pragma once

#include <vector>

#include "sda/observation/observations.hpp"

namespace sda::guidance {

/// The observations seen from trajectories x̂ (member, length, …event); readings are flat, (member, reading).
class Readings {
 public:
  Readings(const Observations& observed, Tensor denoised);

  /// y − A(x̂)
  const Tensor& residual() const { return residual_; }
  /// Whether y − A(x̂) and Σ_y say all of the noise.
  bool are_gaussian() const;
  /// diag Σ_y, (reading); of Gaussian noise.
  Tensor noise_variance() const;
  /// p(y_i | A_i) with A_i ~ N(A(x̂)_i, variance_i), reading by reading, and its derivatives by A(x̂)_i; float64 (member,
  /// reading). `variance` broadcasts to it.
  MarginalLikelihood marginal(const Tensor& variance) const;
  /// One value for all readings, or one for each part, or of a single part one for each element of a reading at one
  /// time: (reading) or a scalar.
  Tensor per_element(const std::vector<double>& values) const;
  /// Hᵀ v, (member, length, …event)
  Tensor pull_back(const Tensor& v) const;
  /// H d, (member, reading)
  Tensor push_forward(const Tensor& d) const;

 private:
  const Observations& observed_;
  Tensor denoised_, residual_;
};

/// Throws UsageError unless `values` has one value, or one for each part, or of a single part one for each element.
void require_fits(const std::vector<double>& values, const Observations& observed);

}  // namespace sda::guidance
