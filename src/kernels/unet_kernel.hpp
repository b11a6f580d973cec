/// The U-Net by passes of its own: maps in channels-last walk through its levels and back for a VJP, each
/// convolution by few products, with what surrounds it done as its tiles come and go. The instruction set is chosen at
/// run time. No torch in here.
#pragma once

#include "kernels/unet.hpp"

namespace sda::kernels {

class UNetKernel {
 public:
  /// Weights are packed at once, and need not outlive it unless they are packed again.
  UNetKernel(UNetView network, ImageView image, Arithmetic arithmetic);
  UNetKernel(const UNetKernel&) = delete;
  UNetKernel& operator=(const UNetKernel&) = delete;

  const ImageView& image() const { return image_; }
  const PackedUNet& packed() const { return packed_; }
  /// The buffers of a pass over images of this size.
  UNetPlan plan(const Grid& finest, Keep keep) const;

  /// After the weights have changed; parts may run at the same time.
  std::int64_t parts() const { return static_cast<std::int64_t>(convolutions_.size()); }
  void pack(std::int64_t part);

  std::int64_t shifts() const { return packed_.shifts; }
  /// rows (one pointer an image) → result (images, values of an image).
  void forward(const UNetPlan& plan, const float* const* rows, UNetShifts shifts, float* result, std::byte* tape,
               std::byte* workspace) const;
  /// v (images, values of an image) → vᵀ ∂result/∂rows, from the tape of a forward pass. In training `gradient` is
  /// null and `shift_gradient` (images, shifts) is given: what is left is on the tape.
  void vjp(const UNetPlan& plan, const float* v, float* gradient, float* shift_gradient, std::byte* tape,
           std::byte* workspace) const;

  /// A convolution and the size of its result: its weights' gradient from the tapes of a pass over many stacks.
  struct Part {
    ConvolutionView view{};
    PackedConvolution* packed = nullptr;
  };
  const std::vector<Part>& convolutions() const { return convolutions_; }

 private:
  UNetView network_;
  ImageView image_;
  PackedUNet packed_;
  std::vector<Part> convolutions_;  ///< in the network's order
};

}  // namespace sda::kernels
