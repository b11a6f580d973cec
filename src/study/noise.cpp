// Scale mixtures of Gaussian noise: x − F y = (I − F H) x − F e, e ~ N(0, λ² Σ_y), is Gaussian for given scales λ.
#include "sda/study/noise.hpp"

#include <cmath>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"

namespace sda {

namespace {

/// A step of the stream `evaluation` that nothing else draws from ("scales").
constexpr std::uint64_t scale_draw = 0x7363616c6573;

}  // namespace

Tensor gaussian_scales(std::int64_t draws, std::int64_t observations) {
  return at::ones({draws, observations}, at::kDouble);
}

Tensor contaminated_scales(std::int64_t draws, std::int64_t observations, double share, double factor,
                           std::uint64_t seed) {
  const StreamKey key{.seed = seed, .purpose = Purpose::evaluation, .step = scale_draw};
  const Tensor wild = uniform({draws, observations}, key, at::kDouble).lt(share).to(at::kDouble);
  return 1 + wild * (factor * factor - 1);
}

Tensor student_scales(std::int64_t draws, std::int64_t observations, std::int64_t degrees, std::uint64_t seed) {
  if (degrees < 1)
    throw ValueError({.what = "degrees of freedom out of range",
                      .where = "Student's t",
                      .found = std::to_string(degrees),
                      .expected = "an integer ≥ 1"});
  const StreamKey key{.seed = seed, .purpose = Purpose::evaluation, .step = scale_draw};
  const Tensor chi_squared = normal({draws, observations, degrees}, key, at::kDouble).square().sum(2);
  return static_cast<double>(degrees) / chi_squared;
}

NoiseVerdict judge_under_noise(const Moments& moments, const Tensor& covariance, const LinearObservations& observations,
                               const Tensor& squared_scales) {
  const Tensor& h = observations.matrix;
  const Tensor rest = at::eye(covariance.size(0), at::kDouble) - moments.mean_map.matmul(h);
  const Tensor of_state = rest.matmul(covariance).mul(rest).sum(1);  // diagonal of (I − F H) Σ (I − F H)ᵀ
  const Tensor noise = squared_scales * observations.variance;       // (draw, observation)
  const Tensor deviation = of_state + noise.matmul(moments.mean_map.square().mT());  // (draw, component)
  const Tensor variance = moments.covariance.diagonal().clamp_min(0);
  const auto coverage = [&](double level) {
    const Tensor half = at::erfinv(at::scalar_tensor(level, at::kDouble)) * (variance / deviation).sqrt();
    return at::erf(half).mean().item<double>();
  };
  // tr P of a posterior that knows λ: tr Σ − tr Σ Hᵀ S⁻¹ H Σ.
  const Tensor cross = h.matmul(covariance);
  const Tensor of_observations = h.matmul(covariance).matmul(h.mT()) + at::diag_embed(noise);
  const Tensor gain = at::linalg_solve(of_observations, cross.expand({noise.size(0), cross.size(0), cross.size(1)}));
  const Tensor known = covariance.trace() - (gain * cross).sum(at::IntArrayRef({1, 2}));
  const double error = deviation.sum(1).mean().item<double>();
  return {.rmse = std::sqrt(error / known.mean().item<double>()),
          .spread = std::sqrt(variance.sum().item<double>() / error),
          .coverage50 = coverage(0.5),
          .coverage90 = coverage(0.9)};
}

}  // namespace sda
