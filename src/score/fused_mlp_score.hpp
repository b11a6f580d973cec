/// The score of a residual MLP by its fused kernel, from windows to the trajectory's score in one pass; private to the
/// room.
#pragma once

#include <functional>
#include <memory>

#include "score/kernels/residual_mlp_kernel.hpp"
#include "sda/score/scores.hpp"

namespace sda {

/// Trajectories (member, length ≥ 2k+1, …event) are scored by windows `stride` apart; a single window by itself.
/// `bias_at` gives the first layer's bias at a time t: its own plus what the embedded time adds.
std::shared_ptr<const DifferentiableScore> make_fused_mlp_score(kernels::ResidualMlpKernel kernel, Shape window,
                                                                std::int64_t stride,
                                                                std::function<Tensor(const Tensor&)> bias_at,
                                                                std::int64_t memory);

}  // namespace sda
