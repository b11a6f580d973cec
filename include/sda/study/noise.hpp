/// Readings whose noise is not what the posterior believes: of another size, or with tails heavier than Gaussian. A
/// reading's σ is multiplied by a scale λ of its own, drawn anew each time: given the scales all is Gaussian.
#pragma once

#include <cstdint>

#include "sda/core/tensor.hpp"
#include "sda/study/carried.hpp"
#include "sda/study/exact_chain.hpp"

namespace sda {

/// λ² of `readings` readings, `draws` times: (draw, reading) float64, from the stream (seed, evaluation).
/// All 1.
Tensor gaussian_scales(std::int64_t draws, std::int64_t readings);
/// A share of the readings has noise `factor` times as large.
Tensor contaminated_scales(std::int64_t draws, std::int64_t readings, double share, double factor, std::uint64_t seed);
/// Student's t of `degrees` degrees of freedom (an integer ≥ 1): λ² = ν / χ²_ν.
Tensor student_scales(std::int64_t draws, std::int64_t readings, std::int64_t degrees, std::uint64_t seed);

/// An ensemble N(F (y − c), V) against truths x ~ N(0, Σ) whose readings have noise λ² Σ_y.
struct NoiseVerdict {
  double rmse = 0;        ///< of the ensemble's mean, over that of a posterior that knows every λ
  double spread = 0;      ///< √(tr V) over the RMSE of the ensemble's own mean: 1 if it knows how wrong it is
  double coverage50 = 0;  ///< truths in the central half
  double coverage90 = 0;
};
NoiseVerdict judge_under_noise(const CarriedGaussian& carried, const Tensor& covariance, const LinearReadings& readings,
                               const Tensor& squared_scales);

}  // namespace sda
