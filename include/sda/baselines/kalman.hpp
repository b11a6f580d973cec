/// Kalman filter and Rauch-Tung-Striebel smoother: the exact posterior of linear-Gaussian chains.
#pragma once

#include "sda/core/tensor.hpp"
#include "sda/core/trajectories.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "sda/observation/observations.hpp"

namespace sda {

struct GaussianPosterior {
  Tensor mean;              ///< (length, d), float64
  Tensor covariance;        ///< (length, d, d): of each state
  Tensor joint_covariance;  ///< (length d, length d): of the whole trajectory
  double log_evidence = 0;
};

/// `filtered` is p(x_i | y_1:i), `smoothed` p(x_i | y_1:L). The observation operator must be linear and read
/// physical or normalised states by a matrix; the result is in physical units.
struct KalmanResult {
  GaussianPosterior filtered;  ///< joint_covariance undefined
  GaussianPosterior smoothed;
};

/// Throws UnsupportedError if the operator is not linear (or affine).
KalmanResult kalman_smoother(const LinearGaussianChain& chain, const Observations& observations);

/// Members from the smoother's joint distribution.
Ensemble sample_posterior(const GaussianPosterior& posterior, const StateLayout& layout, std::int64_t members,
                          std::uint64_t seed);

}  // namespace sda
