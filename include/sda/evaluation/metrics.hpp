/// How good an ensemble is; with standard errors wherever a mean is taken over members or observations.
#pragma once

#include <optional>
#include <vector>

#include "sda/core/trajectories.hpp"
#include "sda/dynamics/dynamics.hpp"
#include "sda/observation/observations.hpp"

namespace sda {

/// A mean over n values with its standard error s / √n (0 for n < 2).
struct Estimate {
  double value = 0, standard_error = 0;
};
Estimate estimate(const Tensor& values);

/// Exact earth mover's distance between two equal-weight sample sets, Euclidean cost on flattened samples: network
/// simplex (LEMON) on integer costs × 1e9. a (n, …), b (m, …). Throws ShapeError, ValueError if not finite.
double wasserstein1(const Tensor& a, const Tensor& b);

/// Expected log-prior Σ_i log p(x_{i+1} | x_i) of members (member, time, …event), physical units.
Estimate log_prior(const Dynamics& dynamics, const Tensor& members);
/// Expected log-likelihood log p(y | x).
Estimate log_likelihood(const Observations& observations, const Tensor& members);

/// Of the ensemble mean against the truth, over times and components, each component divided by `scale` (event).
double rmse(const Tensor& members, const Tensor& truth);
/// √ mean ensemble variance (unbiased), over times and components.
double spread(const Tensor& members);
/// Continuous ranked probability score, fair (unbiased in the member count: Ferro 2014), mean over times and
/// components.
Estimate crps(const Tensor& members, const Tensor& truth);
/// Counts of the truth's rank among the members, over times and components; ties broken by the stream. (members + 1).
std::vector<std::int64_t> rank_histogram(const Tensor& members, const Tensor& truth, std::uint64_t seed);

/// Everything above for one ensemble; parts that cannot be had (no truth, deterministic dynamics) are empty.
struct EnsembleScores {
  std::string method;
  std::int64_t members = 0;
  std::optional<double> wasserstein;        ///< to the reference ensemble, as many of it as there are members
  std::optional<double> wasserstein_floor;  ///< two disjoint halves of the reference ensemble at the same count
  std::optional<Estimate> log_prior, log_likelihood, crps;
  std::optional<double> rmse, spread;
  std::vector<std::int64_t> ranks;
};

/// `reference` may be empty (undefined members). The floor needs twice as many reference members as `ensemble` has.
EnsembleScores score_ensemble(const Ensemble& ensemble, const Observations& observations, const Dynamics* dynamics,
                              const Tensor& reference, std::uint64_t seed);

}  // namespace sda
