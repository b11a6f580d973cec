/// Whether posteriors are calibrated, from many trajectories whose truth is known (simulation-based calibration: Cook,
/// Gelman & Rubin 2006; Talts et al. 2018). Values of one trajectory depend on each other, so every error below is one
/// of trajectories: each gives one number, or trajectories as a whole are drawn again (block bootstrap).
#pragma once

#include <cstdint>
#include <vector>

#include "sda/core/tensor.hpp"
#include "sda/evaluation/metrics.hpp"

namespace sda {

/// Counts of ranks (members + 1) as shares of `bins` bins of equal width; a rank that a bin's edge cuts counts in part
/// on each side. Throws ValueError for no bins or no counts.
std::vector<double> rank_shares(const std::vector<std::int64_t>& counts, std::int64_t bins);

/// Mean rank histogram over trajectories against a flat one.
struct RankUniformity {
  std::vector<double> share;           ///< of each bin; 1 / bins where calibrated
  std::vector<double> standard_error;  ///< over trajectories
  double band = 0;     ///< so many standard errors hold all bins of a calibrated histogram at once, 95 times of 100
  double p_value = 1;  ///< of the largest deviation, in standard errors
};
/// `shares` of each trajectory, at least two, as many bins each. The largest studentised deviation is compared with
/// what it is when trajectories are drawn again, `draws` times. Throws ShapeError.
RankUniformity rank_uniformity(const std::vector<std::vector<double>>& shares, std::int64_t draws, std::uint64_t seed);

/// How well a classifier tells posterior members from those of a reference (classifier two-sample test: Lopez-Paz &
/// Oquab 2017): the area under its ROC curve on trajectories that it was not trained on, 0.5 where nothing can be told;
/// with its standard error over trajectories. Of each trajectory members (member, time, …event) of both are first
/// standardised together, for each time and component. The classifier is a logistic regression on these values, their
/// squares and their products from one time to the next: it sees means, spreads and how rough members are, but no
/// difference of higher order. `folds` parts of the trajectories are left out in turn. Throws ShapeError; ValueError if
/// there are fewer trajectories than folds.
Estimate classifier_test(const std::vector<Tensor>& posterior, const std::vector<Tensor>& reference,
                         std::int64_t folds = 5);

}  // namespace sda
