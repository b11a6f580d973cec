/// The sampler without sampling noise (moment propagation). Where the posterior's score is affine, x(t) stays Gaussian
/// through the sampler's plan of steps: its mean, linear in y, and its covariance are known exactly from t = 1 to t =
/// 0.
#pragma once

#include "sda/core/tensor.hpp"
#include "sda/sampling/step_plan.hpp"
#include "sda/study/affine_posterior.hpp"
#include "sda/study/exact_chain.hpp"

namespace sda {

/// Where the plan brings x(1) ~ N(0, I) by this score, y ~ N(c, `of_observations`). Langevin's δ = τ / mean ε², which
/// differs from member to member, is τ / E[mean ε²] over x(t) and y: the ensemble is a few per cent wider.
Moments propagate_moments(const AffinePosterior& score, const StepPlan& plan, const Tensor& of_observations);
/// By these parameters' plan for the score's own noise schedule. Throws UsageError for those that Sampler refuses.
Moments propagate_moments(const AffinePosterior& score, const SamplerParameters& parameters,
                          const Tensor& of_observations);

/// Distance to the exact posterior, in units of its own spread √tr P and averaged over y ~ N(c, S). All infinite where
/// the sampler diverged.
struct PosteriorError {
  double mean = 0;        ///< √(E‖F y − K y‖² / tr P)
  double covariance = 0;  ///< Bures distance of V and P, over √tr P
  double total = 0;       ///< √(mean² + covariance²): Wasserstein's W2 over √tr P
  double spread = 0;      ///< √(tr V / tr P): 1 if the ensemble is as wide as it should be
};
PosteriorError posterior_error(const Moments& moments, const LinearPosterior& truth);

/// How often x_i lies in the central interval that holds `level` of N(F (y − c), V), mean over i, where x | y and
/// y are those of `truth`: `level` itself if it is exact.
double expected_coverage(const Moments& moments, const LinearPosterior& truth, double level);

}  // namespace sda
