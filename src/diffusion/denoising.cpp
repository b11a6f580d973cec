/// Perturbation, Tweedie's mean and the denoising loss (Rozet & Louppe 2023, equations 4 to 7).
#include "sda/diffusion/denoising.hpp"

#include "core/torch.hpp"

namespace sda {

namespace {

/// (n) → (n, 1, …) with as many axes as `x`, in its dtype.
Tensor along_rows(const Tensor& values, const Tensor& x) {
  Shape shape(static_cast<std::size_t>(x.dim()), 1);
  shape[0] = values.numel();
  return values.to(x.scalar_type()).view(shape);
}

}  // namespace

Tensor perturb(const NoiseSchedule& schedule, const Tensor& x, const Tensor& t, const Tensor& epsilon) {
  return along_rows(schedule.mu(t), x) * x + along_rows(schedule.sigma(t), x) * epsilon;
}

void perturb(const NoiseSchedule& schedule, float* x, const float* t, const float* epsilon, std::int64_t rows,
             std::int64_t row) {
  for (std::int64_t r = 0; r < rows; ++r, x += row, epsilon += row) {
    const auto mu = static_cast<float>(schedule.mu(double{t[r]})),
               sigma = static_cast<float>(schedule.sigma(double{t[r]}));
    for (std::int64_t i = 0; i < row; ++i) x[i] = mu * x[i] + sigma * epsilon[i];
  }
}

Tensor tweedie_mean(const NoiseSchedule& schedule, const Tensor& x, double t, const Tensor& epsilon) {
  // Near t = 1 an error in ε is multiplied by 1/μ = 1/η: never in half precision.
  return at::sub(x, epsilon.to(x.scalar_type()), schedule.sigma(t)).div_(schedule.mu(t));
}

Tensor denoising_loss(const Tensor& predicted, const Tensor& epsilon) {
  return at::mse_loss(predicted, epsilon);
}

}  // namespace sda
