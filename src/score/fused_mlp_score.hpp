/// The score of a residual MLP by its fused kernel, panels of rows split over threads; private to the room.
#pragma once

#include <functional>
#include <memory>

#include "score/kernels/residual_mlp_kernel.hpp"
#include "sda/score/score_model.hpp"

namespace sda {

/// `bias_at` gives the first layer's bias at a time t: its own plus what the embedded time adds.
std::shared_ptr<const DifferentiableScore> make_fused_mlp_score(kernels::ResidualMlpKernel kernel, Shape window,
                                                                std::function<Tensor(const Tensor&)> bias_at,
                                                                std::int64_t memory);

}  // namespace sda
