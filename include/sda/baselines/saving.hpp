/// What a particle filter that may be stopped saves, and where it goes on from.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "sda/core/tensor.hpp"

namespace sda {

/// A filter on its way, after a state of the trajectory: with it, the work goes on bit for bit.
struct FilterState {
  std::int64_t states_done = 0;
  Tensor particles{};  ///< (particle, …solver event), resampled
  Tensor passed{};     ///< (states done, particle, …event): the states before resampling
  Tensor ancestors{};  ///< (states done, particle), int64: whom each particle descends from; itself where none is drawn
  double log_evidence = 0, smallest_effective_size = 0;
  double seconds = 0;  ///< of work, so far
};
struct FilterSaving {
  /// Called after a state of the trajectory: each `filter.save_minutes`, and when a signal or the time limit asks to
  /// stop, before Interrupted is thrown. The state's tensors change when it returns.
  std::function<void(const FilterState&)> save{};
  std::optional<FilterState> from{};  ///< where to go on
};

}  // namespace sda
