/// Simulation in lanes: blocks of members march through time together, a state's component in a row of `width` lanes,
/// so that a loop over lanes is vectorised and a block stays in cache. Members never mix, so neither the block a member
/// falls in nor the thread that takes it changes its states by a bit. Private to src/.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/stream.hpp"
#include "core/torch.hpp"

namespace sda::lanes {

inline constexpr int width = 64;

/// Whose draws a block of lanes takes, and of which transition.
struct Draws {
  alignas(64) std::uint32_t member_low[width];
  alignas(64) std::uint32_t member_high[width];
  std::uint64_t seed = 0;
  Purpose purpose = Purpose::test;
  std::uint64_t step = 0;
};

/// Rows of lanes that hold `size` components: whole blocks of draws, so that noise needs no special case at the end.
template <class Real>
constexpr std::int64_t padded_rows(std::int64_t size) {
  constexpr std::int64_t per_block = stream::per_block<Real>;
  return (size + per_block - 1) / per_block * per_block;
}

/// x += scale × the draws of this step: component c of a lane's member takes the draw that element c of its row of
/// `fill_normal` takes. x has `padded_rows` rows; those beyond `size` get draws too and mean nothing.
void add_noise(float* x, std::int64_t size, float scale, const Draws& draws);
void add_noise(double* x, std::int64_t size, double scale, const Draws& draws);

/// `steps` transitions of states (member, size) in place; if `record` is given, the state after each transition j goes
/// to record[member × record_stride + j × size]. `transition(x, draws)` advances a block by one step, and is made anew
/// for each thread's share by `make_transition()`, so that it can own scratch.
template <class Real, class MakeTransition>
void march(Real* states, std::int64_t members, std::int64_t size, std::int64_t steps, const StreamKey& key,
           Real* record, std::int64_t record_stride, const MakeTransition& make_transition) {
  const std::int64_t blocks = (members + width - 1) / width;
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, steps * width * size));
  at::parallel_for(0, blocks, grain, [&](std::int64_t begin, std::int64_t end) {
    auto transition = make_transition();
    std::vector<Real> x(static_cast<std::size_t>(padded_rows<Real>(size) * width));
    Draws draws;
    draws.seed = key.seed;
    draws.purpose = key.purpose;
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t first = block * width, live = std::min<std::int64_t>(width, members - first);
      for (std::int64_t lane = 0; lane < width; ++lane) {
        // Lanes beyond the last member repeat it: their results are dropped.
        const std::int64_t member = first + std::min(lane, live - 1);
        for (std::int64_t c = 0; c < size; ++c) {
          x[static_cast<std::size_t>(c * width + lane)] = states[member * size + c];
        }
        const std::uint64_t name = key.first_member + static_cast<std::uint64_t>(member);
        draws.member_low[lane] = static_cast<std::uint32_t>(name);
        draws.member_high[lane] = static_cast<std::uint32_t>(name >> 32);
      }
      const auto copy_out = [&](Real* to, std::int64_t stride) {
        for (std::int64_t lane = 0; lane < live; ++lane) {
          for (std::int64_t c = 0; c < size; ++c) {
            to[lane * stride + c] = x[static_cast<std::size_t>(c * width + lane)];
          }
        }
      };
      for (std::int64_t j = 0; j < steps; ++j) {
        draws.step = key.step + static_cast<std::uint64_t>(j);
        transition(x.data(), draws);
        if (record) copy_out(record + first * record_stride + j * size, record_stride);
      }
      copy_out(states + first * size, size);
    }
  });
}

}  // namespace sda::lanes
