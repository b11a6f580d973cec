/// ε(x(t) | y) = ε(x(t)) − σ(t) ∇ log p(y | x(t)) (Rozet & Louppe 2023, section 3.2).
#include "sda/guidance/posterior_score.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/torch.hpp"
#include "guidance/rules.hpp"
#include "sda/core/error.hpp"
#include "sda/diffusion/denoising.hpp"

namespace sda {
namespace {

void require_gaussian(const Observations& observations) {
  for (const auto& part : observations.parts) {
    if (part.noise.is_gaussian()) continue;
    throw UsageError({.what = "dps weighs observations by their distance, whatever their noise is",
                      .where = "guidance.rule",
                      .found = part.noise.describe(),
                      .expected = "Gaussian noise",
                      .hint = "use mmps, sda or pigdm, which take every noise"});
  }
}

}  // namespace

PosteriorScore::PosteriorScore(std::shared_ptr<const DifferentiableScore> prior, NoiseSchedule schedule,
                               Observations observations, GuidanceParameters parameters)
    : prior_(std::move(prior)),
      schedule_(std::move(schedule)),
      observations_(std::move(observations)),
      parameters_(std::move(parameters)) {
  const std::vector<std::string>& rules = guidance_rules();
  if (std::find(rules.begin(), rules.end(), parameters_.rule) == rules.end())
    throw UsageError({.what = "unknown likelihood rule",
                      .where = "guidance.rule",
                      .found = parameters_.rule,
                      .expected = fmt::format("one of {}", fmt::join(rules, ", "))});
  if (parameters_.iterations < 1)
    throw UsageError({.what = "out of range",
                      .where = "guidance.iterations",
                      .found = fmt::format("{}", parameters_.iterations),
                      .expected = "at least 1"});
  observations_.check();
  if (parameters_.rule == "dps") require_gaussian(observations_);
  guidance::require_fits(parameters_.gamma, observations_);
}

Tensor PosteriorScore::epsilon(const Tensor& x, double t) const {
  if (parameters_.rule == "none") return prior_->epsilon(x, t);
  // A trajectory of another length would be read at other states, and might even broadcast against the values.
  if (x.dim() < 2 || x.size(1) != observations_.length)
    throw ShapeError({.what = "trajectories are not of the observed length",
                      .where = "posterior score",
                      .found = to_string(x.sizes()),
                      .expected = fmt::format("member × {} × event", observations_.length)});
  const double mu = schedule_.mu(t), sigma = schedule_.sigma(t);
  const bool through = parameters_.rule != "sda" || !parameters_.detach;

  const auto linear = through ? prior_->linearise(x, t) : nullptr;
  const Tensor epsilon = through ? linear->epsilon() : prior_->epsilon(x, t);
  const guidance::Departures observations(observations_, tweedie_mean(schedule_, x, t, epsilon));
  // ∂x̂/∂x = (I − σ ∂ε/∂x) / μ
  const guidance::Vjp vjp = [&](const Tensor& v) { return through ? at::sub(v, linear->vjp(v), sigma) : v; };
  const auto gradient = [&] {
    if (parameters_.rule == "sda") return guidance::sda_gradient(observations, vjp, parameters_, sigma / mu);
    if (parameters_.rule == "pigdm") return guidance::pigdm_gradient(observations, vjp, parameters_, sigma / mu);
    if (parameters_.rule == "mmps") return guidance::mmps_gradient(observations, vjp, parameters_, sigma / mu);
    return guidance::dps_gradient(observations, vjp, parameters_);
  };
  return at::sub(epsilon, gradient(), sigma / mu);
}

}  // namespace sda
