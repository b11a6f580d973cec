// The composed score against the trajectory's: both are matrices, ε_k = G_k x and ε = G x, and x(t) ~ N(0, C),
// C = μ² Σ + σ² I, so that E‖ε_k − ε‖² = tr (G_k − G) C (G_k − G)ᵀ.
#include "sda/study/windows.hpp"

#include <cmath>

#include "core/torch.hpp"

namespace sda {

WindowComparison::WindowComparison(StationaryProcess process, NoiseSchedule schedule, std::int64_t length)
    : process_(std::move(process)),
      schedule_(std::move(schedule)),
      length_(length),
      covariance_(process_.covariance(length)) {}

WindowError WindowComparison::error(std::int64_t order, std::int64_t stride, double t) const {
  const double mu = schedule_.mu(t), sigma = schedule_.sigma(t);
  const Tensor unit = at::eye(covariance_.size(0), at::kDouble);
  const Tensor perturbed = mu * mu * covariance_ + sigma * sigma * unit;
  const Tensor whole = sigma * at::cholesky_inverse(at::linalg_cholesky(perturbed));  // G = σ C⁻¹
  const auto composed_score = exact_score(process_, schedule_, length_, order, stride);
  const Tensor composed = composed_score->epsilon(unit.view({-1, length_, process_.dimension()}), t).flatten(1).mT();

  // E of the square of each component, summed over a state's components.
  const auto by_state = [&](const Tensor& map) {
    return map.matmul(perturbed).mul(map).sum(1).view({length_, process_.dimension()}).sum(1);
  };
  const Tensor difference = by_state(composed - whole), size = by_state(whole);
  const double squared = difference.sum().item<double>();
  // x̂_k − x̂ = −σ/μ (ε_k − ε), and Cov(x | x(t)) = (σ/μ)² (I − σ G).
  const double open = (unit - sigma * whole).trace().item<double>();
  return {.score = std::sqrt(squared / size.sum().item<double>()),
          .worst_state = (difference / size).max().sqrt().item<double>(),
          .loss = squared / static_cast<double>(unit.size(0)),
          .mean = std::sqrt(squared / open)};
}

}  // namespace sda
