/// What an assimilation that may be stopped saves, and where it goes on from.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "sda/core/tensor.hpp"
#include "sda/sampling/sampler.hpp"

namespace sda {

/// An ensemble on its way, between two stages of the sampler: with it, the work goes on bit for bit.
struct AssimilationState {
  std::int64_t chunks = 1, chunk = 0;  ///< the members are shared out in, and the one under way
  Tensor finished{};                   ///< normalised members of the chunks before it; undefined for the first
  SamplerState sampler{};              ///< of the chunk under way
  std::int64_t passes = 0;             ///< of the network, so far
  double seconds = 0;                  ///< of work, so far
};
struct AssimilationSaving {
  /// Called after a stage of the sampler: each `save_minutes`, and when a signal or the time limit asks to stop, before
  /// Interrupted is thrown. The state's tensors change when it returns.
  std::function<void(const AssimilationState&)> save{};
  std::optional<AssimilationState> from{};  ///< where to go on; `memory` then changes nothing
};

}  // namespace sda
