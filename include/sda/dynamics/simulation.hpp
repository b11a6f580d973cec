/// Trajectories of a dynamics from their start on, after spin-up.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "sda/core/progress.hpp"
#include "sda/dynamics/dynamics.hpp"

namespace sda {

struct SimulationPlan {
  std::int64_t trajectories = 1;
  std::int64_t length = 1;   ///< states kept of each
  std::int64_t spin_up = 0;  ///< transitions before the first of them
  std::uint64_t seed = 0;    ///< of starts and transitions; trajectory m draws as member m

  std::int64_t transitions_of_one() const { return spin_up + length - 1; }
};

/// Takes solver states `x` (member, …solver_event) through `transitions` draws of `key`'s stream, whose step goes on
/// with them. The work is parted so that a stop signal is soon heard, which changes no state; `passed` is told how many
/// are done. Throws Interrupted, which says that `saved` was kept.
void spin_up(const Dynamics& dynamics, std::int64_t transitions, StreamKey& key, Tensor& x, const std::string& saved,
             const std::function<void(std::int64_t done)>& passed = {});

/// Trajectories `from` … of `states`, contiguous (trajectory, length, …event), float32 or float64. They are simulated a
/// few at a time, from start to end, and `after(done)` is told how many there are after each time; `progress` counts
/// transitions. How many go at once changes no state. Throws Interrupted after a stop signal; then those that `after`
/// was told of are whole.
void simulate(const Dynamics& dynamics, const SimulationPlan& plan, std::int64_t from, Tensor& states,
              const std::function<void(std::int64_t done)>& after = {}, const ProgressCallback& progress = {});

/// All of them, float32.
Tensor simulate(const Dynamics& dynamics, const SimulationPlan& plan, const ProgressCallback& progress = {});

}  // namespace sda
