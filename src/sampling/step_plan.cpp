/// The plan of a sampler: which steps, from where to where, with which coefficients.
#include "sda/sampling/step_plan.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "sampling/churn.hpp"
#include "sampling/integration.hpp"

namespace sda {
namespace {

/// Writes the steps down, one after the other.
class Planner {
 public:
  Planner(const NoiseSchedule& schedule, const SamplerParameters& parameters)
      : schedule_(schedule), parameters_(parameters) {}

  Stage stage(double from, double to, std::uint64_t number) {
    Stage stage{.to = to, .steps = {prediction(from, to, number)}};
    const auto corrections = static_cast<std::uint64_t>(is_noisy(to) ? parameters_.corrections : 0);
    for (std::uint64_t i = 0; i < corrections; ++i)
      stage.steps.push_back(correction(to, {Purpose::sampler_correction, number * corrections + i}));
    return stage;
  }

 private:
  bool is_noisy(double t) const { return parameters_.noise_until <= t && t <= parameters_.noise_from; }

  Step prediction(double from, double to, std::uint64_t number) {
    if (parameters_.predictor == Predictor::heun) {
      const auto [r, c] = ExponentialStep::between(schedule_, from, to);
      return HeunStep{.t = from, .t_next = to, .r = r, .c = c};
    }
    const Churn churn = Churn::within(schedule_, from, to, is_noisy(from) ? parameters_.churn : 0);
    AffineStep step = churned(from, to, churn, {Purpose::sampler_churn, number});
    // u ← u + ∫ ε ds, in x = μ u.
    const double mu = schedule_.mu(to);
    step.a = mu / schedule_.mu(from);
    step.w = weights(schedule_.ratio(from), schedule_.ratio(to));
    for (double& w : step.w) w *= mu;
    step.kept = std::min(std::ssize(step.w), parameters_.order - 1);
    return step;
  }

  Step correction(double t, StepNoise z) const {
    if (parameters_.corrector == Corrector::langevin)
      return LangevinStep{.t = t, .sigma = schedule_.sigma(t), .tau = parameters_.tau, .z = z};
    return churned(t, t, Churn::at(schedule_, t, parameters_.tau), z);
  }

  /// The churn of a step that ends at `to`: where its ε is asked for, and u ← u + √(2δ) s_e z − δ s_e ε in x = μ u.
  AffineStep churned(double from, double to, const Churn& churn, StepNoise z) const {
    if (churn.delta == 0) return {.t = from};
    const double mu = schedule_.mu(to), mu_e = schedule_.mu(churn.time), half_kick = churn.half_kick();
    return {.t = churn.time,
            .q = mu_e / schedule_.mu(from),
            .p = mu_e * half_kick,
            .b = 2 * mu * half_kick,
            .c = -mu * churn.delta * churn.ratio,
            .z = z};
  }

  /// Of ∫ ε ds by this evaluation, at s = `from`, and those before it.
  std::vector<double> weights(double from, double to) {
    nodes_.insert(nodes_.begin(), from);
    if (std::ssize(nodes_) > parameters_.order) nodes_.pop_back();
    return integration_weights(nodes_, from, to);
  }

  const NoiseSchedule& schedule_;
  const SamplerParameters& parameters_;
  std::vector<double> nodes_;  ///< σ/μ of the evaluations, the latest first
};

}  // namespace

std::vector<double> time_grid(const NoiseSchedule& schedule, const SamplerParameters& parameters) {
  const double first = schedule.ratio(1), last = schedule.ratio(0), p = parameters.exponent;
  const auto time = [&](double u) {
    if (parameters.grid == TimeGrid::power) return std::pow(u, p);
    if (parameters.grid == TimeGrid::log_snr) return schedule.time_of(last * std::pow(first / last, u));
    if (parameters.grid == TimeGrid::karras)
      return schedule.time_of(std::pow(std::lerp(std::pow(last, 1 / p), std::pow(first, 1 / p), u), p));
    return u;
  };
  std::vector<double> t{1};
  const auto steps = static_cast<double>(parameters.steps);
  for (std::int64_t i = parameters.steps - 1; i > 0; --i) t.push_back(time(static_cast<double>(i) / steps));
  t.push_back(0);
  return t;
}

StepPlan step_plan(const NoiseSchedule& schedule, const SamplerParameters& parameters) {
  check(parameters);
  Planner planner(schedule, parameters);
  const std::vector<double> t = time_grid(schedule, parameters);
  StepPlan plan;
  for (std::size_t i = 0; i + 1 < t.size(); ++i) plan.push_back(planner.stage(t[i], t[i + 1], i));
  return plan;
}

std::int64_t evaluations(const StepPlan& plan) {
  std::int64_t all = 0;
  for (const Stage& stage : plan)
    for (const Step& step : stage.steps) all += std::holds_alternative<HeunStep>(step) ? 2 : 1;
  return all;
}

}  // namespace sda
