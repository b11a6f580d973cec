/// Problems that are solved in closed form: stationary Gaussian processes, whose perturbed scores, of a whole
/// trajectory and of windows of it, and whose posteriors given linear observations are all known. They measure what a
/// sampler, a guidance or windows get wrong, with no training and no sampling noise.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "sda/core/tensor.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "sda/observation/observations.hpp"
#include "sda/prior/score_model.hpp"

namespace sda {

/// A stationary Gaussian process of states in R^d with mean 0, in normalised units, by its autocovariances. It need not
/// be Markov.
class StationaryProcess {
 public:
  /// R(h) = E[x_{i+h} x_iᵀ] (d, d) float64 for h ≥ 0.
  using Autocovariance = std::function<Tensor(std::int64_t lag)>;
  StationaryProcess(std::int64_t dimension, Autocovariance autocovariance);

  std::int64_t dimension() const { return dimension_; }
  Tensor autocovariance(std::int64_t lag) const { return autocovariance_(lag); }
  /// Of `length` consecutive states, (length d, length d).
  Tensor covariance(std::int64_t length) const;
  /// Some components of its states alone: in general no Markov chain.
  StationaryProcess seen(const std::vector<std::int64_t>& components) const;

 private:
  std::int64_t dimension_;
  Autocovariance autocovariance_;
};

/// The chain that begins where it settles. Throws UnsupportedError where it has no stationary distribution.
LinearGaussianChain settled(const LinearGaussianChain& chain);
/// The chain in its stationary distribution, normalised by `normalisation` (its mean is left out). Throws
/// UnsupportedError where the chain has no stationary distribution.
StationaryProcess stationary_process(const LinearGaussianChain& chain, const Normalisation& normalisation);
/// The same by the chain's own normalisation.
StationaryProcess stationary_process(const LinearGaussianChain& chain);

/// The Gaussian process with the autocovariances of normalised states (trajectory, time, …event), about their mean.
/// Lags as long as a trajectory have none. It knows nothing of what is not linear in the dynamics. Throws ValueError
/// for states that are too large for closed forms, more than 64 components.
StationaryProcess empirical_process(const Tensor& states);

/// Stands for k: the exact score of the whole trajectory.
inline constexpr std::int64_t full_score = 0;

/// The prior's score of trajectories of `length` states: of the whole trajectory for `order` = full_score, else
/// composed from windows of 2k+1 states, `stride` apart, each with the exact score of its own marginal.
std::shared_ptr<const DifferentiableScore> exact_score(const StationaryProcess& process, const NoiseSchedule& schedule,
                                                       std::int64_t length, std::int64_t order,
                                                       std::int64_t stride = 1);

/// What observations read of a normalised trajectory x (length d), flat: y = H x + c + N(0, Σ_y).
struct LinearObservations {
  Tensor matrix;    ///< H (observation, length d)
  Tensor offset;    ///< c (observation)
  Tensor variance;  ///< diagonal of Σ_y (observation)
};
/// Throws UnsupportedError where an operator is not affine.
LinearObservations linear_observations(const Observations& observations);

/// p(x | y) = N(K (y − c), P) and y ~ N(c, S), for x ~ N(0, `covariance`).
struct LinearPosterior {
  Tensor gain;             ///< K (length d, observation)
  Tensor covariance;       ///< P (length d, length d)
  Tensor of_observations;  ///< S (observation, observation)
};
LinearPosterior linear_posterior(const Tensor& covariance, const LinearObservations& observations);

/// The symmetric square root of a positive semi-definite matrix.
Tensor symmetric_root(const Tensor& matrix);
/// Squared Bures distance of covariances, tr(V + P − 2 (√P V √P)^½): between Gaussians of one mean it is W2².
double bures_squared(const Tensor& v, const Tensor& p);

}  // namespace sda
