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
  /// How many observations are of states before this one.
  std::int64_t before(std::int64_t state) const {
    return std::count_if(times.begin(), times.end(), [&](std::int64_t time) { return time < state; });
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

namespace {

/// The filter on its way along the trajectory.
class Filtering {
 public:
  Filtering(const Dynamics& dynamics, const Observations& observations, const ParticleFilterParameters& parameters,
            std::uint64_t seed, const FilterSaving& saving)
      : dynamics_(dynamics),
        observations_(observations),
        single_(observations.by_state()),
        parameters_(parameters),
        seed_(seed),
        saving_(saving) {
    for (const auto& part : single_.parts) instruments_.push_back({part, part.op->times(observations.length)});
    const Shape of_all = prepend({observations.length, parameters.particles}, dynamics.layout().event);
    if (saving.from) {
      go_on_from(*saving.from, of_all);
    } else {
      start();
      passed_ = at::empty(of_all, state_.particles.options());
      ancestors_ = at::empty({observations.length, parameters.particles}, at::kLong);
    }
  }

  void run(const ProgressCallback& progress) {
    const std::int64_t length = observations_.length;
    while (state_.states_done < length) {
      const Tensor before = state_.particles.clone();
      try {
        step(state_.states_done);
      } catch (const Interrupted&) {  // within a long transition
        state_.particles = before;
        save();
        throw;
      }
      ++state_.states_done;
      if (progress) progress(state_.states_done, length, "");
      save_if_due();
    }
  }

  FilterResult result() const;

 private:
  /// x_1 ~ p(x_1): the dynamics' start, spun up. Particles are solver states, weighed by the states seen of them.
  void start() {
    StreamKey noise{.seed = seed_, .purpose = Purpose::filter_transition};
    state_.particles =
        dynamics_.start(parameters_.particles, {.seed = seed_, .purpose = Purpose::filter_start}, at::kFloat);
    spin_up(dynamics_, parameters_.spin_up, noise, state_.particles, "nothing was written");
    state_.smallest_effective_size = static_cast<double>(parameters_.particles);
  }

  void go_on_from(const FilterState& from, const Shape& of_all) {
    const auto require = [](const Tensor& found, const Shape& expected) {
      if (found.defined() && found.sizes() == at::IntArrayRef(expected)) return;
      throw ShapeError({.what = "a filter that was begun is of another size",
                        .where = "particle filter",
                        .found = found.defined() ? to_string(found.sizes()) : "nothing",
                        .expected = to_string(expected)});
    };
    Shape of_done = of_all;
    of_done.front() = from.states_done;
    require(from.particles, prepend({parameters_.particles}, dynamics_.solver_event()));
    require(from.passed, of_done);
    require(from.ancestors, {from.states_done, parameters_.particles});
    state_ = from;
    seconds_before_ = from.seconds;
    passed_ = at::empty(of_all, from.passed.options());
    passed_.narrow(0, 0, from.states_done).copy_(from.passed);
    ancestors_ = at::empty({of_all[0], of_all[1]}, at::kLong);
    ancestors_.narrow(0, 0, from.states_done).copy_(from.ancestors);
    for (auto& instrument : instruments_) instrument.observation = instrument.before(from.states_done);
  }

  /// x_i ~ p(x_i | x_{i−1}), step spin_up + i of the stream; weighed and resampled where state i is observed.
  void step(std::int64_t i) {
    Tensor& x = state_.particles;
    StreamKey noise{.seed = seed_,
                    .purpose = Purpose::filter_transition,
                    .step = static_cast<std::uint64_t>(parameters_.spin_up + i)};
    if (i > 0) dynamics_.advance(x, 1, noise);
    passed_[i].copy_(dynamics_.to_state(x));
    ancestors_[i].copy_(at::arange(parameters_.particles, at::kLong));
    const std::vector<double> log_weights = log_likelihoods(observations_, instruments_, i, passed_[i]);
    if (log_weights.empty()) return;
    const std::optional<Weighing> weighing = weigh(log_weights);
    if (!weighing) {
      throw NumericalError({.what = "no particle explains the observation, or a state is no longer finite",
                            .where = fmt::format("particle filter: state {}", i),
                            .hint = "check the observation's values and noise, or use more particles"});
    }
    state_.log_evidence += weighing->log_mean;
    state_.smallest_effective_size = std::min(state_.smallest_effective_size, weighing->effective_size);
    const StreamKey draw{.seed = seed_,
                         .purpose = Purpose::filter_resampling,
                         .first_member = resampling_member,
                         .step = static_cast<std::uint64_t>(i)};
    const Tensor from = as_tensor(systematic_resampling(log_weights, parameters_.particles, uniform_scalar(draw)));
    ancestors_[i].copy_(from);
    x = x.index_select(0, from);
  }

  void save_if_due() {
    const bool stop = StopToken::is_raised();
    if (!stop && since_saved_.seconds() <= 60 * parameters_.save_minutes) return;
    save();
    since_saved_ = Stopwatch();
    if (stop) StopToken::throw_if_stopped("");
  }

  void save() {
    if (!saving_.save) return;
    state_.passed = passed_.narrow(0, 0, state_.states_done);
    state_.ancestors = ancestors_.narrow(0, 0, state_.states_done);
    state_.seconds = seconds();
    saving_.save(state_);
  }

  double seconds() const { return seconds_before_ + since_start_.seconds(); }

  const Dynamics& dynamics_;
  const Observations& observations_;
  Observations single_;
  const ParticleFilterParameters& parameters_;
  std::uint64_t seed_;
  const FilterSaving& saving_;
  std::vector<Instrument> instruments_;
  FilterState state_;
  Tensor passed_, ancestors_;  ///< as those of the state, of all states of the trajectory
  Stopwatch since_start_, since_saved_;
  double seconds_before_ = 0;  ///< of the run that was stopped
};

/// Trajectories of the kept particles, from the last state back.
FilterResult Filtering::result() const {
  const std::int64_t length = observations_.length;
  Tensor who = choose(parameters_.particles, parameters_.members, seed_);
  Tensor members = at::empty(prepend({parameters_.members, length}, dynamics_.layout().event), passed_.options());
  for (std::int64_t i = length - 1; i >= 0; --i) {
    who = ancestors_[i].index_select(0, who);
    members.select(1, i).copy_(passed_[i].index_select(0, who));
  }
  return {.ensemble = {.layout = dynamics_.layout(),
                       .members = members,
                       .start_time = observations_.start_time,
                       .method = "bootstrap particle filter"},
          .log_evidence = state_.log_evidence,
          .smallest_effective_size = state_.smallest_effective_size,
          .distinct_starts = std::get<0>(at::_unique(who)).numel(),
          .seconds = seconds()};
}

}  // namespace

FilterResult particle_filter(const Dynamics& dynamics, const Observations& observations,
                             const ParticleFilterParameters& parameters, std::uint64_t seed,
                             const ProgressCallback& progress, const FilterSaving& saving) {
  check(dynamics, observations, parameters);
  const at::NoGradGuard no_grad;
  Filtering filtering(dynamics, observations, parameters, seed, saving);
  filtering.run(progress);
  return filtering.result();
}

}  // namespace sda
