/// The denoising loss's gradient of a residual MLP by its fused kernel; private to the room.
#pragma once

#include <memory>

#include "kernels/residual_mlp_gradient.hpp"
#include "sda/prior/denoising_gradient.hpp"

namespace sda {

/// `network` views weights that stay where they are and share the version of `weights`; ∂L/∂φ is written to `gradient`,
/// flat, in the order of the views.
std::unique_ptr<DenoisingGradient> make_fused_mlp_gradient(kernels::EmbeddedMlpView network,
                                                           kernels::Arithmetic arithmetic, const Tensor& weights,
                                                           const Tensor& gradient);

}  // namespace sda
