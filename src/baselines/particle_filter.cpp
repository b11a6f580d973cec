// Bootstrap particle filter (Gordon, Salmond & Smith 1993) with systematic resampling (Kitagawa 1996).
#include "sda/baselines/particle_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/dynamics/simulation.hpp"

namespace sda {
namespace {

/// Streams within Purpose::filter_resampling: member 0 resamples (step: the state), the others choose who is kept.
constexpr std::uint64_t resampling_member = 0, choice_member = 1, order_member = 2;

void check(const Dynamics& dynamics, const Observations& observations, const ParticleFilterParameters& parameters) {
  if (!dynamics.is_stochastic()) {
    throw UnsupportedError({.what = "a particle filter needs a dynamics with noise, or all particles die but one",
                            .where = "particle filter",
                            .found = dynamics.name() + " without noise",
                            .hint = "give the dynamics noise: dynamics.noise > 0"});
  }
  observations.check();
  if (dynamics.layout().event != observations.layout.event) {
    throw ShapeError({.what = "observations are of another system",
                      .where = "particle filter",
                      .found = "observations of states " + to_string(observations.layout.event),
                      .expected = to_string(dynamics.layout().event) + ", as " + dynamics.name() + " has them"});
  }
  const auto at_least_one = [](std::int64_t value, const std::string& key, std::int64_t min) {
    if (value >= min) return;
    throw UsageError({.what = "a particle filter cannot run",
                      .where = "filter." + key,
                      .found = std::to_string(value),
                      .expected = "at least " + std::to_string(min)});
  };
  at_least_one(parameters.particles, "particles", 1);
  at_least_one(parameters.members, "members", 1);
  at_least_one(parameters.spin_up, "spin_up", 0);
  if (parameters.members > parameters.particles) {
    throw UsageError({.what = "more trajectories to keep than there are particles",
                      .where = "filter.members",
                      .found = std::to_string(parameters.members),
                      .expected = "at most filter.particles = " + std::to_string(parameters.particles)});
  }
}

/// One instrument on its way along the trajectory.
struct Instrument {
  const ObservationPart& part;
  std::vector<std::int64_t> times;
  std::int64_t observation = 0;  ///< the next

  bool reads(std::int64_t state) const {
    return observation < std::ssize(times) && times[static_cast<std::size_t>(observation)] == state;
  }
};

/// log p(y_i | x) of each particle, y_i what the instruments read of state i; float64. Nothing where none reads it.
std::vector<double> log_likelihoods(const Observations& observations, std::vector<Instrument>& instruments,
                                    std::int64_t state, const Tensor& x) {
  Tensor log_p;
  for (auto& instrument : instruments) {
    if (!instrument.reads(state)) continue;
    const auto& part = instrument.part;
    const Tensor read = part.op->read(observations.normalisation.normalise(x)).to(at::kDouble);
    const Tensor term = part.noise.log_prob(part.values.narrow(0, instrument.observation++, 1), read.unsqueeze(1));
    log_p = log_p.defined() ? log_p + term : term;
  }
  if (!log_p.defined()) return {};
  log_p = log_p.contiguous();
  const double* first = log_p.data_ptr<double>();
  return {first, first + log_p.numel()};
}

/// What log-weights say: log mean w, and the effective size (Σ w)² / Σ w².
struct Weighing {
  double log_mean = 0, effective_size = 0;
};
std::optional<Weighing> weigh(const std::vector<double>& log_weights) {
  const double top = *std::max_element(log_weights.begin(), log_weights.end());
  if (!std::isfinite(top)) return std::nullopt;
  double sum = 0, squares = 0;
  for (const double l : log_weights) {
    const double w = std::exp(l - top);
    sum += w;
    squares += w * w;
  }
  if (!std::isfinite(sum)) return std::nullopt;
  return Weighing{top + std::log(sum / static_cast<double>(log_weights.size())), sum * sum / squares};
}

Tensor as_tensor(const std::vector<std::int64_t>& indices) {
  return at::tensor(at::ArrayRef<std::int64_t>(indices), at::kLong);
}

/// The `members` of `particles` equally weighted ones that are kept: evenly spaced from a random offset, so that each
/// is as likely as any other, in random order, for neighbours share ancestors.
Tensor choose(std::int64_t particles, std::int64_t members, std::uint64_t seed) {
  const std::vector<double> equal(static_cast<std::size_t>(particles), 0.0);
  const StreamKey offset{.seed = seed, .purpose = Purpose::filter_resampling, .first_member = choice_member};
  const StreamKey order{.seed = seed, .purpose = Purpose::filter_resampling, .first_member = order_member};
  return as_tensor(systematic_resampling(equal, members, uniform_scalar(offset)))
      .index_select(0, as_tensor(permutation(members, order)));
}

}  // namespace

std::vector<std::int64_t> systematic_resampling(const std::vector<double>& log_weights, std::int64_t count,
                                                double uniform) {
  const double top = log_weights.empty() ? NAN : *std::max_element(log_weights.begin(), log_weights.end());
  std::vector<double> reach(log_weights.size());  // Σ of the weights so far
  double sum = 0;
  std::size_t last = 0;  // particle with any weight
  for (std::size_t i = 0; i < reach.size(); ++i) {
    reach[i] = sum + std::exp(log_weights[i] - top);
    if (reach[i] > sum) last = i;
    sum = reach[i];
  }
  if (!(sum > 0) || !std::isfinite(sum) || !(uniform > 0 && uniform < 1)) {
    throw ValueError({.what = "log-weights cannot be resampled",
                      .where = "systematic resampling",
                      .found = fmt::format("{} weights, sum {}, uniform {}", reach.size(), sum, uniform),
                      .expected = "at least one finite log-weight, none NaN or +infinity, and a uniform in (0, 1)"});
  }
  // Offspring k takes the first ancestor whose reach exceeds (k + u) / count of the whole.
  std::vector<std::int64_t> ancestors(static_cast<std::size_t>(count));
  std::size_t i = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    const double place = (static_cast<double>(k) + uniform) / static_cast<double>(count) * sum;
    while (i < last && reach[i] <= place) ++i;
    ancestors[static_cast<std::size_t>(k)] = static_cast<std::int64_t>(i);
  }
  return ancestors;
}

