/// All that a likelihood rule asks of the observations: y − A(x̂), its noise, and A's linearisation H = ∂A/∂x̂.
#pragma once

#include <vector>

#include "sda/core/communicator.hpp"
#include "sda/core/tensor.hpp"
#include "sda/observation/observations.hpp"

namespace sda {

/// The observations seen from trajectories x̂ (member, length, …event); observations are flat, (member, observation).
/// Where ranks share the states of a trajectory, each has the observations of its own states, and what a rule sums over
/// observations it sums by `total`.
class Departures {
 public:
  /// `observed` has to outlive it, and so have `ranks`; `count` is the number of all their observations.
  Departures(const Observations& observed, Tensor denoised);
  Departures(const Observations& observed, Tensor denoised, std::int64_t count, const Communicator& ranks);

  /// Observations of the whole trajectory.
  std::int64_t count() const { return count_; }
  /// Sums over this rank's observations or states → over those of the whole trajectory.
  Tensor total(const Tensor& sums) const { return ranks_.sum(sums); }

  /// y − A(x̂): departures, or innovations
  const Tensor& departure() const { return departure_; }
  /// Whether y − A(x̂) and Σ_y say all of the noise.
  bool are_gaussian() const;
  /// diag Σ_y, (observation); of Gaussian noise.
  Tensor noise_variance() const;
  /// p(y_i | A_i) with A_i ~ N(A(x̂)_i, variance_i), observation by observation, and its derivatives by A(x̂)_i; float64
  /// (member, observation). `variance` broadcasts to it.
  MarginalLikelihood marginal(const Tensor& variance) const;
  /// ∂ log p(y | A(x̂)) / ∂A(x̂) where A ~ N(A(x̂), variance + more), whatever the noise; (member, observation). Of
  /// Gaussian noise (y − A(x̂)) / (Σ_y + variance + more).
  Tensor likelihood_score(const Tensor& variance, double more = 0) const;
  /// One value for all observations, or one for each part, or of a single part one for each element of an observation
  /// at one time: (observation) or a scalar.
  Tensor per_element(const std::vector<double>& values) const;
  /// Hᵀ v, (member, length, …event): the operator's adjoint (VJP)
  Tensor vjp(const Tensor& v) const;
  /// H d, (member, observation): its tangent linear (JVP)
  Tensor jvp(const Tensor& d) const;

 private:
  const Observations& observed_;
  Tensor denoised_, departure_;
  std::int64_t count_;
  const Communicator& ranks_;
};

/// How many there are, of all parts.
std::int64_t count_observations(const Observations& observed);

/// Throws UsageError unless `values` has one value, or one for each part, or of a single part one for each element.
void require_fits(const std::vector<double>& values, const Observations& observed);

}  // namespace sda
