/// Predictor-corrector sampling (Rozet & Louppe 2023, Algorithm 4).
#include "sda/sampling/sampler.hpp"

#include <fmt/format.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/core/runtime.hpp"

namespace sda {

Predictor Predictor::between(const NoiseSchedule& schedule, double from, double to) {
  const double r = schedule.mu(to) / schedule.mu(from);
  return {.r = r, .c = schedule.sigma(to) - r * schedule.sigma(from)};
}

void langevin_correction(Tensor& x, const Tensor& epsilon, const Tensor& z, double tau, double sigma) {
  Shape each_member(static_cast<std::size_t>(x.dim()), 1);
  each_member[0] = x.size(0);
  // δ = τ / mean ε²: each trajectory has its own step.
  const Tensor delta = (tau / epsilon.flatten(1).square().mean(1)).view(each_member);
  x.addcmul_(delta, epsilon, -sigma).addcmul_((2 * delta).sqrt(), z, -sigma);
}

Sampler::Sampler(NoiseSchedule schedule, SamplerParameters parameters)
    : schedule_(std::move(schedule)), parameters_(parameters) {
  const auto refuse = [](const std::string& key, double found, const std::string& wanted) {
    throw UsageError(
        {.what = "out of range", .where = "sampler." + key, .found = fmt::format("{}", found), .wanted = wanted});
  };
  if (parameters_.steps < 1) refuse("steps", static_cast<double>(parameters_.steps), "at least 1");
  if (parameters_.corrections < 0) refuse("corrections", static_cast<double>(parameters_.corrections), "at least 0");
  if (!(parameters_.tau > 0)) refuse("tau", parameters_.tau, "a number > 0");
}

std::vector<double> Sampler::times() const {
  std::vector<double> t;
  const auto steps = static_cast<double>(parameters_.steps);
  for (std::int64_t i = parameters_.steps; i >= 0; --i) t.push_back(static_cast<double>(i) / steps);
  return t;
}

Tensor Sampler::sample(const ScoreModel& score, at::IntArrayRef shape, std::uint64_t seed, std::uint64_t first_member,
                       const ProgressCallback& progress, at::ScalarType dtype) const {
  // σ(1) is 1 but for η: x(1) ~ N(0, I).
  Tensor x = normal(shape, {seed, Purpose::sampler_start, first_member, 0}, dtype);
  return sample_from(std::move(x), score, seed, first_member, progress);
}

Tensor Sampler::sample_from(Tensor x, const ScoreModel& score, std::uint64_t seed, std::uint64_t first_member,
                            const ProgressCallback& progress) const {
  at::NoGradGuard no_grad;
  x = x.clone(at::MemoryFormat::Contiguous);
  Tensor z = parameters_.corrections > 0 ? at::empty_like(x) : Tensor();
  const std::vector<double> t = times();
  for (std::int64_t step = 0; step < parameters_.steps; ++step) {
    StopToken::throw_if_stopped("");
    const double from = t[step], to = t[step + 1];
    const auto [r, c] = Predictor::between(schedule_, from, to);
    const Tensor predicted = score.epsilon(x, from);
    x.mul_(r).add_(predicted, c);
    for (std::int64_t correction = 0; correction < parameters_.corrections; ++correction) {
      const Tensor epsilon = score.epsilon(x, to);
      fill_normal(z, {seed, Purpose::sampler_correction, first_member,
                      static_cast<std::uint64_t>(step * parameters_.corrections + correction)});
      langevin_correction(x, epsilon, z, parameters_.tau, schedule_.sigma(to));
    }
    if (!at::isfinite(x).all().item<bool>())
      throw NumericalError({.what = "the state is not finite",
                            .where = fmt::format("sampler, step {} of {}, t = {}", step + 1, parameters_.steps, to),
                            .found = "NaN or infinity",
                            .mend = "try more steps, a larger guidance.gamma or a smaller sampler.tau"});
    if (progress) progress(step + 1, parameters_.steps, "");
  }
  return x;
}

}  // namespace sda
