/// Observations whose noise is not what the posterior believes: of another size, or with tails heavier than Gaussian.
/// An observation's σ is multiplied by a scale λ of its own, drawn anew each time: given the scales all is Gaussian.
#pragma once

#include <cstdint>

#include "sda/core/tensor.hpp"
#include "sda/study/exact_chain.hpp"
#include "sda/study/moments.hpp"

namespace sda {

/// λ² of `observations` observations, `draws` times: (draw, observation) float64, from the stream (seed, evaluation).
/// All 1.
Tensor gaussian_scales(std::int64_t draws, std::int64_t observations);
/// A share of the observations has noise `factor` times as large.
Tensor contaminated_scales(std::int64_t draws, std::int64_t observations, double share, double factor,
                           std::uint64_t seed);
/// Student's t of `degrees` degrees of freedom (an integer ≥ 1): λ² = ν / χ²_ν.
Tensor student_scales(std::int64_t draws, std::int64_t observations, std::int64_t degrees, std::uint64_t seed);

/// An ensemble N(F (y − c), V) against truths x ~ N(0, Σ) whose observations have noise λ² Σ_y.
struct NoiseVerdict {
  double rmse = 0;        ///< of the ensemble's mean, over that of a posterior that knows every λ
  double spread = 0;      ///< √(tr V) over the RMSE of the ensemble's own mean: 1 if it knows how wrong it is
  double coverage50 = 0;  ///< truths in the central half
  double coverage90 = 0;
};
NoiseVerdict judge_under_noise(const Moments& moments, const Tensor& covariance, const LinearObservations& observations,
                               const Tensor& squared_scales);

}  // namespace sda
