/// x ~ p(x | y): the prior's score, guided by the observations, in the sampler; chunk by chunk of members.
#include "sda/assimilation/assimilate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "assimilation/chunks.hpp"
#include "assimilation/counting_score.hpp"
#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/prior/scores.hpp"

namespace sda {

using assimilation::CountingScore;

namespace {

/// Bytes of one member's trajectory with its copies in the sampler and its windows.
std::int64_t bytes_of_member(const Prior& prior, std::int64_t length) {
  constexpr std::int64_t copies = 12;  // x, ε, z, x̂, gradients and their temporaries
  const std::int64_t windows = prior.network_parameters.global ? 1 : prior.network_parameters.window_length();
  const std::int64_t state = count(prior.layout.event) * static_cast<std::int64_t>(sizeof(float));
  return length * state * (copies + 3 * windows);
}

/// Half of the memory given. Where none is, half of what the machine has free; of a GPU, whose memory is not counted
/// here, what any has.
std::int64_t network_memory(const AssimilationParameters& parameters, std::int64_t budget) {
  constexpr std::int64_t any_gpu = std::int64_t{4} << 30;
  return parameters.memory > 0 || parameters.device.is_cpu() ? budget / 2 : any_gpu;
}

std::shared_ptr<const DifferentiableScore> bounded_by(double bound, std::shared_ptr<const DifferentiableScore> score,
                                                      const NoiseSchedule& schedule) {
  return bound == 0 ? score : make_bounded_score(std::move(score), schedule, bound);
}

/// `score`, of whole trajectories of `length`, as the ranks see it that share their states.
std::shared_ptr<const DifferentiableScore> shared_by(const Communicator& states, const Prior& prior,
                                                     std::int64_t stride, std::int64_t length,
                                                     std::shared_ptr<const DifferentiableScore> score) {
  if (states.size() == 1) return score;
  if (prior.network_parameters.global) {
    throw UsageError({.what = "a network over time takes whole trajectories, whose states cannot be shared",
                      .where = "ranks",
                      .found = fmt::format("{} ranks for the states", states.size()),
                      .expected = "1",
                      .hint = "share the members among the ranks, or take a prior of windows"});
  }
  return make_sharded_score(std::move(score), plan_windows(prior.network_parameters.order, stride, length), states);
}

Observations own_observations(const Observations& all, const RankGrid& ranks) {
  if (ranks.states().size() == 1) return all;
  const Share states = ranks.states_of(all.length);
  return all.within(states.first, states.count);
}

bool nearly_equal(const Tensor& a, const Tensor& b) {
  return a.sizes() == b.sizes() && a.allclose(b, /*rtol=*/1e-6, /*atol=*/1e-9);
}

}  // namespace

AssimilationPlan plan_assimilation(const Prior& prior, const Observations& observations,
                                   const AssimilationParameters& parameters, const RankGrid& ranks) {
  const std::int64_t budget = parameters.memory > 0 ? parameters.memory : default_memory_budget() / ranks.all().size();
  const std::int64_t states = ranks.states_of(observations.length).count;
  const std::int64_t fit = std::max<std::int64_t>(1, budget / 2 / bytes_of_member(prior, states));
  const std::int64_t at_once = std::min(parameters.members, ranks.from_first(fit * ranks.groups()));
  return {.members_at_once = at_once,
          .chunks = (parameters.members + at_once - 1) / at_once,
          .network_memory = network_memory(parameters, budget)};
}

EnsembleCost draw_members(const Prior& prior, const Observations& observations, const PosteriorParameters& parameters,
                          std::uint64_t seed, const MemberSink& sink, const ProgressCallback& progress,
                          const AssimilationSaving& saving, const RankGrid& ranks) {
  const auto& [guidance, sampling, drawing] = parameters;
  require_one_system(prior, observations);
  const AssimilationPlan plan = plan_assimilation(prior, observations, drawing, ranks);
  const NoiseSchedule schedule(prior.schedule);
  const auto prior_score = std::make_shared<CountingScore>(
      make_prior_score(prior, plan.network_memory, drawing.stride, drawing.precision, drawing.device));
  const auto own_score = shared_by(ranks.states(), prior, drawing.stride, observations.length, prior_score);
  const PosteriorScore posterior(bounded_by(drawing.bound, own_score, schedule), schedule,
                                 own_observations(observations, ranks), guidance, ranks.states());
  const Sampler sampler(schedule, sampling);

  assimilation::ChunkedSampling chunks(sampler, posterior, *prior_score, drawing, seed, saving, ranks);
  chunks.run(saving.from.value_or(AssimilationState{.chunks = plan.chunks}),
             prepend({observations.length}, prior.layout.event), sink, progress);
  // Each chunk made the same passes: together they are those of the whole batch.
  const AssimilationState& done = chunks.state();
  return {.seconds = done.seconds, .evaluations = done.passes / done.chunks};
}

Assimilation assimilate(const Prior& prior, const Observations& observations, const PosteriorParameters& parameters,
                        std::uint64_t seed, const ProgressCallback& progress) {
  const std::int64_t all = parameters.assimilation.members;
  Tensor members;
  const auto collect = [&](std::int64_t first, const Tensor& some) {
    if (some.size(0) == all) {
      members = some;
      return;
    }
    if (first == 0) members = at::empty(prepend({all}, some.sizes().slice(1)), some.options());
    members.narrow(0, first, some.size(0)).copy_(some);
  };
  const EnsembleCost cost = draw_members(prior, observations, parameters, seed, collect, progress);
  return {.ensemble = {.layout = prior.layout,
                       .members = prior.normalisation.denormalise(members),
                       .start_time = observations.start_time,
                       .method = method_name(parameters.guidance)},
          .normalised = members,
          .cost = cost,
          .departure_over_sigma = observations.departure_over_sigma(members)};
}

void require_one_system(const Prior& prior, const Observations& observations, const std::string& prior_name,
                        const std::string& observations_name) {
  if (prior.layout.event != observations.layout.event) {
    throw ShapeError({.what = "its states are not of the size that was observed",
                      .where = prior_name,
                      .found = to_string(prior.layout.event),
                      .expected = to_string(observations.layout.event)});
  }
  if (!nearly_equal(prior.normalisation.mean, observations.normalisation.mean) ||
      !nearly_equal(prior.normalisation.std, observations.normalisation.std)) {
    throw ValueError({.what = "its normalisation is not the one of " + observations_name,
                      .where = prior_name,
                      .expected = "a model trained on the system that was observed"});
  }
  if (std::abs(prior.layout.dt - observations.layout.dt) > 1e-9 * observations.layout.dt) {
    throw ValueError({.what = "its time step is not the one of " + observations_name,
                      .where = prior_name,
                      .found = fmt::format("{}", prior.layout.dt),
                      .expected = fmt::format("{}", observations.layout.dt)});
  }
}

}  // namespace sda
