/// The residual MLP in cache: panels of rows walk through all layers, and back for a VJP, without a tensor
/// operation in between. The instruction set is chosen at run time. No torch in here.
#pragma once

#include "kernels/residual_mlp.hpp"

namespace sda::kernels {

/// Rows of a panel: a multiple of every product's row_multiple, few enough that a panel's buffers stay in cache.
inline constexpr std::int64_t panel_rows = 96;

/// Weights packed once for both directions, and the passes through them.
class ResidualMlpKernel {
 public:
  ResidualMlpKernel(const std::vector<LayerView>& layers, Arithmetic arithmetic);

  Arithmetic arithmetic() const { return arithmetic_; }
  std::int64_t in() const { return layers_.front().first.in; }
  std::int64_t out() const { return out_; }
  /// Bytes of tape that one panel's forward pass leaves for its VJPs: a multiple of a cache line.
  std::int64_t tape_size() const { return tape_size_; }
  /// Floats of working memory that one call needs.
  std::int64_t scratch_size() const { return 4 * panel_rows * widest_; }

  /// rows (n pointers to `in` floats each) → result (n, out), n ≤ panel_rows. `first_bias` (the first layer's out,
  /// padded with zeros) stands in for its bias. `tape` may be null where no VJP follows.
  void forward(const float* const* rows, std::int64_t n, const float* first_bias, float* result, std::byte* tape,
               float* scratch) const;
  /// v (n, out) → vᵀ ∂result/∂rows (n, in), from the tape of a forward pass of the same n rows.
  void vjp(const float* v, std::int64_t n, const std::byte* tape, float* gradient, float* scratch) const;

 private:
  Arithmetic arithmetic_;
  std::vector<PackedLayer> layers_;
  std::int64_t out_ = 0, widest_ = 0, tape_size_ = 0;
};

}  // namespace sda::kernels
