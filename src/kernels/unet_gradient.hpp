/// The gradient of a U-Net's convolutions, from the tapes of passes forward and back: Gᵀ Σ_tiles (Bᵀ d) ⊗ (A ∂y), a
/// matrix product for each combination of taps, over the tiles of many images. No torch in here.
#pragma once

#include "kernels/unet_kernel.hpp"

namespace sda::kernels {

class UNetGradient {
 public:
  explicit UNetGradient(const UNetKernel& kernel);

  /// A pass over some images, whose tape is still there.
  struct Stack {
    const UNetPlan* plan = nullptr;
    std::byte* tape = nullptr;
  };

  /// What can be summed at the same time: some products of one convolution each.
  std::int64_t tasks() const { return static_cast<std::int64_t>(tasks_.size()); }
  std::int64_t workspace_size() const { return workspace_size_; }
  /// Adds the stacks' images to a task's sums, in order; `fresh` forgets what was there.
  void add(std::int64_t task, const std::vector<Stack>& stacks, bool fresh, std::byte* workspace);
  /// The gradient of a convolution's weight and bias from its sums.
  void write(std::int64_t convolution, float* weight, float* bias) const;

 private:
  struct Sums {
    Aligned<float> products{}, bias{};
  };
  struct Task {
    std::int64_t convolution;
    int row;  ///< of products
  };
  const UNetKernel& kernel_;
  std::vector<Sums> sums_{};  ///< of each convolution
  std::vector<Task> tasks_{};
  std::int64_t workspace_size_ = 0;
};

}  // namespace sda::kernels
