/// Predictor-corrector sampling (Rozet & Louppe 2023, Algorithm 4).
#include "sda/sampling/sampler.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/core/runtime.hpp"

namespace sda {

namespace {

/// x(t) on its way from t = 1 to t = 0.
class Path {
 public:
  Path(Tensor x, const ScoreModel& score, const NoiseSchedule& schedule, const SamplerParameters& parameters,
       std::uint64_t seed, std::uint64_t first_member)
      : x_(std::move(x)),
        z_(at::empty_like(x_)),
        score_(score),
        schedule_(schedule),
        parameters_(parameters),
        seed_(seed),
        first_member_(first_member) {}

  const Tensor& state() const { return x_; }

  void predict(double from, double to, std::int64_t step) {
    if (parameters_.predictor == Predictor::heun) return heun(from, to);
    const Churn churn = Churn::within(schedule_, from, to, is_noisy(from) ? parameters_.churn : 0);
    const double mu = schedule_.mu(to);
    if (churn.delta > 0) draw(Purpose::sampler_churn, step);
    remember(schedule_.ratio(from), evaluate(from, churn));
    const std::vector<double> weights =
        integration_weights({nodes_.begin(), nodes_.end()}, schedule_.ratio(from), schedule_.ratio(to));
    x_.mul_(mu / schedule_.mu(from));
    for (std::size_t i = 0; i < weights.size(); ++i) x_.add_(epsilons_[i], mu * weights[i]);
    renew(to, churn, epsilons_.front());
  }

  void correct(double t, std::int64_t correction) {
    if (!is_noisy(t)) return;
    draw(Purpose::sampler_correction, correction);
    if (parameters_.corrector == Corrector::langevin)
      return langevin_correction(x_, score_.epsilon(x_, t), z_, parameters_.tau, schedule_.sigma(t));
    const Churn churn = Churn::at(schedule_, t, parameters_.tau);
    renew(t, churn, evaluate(t, churn));
  }

 private:
  bool is_noisy(double t) const { return parameters_.noise_until <= t && t <= parameters_.noise_from; }

  void draw(Purpose purpose, std::int64_t step) {
    fill_normal(z_, {seed_, purpose, first_member_, static_cast<std::uint64_t>(step)});
  }

  /// ε(μ_e u_e, t_e).
  Tensor evaluate(double t, const Churn& churn) const {
    if (churn.delta == 0) return score_.epsilon(x_, t);
    const double mu = schedule_.mu(churn.time);
    return score_.epsilon(at::mul(x_, mu / schedule_.mu(t)).add_(z_, mu * half_kick(churn)), churn.time);
  }

  /// u ← u + √(2δ) s_e z − δ s_e ε, in x = μ(t) u.
  void renew(double t, const Churn& churn, const Tensor& epsilon) {
    if (churn.delta == 0) return;
    const double mu = schedule_.mu(t);
    x_.add_(z_, 2 * mu * half_kick(churn)).add_(epsilon, -mu * churn.delta * churn.ratio);
  }

  static double half_kick(const Churn& churn) { return std::sqrt(churn.delta / 2) * churn.ratio; }

  void remember(double ratio, Tensor epsilon) {
    nodes_.push_front(ratio);
    epsilons_.push_front(std::move(epsilon));
    if (std::ssize(nodes_) <= parameters_.order) return;
    nodes_.pop_back();
    epsilons_.pop_back();
  }

  /// Heun's: the mean of ε here and of ε where it leads.
  void heun(double from, double to) {
    const auto [r, c] = ExponentialStep::between(schedule_, from, to);
    const Tensor here = score_.epsilon(x_, from);
    x_.mul_(r);
    const Tensor there = score_.epsilon(at::add(x_, here, c), to);
    x_.add_(here, c / 2).add_(there, c / 2);
  }

