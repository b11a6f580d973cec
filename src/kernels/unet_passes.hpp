/// The U-Net's passes as each instruction set has them; UNetKernel says what they do.
#pragma once

#include "kernels/dispatch.hpp"
#include "kernels/unet.hpp"

namespace sda::kernels {

SDA_FOR_EACH_TARGET(void unet_forward(const PackedUNet& network, const ImageView& image, const UNetPlan& plan,
                                      const float* const* rows, UNetShifts shifts, float* result, std::byte* tape,
                                      std::byte* workspace);
                    void unet_vjp(const PackedUNet& network, const ImageView& image, const UNetPlan& plan,
                                  const float* v, float* gradient, float* shift_gradient, std::byte* tape,
                                  std::byte* workspace);
                    void unet_pack(const ConvolutionView& view, bool flat, PackedConvolution& packed);)

}  // namespace sda::kernels
