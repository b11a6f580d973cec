/// ε(x(t) | y) = ε(x(t)) − σ(t) ∇ log p(y | x(t)) (Rozet & Louppe 2023, section 3.2; DPS: Chung et al. 2022).
#include "sda/guidance/posterior_score.hpp"

#include <fmt/format.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/diffusion/denoising.hpp"

namespace sda {

namespace {

/// One value for all elements of a reading, or one for each.
Tensor per_reading(const std::vector<double>& values, at::IntArrayRef reading, at::ScalarType dtype) {
  const Tensor all = at::tensor(values, at::kDouble).to(dtype);
  if (values.size() == 1) return all.squeeze(0);
  if (static_cast<std::int64_t>(values.size()) != count(reading))
    throw UsageError({.what = "gamma does not fit a reading",
                      .where = "guidance.gamma",
                      .found = fmt::format("{} values", values.size()),
                      .wanted = fmt::format("1 or {}", count(reading))});
  return all.view(reading);
}

/// Σ over all axes but the first, kept for broadcasting.
Tensor sum_of_each_member(const Tensor& values, std::int64_t axes) {
  Shape shape(static_cast<std::size_t>(axes), 1);
  shape[0] = values.size(0);
  return values.flatten(1).sum(1).view(shape);
}

/// ∇ log N(y | A(x̂), Σ_y + (σ²/μ²) Γ) with respect to x̂.
Tensor sda_gradient(const Observations& observed, const GuidanceParameters& parameters, const Tensor& denoised,
                    double ratio) {
  const at::ScalarType dtype = denoised.scalar_type();
  const Tensor residual = observed.values.to(dtype) - observed.op->apply(denoised);
  const Shape reading = observed.values.sizes().slice(1).vec();
  const Tensor variance =
      observed.noise.sigma(reading, dtype).square() + per_reading(parameters.gamma, reading, dtype) * (ratio * ratio);
  return observed.op->apply_pull_back(denoised, residual / variance);
}

/// −ζ ∇‖y − A(x̂)‖² / ‖y − A(x̂)‖ with respect to x̂, each member with its own norm.
Tensor dps_gradient(const Observations& observed, const GuidanceParameters& parameters, const Tensor& denoised) {
  const Tensor residual = observed.values.to(denoised.scalar_type()) - observed.op->apply(denoised);
  const Tensor norm = sum_of_each_member(residual.square(), residual.dim()).sqrt().clamp_min(1e-30);
  return observed.op->apply_pull_back(denoised, 2 * parameters.zeta * residual / norm);
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
  per_reading(parameters_.gamma, observations_.values.sizes().slice(1), at::kDouble);
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
