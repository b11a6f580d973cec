/// Perturbation, Tweedie's mean and the training loss (Rozet & Louppe 2023, equations 4 to 7).
#pragma once

#include "sda/diffusion/noise_schedule.hpp"

namespace sda {

/// x(t) = μ(t) x + σ(t) ε; x and ε (n, …), t (n).
Tensor perturb(const NoiseSchedule& schedule, const Tensor& x, const Tensor& t, const Tensor& epsilon);

/// The same in place for `rows` rows of `row` float32 values in memory; t (rows).
void perturb(const NoiseSchedule& schedule, float* x, const float* t, const float* epsilon, std::int64_t rows,
             std::int64_t row);

/// x̂(x(t)) = (x(t) − σ ε_φ) / μ; at least float32 whatever the network's precision.
Tensor tweedie_mean(const NoiseSchedule& schedule, const Tensor& x, double t, const Tensor& epsilon);

/// E ‖ε_φ(x(t), t) − ε‖², mean over all elements: `predicted` and `epsilon` of one shape. Scalar, differentiable.
Tensor denoising_loss(const Tensor& predicted, const Tensor& epsilon);

}  // namespace sda