  Tensor x_, z_;
  std::deque<double> nodes_;     ///< σ/μ of the evaluations remembered, the latest first
  std::deque<Tensor> epsilons_;  ///< their ε
  const ScoreModel& score_;
  const NoiseSchedule& schedule_;
  const SamplerParameters& parameters_;
  std::uint64_t seed_, first_member_;
};

void require_sampler(bool holds, const std::string& key, const std::string& found, const std::string& expected) {
  if (!holds)
    throw UsageError({.what = "out of range", .where = "sampler." + key, .found = found, .expected = expected});
}

}  // namespace

ExponentialStep ExponentialStep::between(const NoiseSchedule& schedule, double from, double to) {
  const double r = schedule.mu(to) / schedule.mu(from);
  return {.r = r, .c = schedule.sigma(to) - r * schedule.sigma(from)};
}

std::vector<double> integration_weights(const std::vector<double>& nodes, double from, double to) {
  // Lagrange's polynomials are of degree two at most: Simpson's rule integrates them exactly.
  std::vector<double> weights;
  for (std::size_t j = 0; j < nodes.size(); ++j) {
    const auto lagrange = [&](double s) {
      double value = 1;
      for (std::size_t i = 0; i < nodes.size(); ++i)
        if (i != j) value *= (s - nodes[i]) / (nodes[j] - nodes[i]);
      return value;
    };
    weights.push_back((to - from) / 6 * (lagrange(from) + 4 * lagrange((from + to) / 2) + lagrange(to)));
  }
  return weights;
}

Churn Churn::at(const NoiseSchedule& schedule, double t, double delta) {
  if (delta == 0) return {.delta = 0, .time = t, .ratio = schedule.ratio(t)};
  const double share = schedule.ratio(t) / schedule.ratio(1);
  const double bounded = std::min(delta, 2 * (1 - share * share));
  const double ratio = schedule.ratio(t) / std::sqrt(1 - bounded / 2);
  return {.delta = bounded, .time = schedule.time_of(ratio), .ratio = ratio};
}

Churn Churn::within(const NoiseSchedule& schedule, double from, double to, double delta) {
  const double s = schedule.ratio(from), expected = schedule.ratio(to);
  // Pure noise has ε = u_e / s_e, so u ← (1 − β) u + (2 − β) a z, a = ½ √(2δ) s_e, β = δ + (s − s') / s_e.
  const auto widens = [&](const Churn& r) {
    const double beta = r.delta + (s - expected) / r.ratio, a = std::sqrt(r.delta / 2) * r.ratio;
    return std::hypot((1 - beta) * s, (2 - beta) * a) > 1.1 * expected;
  };
  const Churn whole = at(schedule, from, delta);
  if (!widens(whole)) return whole;
  double min = 0, max = whole.delta;
  while (max - min > 1e-6) {
    const double middle = (min + max) / 2;
    (widens(at(schedule, from, middle)) ? max : min) = middle;
  }
  return at(schedule, from, min);
}

void langevin_correction(Tensor& x, const Tensor& epsilon, const Tensor& z, double tau, double sigma) {
  Shape each_member(static_cast<std::size_t>(x.dim()), 1);
  each_member[0] = x.size(0);
  // δ = τ / mean ε²: each trajectory has its own step.
  const Tensor delta = (tau / epsilon.flatten(1).square().mean(1)).view(each_member);
  x.addcmul_(delta, epsilon, -sigma).addcmul_((2 * delta).sqrt(), z, -sigma);
}

Sampler::Sampler(NoiseSchedule schedule, SamplerParameters parameters)
    : schedule_(std::move(schedule)), parameters_(std::move(parameters)) {
  const SamplerParameters& p = parameters_;
  require_sampler(p.steps >= 1, "steps", fmt::format("{}", p.steps), "at least 1");
  require_sampler(p.exponent > 0, "exponent", fmt::format("{}", p.exponent), "a number > 0");
  require_sampler(p.order >= 1 && p.order <= 3, "order", fmt::format("{}", p.order), "1, 2 or 3");
  require_sampler(p.churn >= 0 && p.churn < 2, "churn", fmt::format("{}", p.churn), "a number ≥ 0 and < 2");
  require_sampler(p.predictor == Predictor::exponential || (p.churn == 0 && p.order == 1), "predictor",
                  name_of(p.predictor), "exponential, for sampler.churn > 0 or sampler.order > 1");
  require_sampler(p.corrections >= 0, "corrections", fmt::format("{}", p.corrections), "at least 0");
  require_sampler(p.tau > 0, "tau", fmt::format("{}", p.tau), "a number > 0");
  require_sampler(p.corrector == Corrector::langevin || p.tau < 2, "tau", fmt::format("{}", p.tau),
                  "below 2, for leimkuhler_matthews");
  require_sampler(0 <= p.noise_until && p.noise_until <= p.noise_from && p.noise_from <= 1, "noise_until",
                  fmt::format("{} to {}", p.noise_from, p.noise_until), "1 ≥ noise_from ≥ noise_until ≥ 0");
}

std::vector<double> Sampler::times() const {
  const double first = schedule_.ratio(1), last = schedule_.ratio(0), p = parameters_.exponent;
  const auto time = [&](double u) {
    if (parameters_.grid == TimeGrid::power) return std::pow(u, p);
    if (parameters_.grid == TimeGrid::log_snr) return schedule_.time_of(last * std::pow(first / last, u));
    if (parameters_.grid == TimeGrid::karras)
      return schedule_.time_of(std::pow(std::lerp(std::pow(last, 1 / p), std::pow(first, 1 / p), u), p));
    return u;
  };
  std::vector<double> t{1};
  const auto steps = static_cast<double>(parameters_.steps);
  for (std::int64_t i = parameters_.steps - 1; i > 0; --i) t.push_back(time(static_cast<double>(i) / steps));
  t.push_back(0);
  return t;
}

Tensor Sampler::sample(const ScoreModel& score, at::IntArrayRef shape, std::uint64_t seed, std::uint64_t first_member,
                       const ProgressCallback& progress, at::ScalarType dtype) const {
  // σ(1) is 1 but for η: x(1) ~ N(0, I).
  Tensor x = normal(shape, {seed, Purpose::sampler_start, first_member, 0}, dtype);
  return sample_from(std::move(x), score, seed, first_member, progress);
}

Tensor Sampler::sample_from(Tensor x,  // NOLINT(performance-unnecessary-value-param): the states are its own
                            const ScoreModel& score, std::uint64_t seed, std::uint64_t first_member,
                            const ProgressCallback& progress) const {
  at::NoGradGuard no_grad;
  Path path(x.clone(at::MemoryFormat::Contiguous), score, schedule_, parameters_, seed, first_member);
  const std::vector<double> t = times();
  for (std::int64_t step = 0; step < parameters_.steps; ++step) {
    StopToken::throw_if_stopped("");
    const double from = t[step], to = t[step + 1];
    path.predict(from, to, step);
    for (std::int64_t i = 0; i < parameters_.corrections; ++i) path.correct(to, step * parameters_.corrections + i);
    if (!at::isfinite(path.state()).all().item<bool>())
      throw NumericalError({.what = "the state is not finite",
                            .where = fmt::format("sampler, step {} of {}, t = {}", step + 1, parameters_.steps, to),
                            .found = "NaN or infinity",
                            .hint = "try more steps, a larger guidance.gamma or a smaller sampler.tau"});
    if (progress) progress(step + 1, parameters_.steps, "");
  }
  return path.state();
}

}  // namespace sda
