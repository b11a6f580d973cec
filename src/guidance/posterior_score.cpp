/// ε(x(t) | y) = ε(x(t)) − σ(t) ∇ log p(y | x(t)) (Rozet & Louppe 2023, section 3.2).
#include "sda/guidance/posterior_score.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/diffusion/denoising.hpp"

namespace sda {
namespace {

/// "use sda, mmps or pigdm, which take every noise"
std::string rules_of_any_noise() {
  std::vector<std::string> names;
  for (const auto& kind : likelihood_rules())
    if (kind.any_noise) names.push_back(kind.name);
  const std::string last = names.back();
  names.pop_back();
  return fmt::format("use {} or {}, which take every noise", fmt::join(names, ", "), last);
}

void require_noise(const std::string& rule, const Observations& observations) {
  const auto* kind = likelihood_rule_kind(rule);
  if (kind == nullptr || kind->any_noise) return;
  for (const auto& part : observations.parts) {
    if (part.noise.is_gaussian()) continue;
    throw UsageError({.what = rule + " weighs observations as if their noise were Gaussian",
                      .where = "guidance.rule",
                      .found = part.noise.describe(),
                      .expected = "Gaussian noise",
                      .hint = rules_of_any_noise()});
  }
}

}  // namespace

PosteriorScore::PosteriorScore(std::shared_ptr<const DifferentiableScore> prior, NoiseSchedule schedule,
                               Observations observations, const GuidanceParameters& parameters,
                               const Communicator& ranks)
    : prior_(std::move(prior)),
      schedule_(std::move(schedule)),
      observations_(std::move(observations)),
      rule_(make_likelihood_rule(parameters)),
      ranks_(ranks),
      count_(ranks.sum(at::tensor({count_observations(observations_)}, at::kLong)).item<std::int64_t>()) {
  observations_.check();
  require_noise(parameters.rule, observations_);
  require_fits(parameters.gamma, observations_);
}

std::int64_t PosteriorScore::passes() const {
  return 1 + (rule_ == nullptr ? 0 : rule_->vjps(count_));
}

Tensor PosteriorScore::epsilon(const Tensor& x, double t) const {
  if (rule_ == nullptr) return prior_->epsilon(x, t);
  // A trajectory of another length would be read at other states, and might even broadcast against the values.
  if (x.dim() < 2 || x.size(1) != observations_.length)
    throw ShapeError({.what = "trajectories are not of the observed length",
                      .where = "posterior score",
                      .found = to_string(x.sizes()),
                      .expected = fmt::format("member × {} × event", observations_.length)});
  const double mu = schedule_.mu(t), sigma = schedule_.sigma(t);
  const auto linear = passes() > 1 ? prior_->linearise(x, t) : nullptr;
  const Tensor epsilon = linear ? linear->epsilon() : prior_->epsilon(x, t);
  const Departures y(observations_, tweedie_mean(schedule_, x, t, epsilon), count_, ranks_);
  // ∂x̂/∂x = (I − σ ∂ε/∂x) / μ
  const DenoiserVjp vjp = [&](const Tensor& v) { return linear ? at::sub(v, linear->vjp(v), sigma) : v; };
  return at::sub(epsilon, rule_->gradient(y, vjp, sigma / mu), sigma / mu);
}

}  // namespace sda
