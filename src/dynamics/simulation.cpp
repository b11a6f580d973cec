// x_1 ~ p(x_1), spin-up, then the states of a trajectory, for a few trajectories at a time.
#include "sda/dynamics/simulation.hpp"

#include <algorithm>

#include "core/torch.hpp"
#include "sda/core/runtime.hpp"

namespace sda {
namespace {

/// Trajectories to take from start to end at once: few, so that little is lost when the run is stopped and the solver's
/// fields fit into memory, but enough for all threads.
std::int64_t trajectories_at_once(const Dynamics& dynamics) {
  const std::int64_t enough = (std::int64_t{1} << 18) / count(dynamics.solver_event()), threads = at::get_num_threads();
  return (std::max<std::int64_t>(enough, 1) + threads - 1) / threads * threads;  // a whole number for each thread
}

/// Trajectories `first` … of `states`; `passed` is told of the transitions of each.
void simulate_some(const Dynamics& dynamics, const SimulationPlan& plan, std::int64_t first, const Tensor& states,
                   const std::function<void(std::int64_t)>& passed) {
  const auto member = static_cast<std::uint64_t>(first);
  Tensor x = dynamics.start(states.size(0), {plan.seed, Purpose::initial_state, member}, states.scalar_type());
  StreamKey key{.seed = plan.seed, .purpose = Purpose::transition_noise, .first_member = member};
  spin_up(dynamics, plan.spin_up, key, x, "no trajectory", passed);
  states.copy_(
      dynamics.trajectories(x, plan.length, key, [&](auto done, auto, const auto&) { passed(plan.spin_up + done); }));
}

}  // namespace

void spin_up(const Dynamics& dynamics, std::int64_t transitions, StreamKey& key, Tensor& x, const std::string& saved,
             const std::function<void(std::int64_t done)>& passed) {
  constexpr std::int64_t values_between_looks = 1 << 22;  // some hundredths of a second
  const std::int64_t soon = std::min(transitions / 32, values_between_looks / std::max<std::int64_t>(1, x.numel()));
  const std::int64_t stride = std::max<std::int64_t>(1, soon);
  for (std::int64_t done = 0; done < transitions; done += stride) {
    const std::int64_t steps = std::min(stride, transitions - done);
    dynamics.advance(x, steps, key);
    StopToken::throw_if_stopped(saved);
    key.step += static_cast<std::uint64_t>(steps);
    if (passed) passed(done + steps);
  }
}

void simulate(const Dynamics& dynamics, const SimulationPlan& plan, std::int64_t from, Tensor& states,
              const std::function<void(std::int64_t)>& after, const ProgressCallback& progress) {
  const std::int64_t total = states.size(0), transitions = plan.transitions_of_one();
  const std::int64_t at_once = trajectories_at_once(dynamics);
  for (std::int64_t done = from; done < total;) {
    const std::int64_t some = std::min(at_once, total - done);
    simulate_some(dynamics, plan, done, states.narrow(0, done, some), [&](std::int64_t passed) {
      if (progress) progress(done * transitions + some * passed, total * transitions, "");
    });
    done += some;
    if (after) after(done);
  }
}

Tensor simulate(const Dynamics& dynamics, const SimulationPlan& plan, const ProgressCallback& progress) {
  Tensor states = at::empty(prepend({plan.trajectories, plan.length}, dynamics.layout().event), at::kFloat);
  simulate(dynamics, plan, 0, states, {}, progress);
  return states;
}

}  // namespace sda
