/// The residual MLP in cache: panels of rows walk through all layers, and back for a pull-back, without a tensor
/// operation in between. float32; the instruction set is chosen at run time (Highway). No torch in here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

namespace sda::kernels {

/// Rows of a panel: a multiple of every instruction set's tile height.
inline constexpr std::int64_t panel_rows = 48;

/// Memory on cache-line boundaries, as vector loads want it.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  explicit AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{64})); }
  void deallocate(T* p, std::size_t) { ::operator delete (p, std::align_val_t{64}); }
  bool operator==(const AlignedAllocator&) const { return true; }
};
using AlignedFloats = std::vector<float, AlignedAllocator<float>>;

/// W (out, in) row by row and b (out), as a network holds them.
struct AffineView {
  const float* weight;
  const float* bias;
  std::int64_t in, out;
};

/// One layer as a network describes it: h ← W h + b, or h ← h + W₂ silu(W₁ norm(h) + b₁) + b₂.
struct LayerView {
  bool residual;
  AffineView first;   ///< W, or W₁ of a residual block
  AffineView second;  ///< W₂
};

/// Weights packed once for both directions, and the passes through them.
class ResidualMlpKernel {
 public:
  explicit ResidualMlpKernel(const std::vector<LayerView>& layers);

  std::int64_t in() const { return layers_.front().first.in; }
  std::int64_t out() const { return out_; }
  /// Floats of tape that one panel's forward pass leaves for its pull-backs.
  std::int64_t tape_size() const { return tape_size_; }
  /// Floats of working memory that one call needs.
  std::int64_t scratch_size() const { return 4 * panel_rows * widest_; }

  /// rows (n, in) → result (n, out), n ≤ panel_rows. `first_bias` (the first layer's out, padded with zeros) stands in
  /// for its bias. `tape` may be null where no pull-back follows.
  void forward(const float* rows, std::int64_t n, const float* first_bias, float* result, float* tape,
               float* scratch) const;
  /// v (n, out) → vᵀ ∂result/∂rows (n, in), from the tape of a forward pass of the same n rows.
  void pull_back(const float* v, std::int64_t n, const float* tape, float* gradient, float* scratch) const;

  struct Packed {
    std::int64_t in = 0, out = 0;
    AlignedFloats forward{};   ///< Wᵀ, in panels of columns
    AlignedFloats backward{};  ///< W, in panels of columns
    AlignedFloats bias{};      ///< padded with zeros
  };
  struct Layer {
    bool residual = false;
    Packed first, second;
  };

 private:
  std::vector<Layer> layers_;
  std::int64_t out_ = 0, widest_ = 0, tape_size_ = 0;
};

/// Floats that a residual block of this padded width leaves on a panel's tape.
inline std::int64_t block_tape_size(std::int64_t padded_width) {
  return panel_rows * (2 * padded_width + 1);
}

/// The instruction set in use: "AVX3_ZEN4", "AVX2", …
std::string instruction_set();
/// Sizes are padded to a multiple of this.
inline constexpr std::int64_t width_multiple = 32;
inline std::int64_t padded(std::int64_t size) {
  return (size + width_multiple - 1) / width_multiple * width_multiple;
}

}  // namespace sda::kernels
