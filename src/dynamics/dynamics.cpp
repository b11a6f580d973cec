// A simulator as a first-order Markov chain: trajectories by one transition after the other.
#include "sda/dynamics/dynamics.hpp"

#include "core/torch.hpp"
#include "dynamics/states.hpp"

namespace sda {

Tensor Dynamics::trajectories(const Tensor& start, std::int64_t length, const StreamKey& key,
                              const ProgressCallback& progress) const {
  check_states(start, solver_event(), name());
  return record_trajectories(start, to_state(start), length, 1, progress,
                             [&](Tensor& x, std::int64_t first, std::int64_t steps, Tensor& all) {
                               StreamKey here = key;
                               here.step += static_cast<std::uint64_t>(first);
                               advance(x, steps, here);
                               all.select(1, first + steps).copy_(to_state(x));
                             });
}

}  // namespace sda
