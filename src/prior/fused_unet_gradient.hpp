/// The denoising loss's gradient of a U-Net by its kernel; private to the room.
#pragma once

#include <functional>
#include <memory>

#include "kernels/unet_kernel.hpp"
#include "sda/prior/denoising_gradient.hpp"

namespace sda {

/// What training takes of a network whose parameters are bound to flat weights.
struct UNetTraining {
  std::unique_ptr<kernels::UNetKernel> kernel;
  Tensor context;                                    ///< whose values the kernel reads
  std::function<Tensor(const Tensor& t)> shifts;     ///< (n, all blocks' shifts), which autograd can follow
  std::vector<std::int64_t> places;                  ///< where each convolution's weight begins in the flat gradient
  std::function<kernels::Grid(std::int64_t)> image;  ///< of a window
};

/// ∂L/∂φ is written to `gradient`, flat.
std::unique_ptr<DenoisingGradient> make_fused_unet_gradient(UNetTraining network, const Tensor& gradient);

}  // namespace sda
