/// ε(x(t) | y) = ε(x(t)) − σ(t) ∇ log p(y | x(t)) (Rozet & Louppe 2023, section 3.2; DPS: Chung et al. 2022).
#include "sda/guidance/posterior_score.hpp"

#include <fmt/format.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/diffusion/denoising.hpp"

namespace sda {

namespace {

/// γ of each reading: one value for all, or one for each part, or of a single part one for each element of a reading.
Tensor gamma_of(const Observations& observed, const std::vector<double>& gamma, at::ScalarType dtype) {
  const auto& parts = observed.parts;
  const Tensor all = at::tensor(gamma, at::kDouble).to(dtype);
  if (gamma.size() == 1) return all;
  const auto elements = count(parts.front().reading());
  if (parts.size() == 1 && std::ssize(gamma) == elements) return all.repeat({parts.front().values.size(0)});
  if (parts.size() > 1 && gamma.size() == parts.size()) {
    std::vector<std::int64_t> readings;
    for (const auto& part : parts) readings.push_back(part.values.numel());
    return all.repeat_interleave(at::tensor(readings, at::kLong));
  }
  throw UsageError({.what = "gamma does not fit the observations",
                    .where = "guidance.gamma",
                    .found = fmt::format("{} values", gamma.size()),
                    .wanted = parts.size() > 1 ? fmt::format("1 or {}, one for each part", parts.size())
                                               : fmt::format("1 or {}, one for each element of a reading", elements)});
}

/// ∇ log N(y | A(x̂), Σ_y + (σ²/μ²) Γ) with respect to x̂.
Tensor sda_gradient(const Observations& observed, const GuidanceParameters& parameters, const Tensor& denoised,
                    double ratio) {
  const at::ScalarType dtype = denoised.scalar_type();
  const Tensor variance = observed.variance(dtype) + gamma_of(observed, parameters.gamma, dtype) * (ratio * ratio);
  return observed.pull_back(denoised, observed.residual(denoised).div_(variance));
}

/// −ζ ∇‖y − A(x̂)‖² / ‖y − A(x̂)‖ with respect to x̂, each member with its own norm.
Tensor dps_gradient(const Observations& observed, const GuidanceParameters& parameters, const Tensor& denoised) {
  const Tensor residual = observed.residual(denoised);
  const Tensor norm = residual.square().sum(1, /*keepdim=*/true).sqrt().clamp_min(1e-30);
  return observed.pull_back(denoised, 2 * parameters.zeta * residual / norm);
}

}  // namespace

PosteriorScore::PosteriorScore(std::shared_ptr<const DifferentiableScore> prior, NoiseSchedule schedule,
                               Observations observations, GuidanceParameters parameters)
    : prior_(std::move(prior)),
      schedule_(std::move(schedule)),
      observations_(std::move(observations)),
      parameters_(std::move(parameters)) {
  if (parameters_.rule != "sda" && parameters_.rule != "dps" && parameters_.rule != "none")
    throw UsageError({.what = "unknown likelihood rule",
                      .where = "guidance.rule",
                      .found = parameters_.rule,
                      .wanted = "sda, dps or none"});
  observations_.check();
  gamma_of(observations_, parameters_.gamma, at::kDouble);
}

Tensor PosteriorScore::epsilon(const Tensor& x, double t) const {
  if (parameters_.rule == "none") return prior_->epsilon(x, t);
  // A trajectory of another length would be read at other states, and might even broadcast against the values.
  if (x.dim() < 2 || x.size(1) != observations_.length)
    throw ShapeError({.what = "trajectories are not of the observed length",
                      .where = "posterior score",
                      .found = to_string(x.sizes()),
                      .wanted = fmt::format("member × {} × event", observations_.length)});
  const double mu = schedule_.mu(t), sigma = schedule_.sigma(t);
  const bool through = parameters_.rule == "dps" || !parameters_.detach;

  const auto linear = through ? prior_->linearise(x, t) : nullptr;
  const Tensor epsilon = through ? linear->epsilon() : prior_->epsilon(x, t);
  const Tensor denoised = tweedie_mean(schedule_, x, t, epsilon);
  Tensor gradient = parameters_.rule == "sda" ? sda_gradient(observations_, parameters_, denoised, sigma / mu)
                                              : dps_gradient(observations_, parameters_, denoised);
  // ∂x̂/∂x = (I − σ ∂ε/∂x) / μ
  if (through) gradient = at::sub(gradient, linear->pull_back(gradient), sigma);
  return at::sub(epsilon, gradient, sigma / mu);
}

}  // namespace sda
