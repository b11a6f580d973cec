/// The residual MLP: its weights packed, and the passes through them.
#include "kernels/residual_mlp_kernel.hpp"

#include <algorithm>

#include "kernels/residual_mlp_passes.hpp"

namespace sda::kernels {

HWY_EXPORT(mlp_forward);
HWY_EXPORT(mlp_vjp);
HWY_EXPORT(mlp_pack);
HWY_EXPORT(vectors);

ResidualMlpKernel::ResidualMlpKernel(const std::vector<LayerView>& layers, Arithmetic arithmetic)
    : arithmetic_(arithmetic) {
  for (const LayerView& view : layers) {
    PackedLayer& layer = layers_.emplace_back();
    HWY_DYNAMIC_DISPATCH(mlp_pack)(view, arithmetic, layer);
    widest_ = std::max({widest_, padded(layer.first.in), padded(layer.first.out)});
    layer.tape = tape_size_;
    if (layer.residual)
      tape_size_ +=
          BlockTapeLayout(padded(layer.first.in), panel_rows, bytes_of_value(layer.arithmetic), /*training=*/false)
              .size;
  }
  out_ = layers_.back().first.out;
}

void ResidualMlpKernel::forward(const float* const* rows, std::int64_t n, const float* first_bias, float* result,
                                std::byte* tape, float* scratch) const {
  HWY_DYNAMIC_DISPATCH(mlp_forward)(layers_, widest_, rows, n, first_bias, result, tape, scratch);
}

void ResidualMlpKernel::vjp(const float* v, std::int64_t n, const std::byte* tape, float* gradient,
                            float* scratch) const {
  HWY_DYNAMIC_DISPATCH(mlp_vjp)(layers_, widest_, v, n, tape, gradient, scratch);
}

std::string instruction_set() {
  return HWY_DYNAMIC_DISPATCH(vectors)();
}

}  // namespace sda::kernels
