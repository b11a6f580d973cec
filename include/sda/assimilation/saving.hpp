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
  SamplerState sampler{};              ///< of the chunk under way; without members where it was not begun
  std::int64_t passes = 0;             ///< of the network, so far
  double seconds = 0;                  ///< of work, so far
};
/// Where chunk `chunk` of `chunks` begins; chunk `chunks` begins where all members end.
constexpr std::int64_t begin_of_chunk(std::int64_t members, std::int64_t chunks, std::int64_t chunk) {
  return members * chunk / chunks;
}

/// Takes members as they are drawn: `members` (some, time, …event), normalised, from number `first` of the ensemble on.
using MemberSink = std::function<void(std::int64_t first, const Tensor& members)>;

struct AssimilationSaving {
  /// Called after a stage of the sampler: each `save_minutes`, and when a signal or the time limit asks to stop, before
  /// Interrupted is thrown; and after a chunk of several, whose members the sink has then. The state's tensors change
  /// when it returns.
  std::function<void(const AssimilationState&)> save{};
  std::optional<AssimilationState> from{};  ///< where to go on; `memory` then changes nothing
};

}  // namespace sda