FilterResult particle_filter(const Dynamics& dynamics, const Observations& observations,
                             const ParticleFilterParameters& parameters, std::uint64_t seed,
                             const ProgressCallback& progress) {
  check(dynamics, observations, parameters);
  const at::NoGradGuard no_grad;
  const std::int64_t particles = parameters.particles, length = observations.length;
  std::vector<Instrument> instruments;
  const Observations single = observations.by_state();
  for (const auto& part : single.parts) instruments.push_back({part, part.op->times(length)});
  StreamKey noise{.seed = seed, .purpose = Purpose::filter_transition};

  // x_1 ~ p(x_1): the dynamics' start, spun up. Particles are solver states, weighed by the states seen of them.
  Tensor x = dynamics.start(particles, {.seed = seed, .purpose = Purpose::filter_start}, at::kFloat);
  spin_up(dynamics, parameters.spin_up, noise, x, "no ensemble");

  FilterResult result;
  result.smallest_effective_size = static_cast<double>(particles);
  // States as they were before resampling, and who descends from whom where there was one.
  Tensor passed = at::empty(prepend({length, particles}, dynamics.layout().event), x.options());
  std::vector<Tensor> ancestors(static_cast<std::size_t>(length));
  for (std::int64_t i = 0; i < length; ++i, ++noise.step) {
    if (i > 0) dynamics.advance(x, 1, noise);  // x_i ~ p(x_i | x_{i−1}), step spin_up + i of the stream
    passed[i].copy_(dynamics.to_state(x));
    const std::vector<double> log_weights = log_likelihoods(observations, instruments, i, passed[i]);
    if (!log_weights.empty()) {
      const std::optional<Weighing> weighing = weigh(log_weights);
      if (!weighing) {
        throw NumericalError({.what = "no particle explains the observation, or a state is no longer finite",
                              .where = fmt::format("particle filter: state {}", i),
                              .hint = "check the observation's values and noise, or use more particles"});
      }
      result.log_evidence += weighing->log_mean;
      result.smallest_effective_size = std::min(result.smallest_effective_size, weighing->effective_size);
      const StreamKey draw{.seed = seed,
                           .purpose = Purpose::filter_resampling,
                           .first_member = resampling_member,
                           .step = static_cast<std::uint64_t>(i)};
      Tensor& from = ancestors[static_cast<std::size_t>(i)];
      from = as_tensor(systematic_resampling(log_weights, particles, uniform_scalar(draw)));
      x = x.index_select(0, from);
    }
    if (progress) progress(i + 1, length, "");
    StopToken::throw_if_stopped("no ensemble");
  }

  // Trajectories of the kept particles, from the last state back.
  Tensor who = choose(particles, parameters.members, seed);
  Tensor members = at::empty(prepend({parameters.members, length}, dynamics.layout().event), x.options());
  for (std::int64_t i = length - 1; i >= 0; --i) {
    const Tensor& from = ancestors[static_cast<std::size_t>(i)];
    if (from.defined()) who = from.index_select(0, who);
    members.select(1, i).copy_(passed[i].index_select(0, who));
  }
  result.distinct_starts = std::get<0>(at::_unique(who)).numel();
  result.ensemble = {.layout = dynamics.layout(),
                     .members = members,
                     .start_time = observations.start_time,
                     .method = "bootstrap particle filter"};
  return result;
}

}  // namespace sda
