/// How good an ensemble is; with standard errors wherever a mean is taken over members or observations.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sda/core/trajectories.hpp"
#include "sda/dynamics/dynamics.hpp"
#include "sda/evaluation/misfit.hpp"
#include "sda/observation/observations.hpp"

namespace sda {

/// A mean over n values with its standard error s / √n (0 for n < 2).
struct Estimate {
  double value = 0, standard_error = 0;
};
Estimate estimate(const Tensor& values);
Estimate estimate(const std::vector<double>& values);

/// Exact earth mover's distance min_P Σ_ij P_ij ‖a_i − b_j‖ between two sample sets of equal weights within each, n and
/// m possibly different: network simplex (LEMON) on costs rounded to 1e-12 of the largest. The cost is Euclidean on
/// flattened samples, in the units given. a (n, …), b (m, …), one event size. Throws ShapeError, and ValueError if
/// a sample is not finite.
double wasserstein1(const Tensor& a, const Tensor& b);

/// Expected log-prior Σ_i log p(x_{i+1} | x_i) of members (member, time, …event), physical units.
Estimate log_prior(const Dynamics& dynamics, const Tensor& members);
/// Expected log-likelihood log p(y | x) of members (member, length, …event), physical units.
Estimate log_likelihood(const Observations& observations, const Tensor& members);

/// The scores below take members (member, time, …event) and the truth (time, …event) in one and the same unit; where
/// components differ in scale, normalise both first. `weight` is of each component, the area of its cell on a grid
/// whose cells differ; of the shape of the truth, or broadcast to it, in any unit; undefined: all weigh alike. They
/// throw ShapeError, and ValueError for values not finite.

/// √ mean over times and components of (ensemble mean − truth)².
double rmse(const Tensor& members, const Tensor& truth, const Tensor& weight = {});
/// √ mean over times and components of the ensemble variance (unbiased; at least 2 members).
double spread(const Tensor& members, const Tensor& weight = {});
/// Continuous ranked probability score, fair (unbiased in the member count: Ferro 2014), at least 2 members: the mean
/// over times and components of mean_i |x_i − y| − Σ_ij |x_i − x_j| / (2 m (m − 1)). The standard error takes times
/// (components averaged within each) as independent, so it is too small where errors persist in time.
Estimate crps(const Tensor& members, const Tensor& truth, const Tensor& weight = {});
/// Counts of the truth's rank among the members, over times and components; ties broken by the stream. (members + 1).
std::vector<std::int64_t> rank_histogram(const Tensor& members, const Tensor& truth, std::uint64_t seed);

/// Share of values in the central interval that holds `level` (in 0 … 1) of the ensemble, from the counts of their
/// ranks: `level` itself where the ensemble is calibrated. A rank that the interval's end cuts counts in part.
/// Throws ValueError for another level, or no counts.
double coverage(const std::vector<std::int64_t>& ranks, double level);

/// Everything above for one ensemble; parts that cannot be had (no truth, deterministic dynamics, too few members) are
/// empty. W1 and the log-densities are of physical states, as published; RMSE, spread and CRPS of normalised ones, so
/// that variables weigh alike, and by the areas of the grid's cells, such as the cosine of latitude.
struct EnsembleScores {
  std::string method;
  std::int64_t members = 0;
  std::optional<double> wasserstein;  ///< to the reference ensemble, as many of it as there are members
  std::optional<double>
      wasserstein_floor;  ///< of a second reference, or of two disjoint parts of the one, at the same count
  std::optional<Estimate> log_prior, log_likelihood, crps;
  std::optional<double> rmse, spread;
  std::vector<std::int64_t> ranks;
  MisfitSummary misfit{};  ///< of departures from the observations
};

/// `reference` (member, time, …event) may be undefined; `dynamics` may be null. `second_reference`
/// is of an independent run: its distance to the first is the floor. Without it the floor is that of two disjoint parts
/// of `reference`, which needs twice as many members as `ensemble` has and is too low for a particle filter, whose
/// members share ancestors. `seed` decides which reference members are taken and how ties of rank are broken.
EnsembleScores score_ensemble(const Ensemble& ensemble, const Observations& observations, const Dynamics* dynamics,
                              const Tensor& reference, std::uint64_t seed, const Tensor& second_reference = {});

}  // namespace sda
