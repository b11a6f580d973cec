/// Forward and VJP of the residual MLP, compiled once for each instruction set.
#include "kernels/residual_mlp_kernel.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/residual_mlp_kernel.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, once for each target:
#include "kernels/residual_mlp-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {
namespace {

using Layers = std::vector<PackedLayer>;

Workspace workspace(std::int64_t n, std::int64_t widest, float* scratch) {
  const std::int64_t size = panel_rows * widest;
  return {
      .rows = n, .capacity = panel_rows, .buffer = {scratch, scratch + size, scratch + 2 * size, scratch + 3 * size}};
}

/// A row of `width` values into a panel, padded with zeros.
void spread(const float* row, std::int64_t width, float* to) {
  std::fill(std::copy_n(row, width, to), to + padded(width), 0.0f);
}
void collect(const float* panel, std::int64_t n, std::int64_t width, float* rows) {
  for (std::int64_t row = 0; row < n; ++row) std::copy_n(panel + row * padded(width), width, rows + row * width);
}

void forward(const Layers& layers, std::int64_t widest, const float* const* rows, std::int64_t n,
             const float* first_bias, float* result, std::byte* tape, float* scratch) {
  const Workspace work = workspace(n, widest, scratch);
  float *stream = work.buffer[0], *next = work.buffer[1];
  const std::int64_t in = layers.front().first.in;
  for (std::int64_t row = 0; row < n; ++row) spread(rows[row], in, stream + row * padded(in));
  const float* bias = first_bias;
  for (const PackedLayer& layer : layers) {
    if (layer.residual) {
      with_products(layer.arithmetic, [&](auto products) {
        block_forward<decltype(products)>(layer, work, stream, tape != nullptr ? tape + layer.tape : nullptr);
      });
    } else {
      const auto& affine = layer.first;
      if (bias == nullptr) bias = affine.bias.data();
      thin_forward(layer.arithmetic, affine, stream, n, work.buffer[2], AddBias{bias, next, padded(affine.out)});
      std::swap(stream, next);
    }
    bias = nullptr;
  }
  collect(stream, n, layers.back().first.out, result);
}

void vjp(const Layers& layers, std::int64_t widest, const float* v, std::int64_t n, const std::byte* tape,
         float* gradient, float* scratch) {
  const Workspace work = workspace(n, widest, scratch);
  float *stream = work.buffer[0], *next = work.buffer[1];
  const std::int64_t out = layers.back().first.out;
  for (std::int64_t row = 0; row < n; ++row) spread(v + row * out, out, stream + row * padded(out));
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    if (layer->residual) {
      with_products(layer->arithmetic, [&](auto products) {
        auto* tapes = const_cast<std::byte*>(tape);
        block_vjp<decltype(products)>(*layer, work, stream, next, tapes + layer->tape,
                                      tapes + block_before(layers, *layer).tape);
      });
    } else {
      const auto& affine = layer->first;
      thin_vjp(layer->arithmetic, affine, stream, n, work.buffer[2], Write{next, padded(affine.in)});
      std::swap(stream, next);
    }
  }
  collect(stream, n, layers.front().first.in, gradient);
}

void pack(const LayerView& view, Arithmetic arithmetic, PackedLayer& layer) {
  layer.arithmetic = arithmetic_of(view, arithmetic);
  with_products(layer.arithmetic, [&](auto products) { pack_layer<decltype(products)>(view, layer); });
}

std::string vectors() {
  return hwy::TargetName(HWY_TARGET);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sda::kernels {

HWY_EXPORT(forward);
HWY_EXPORT(vjp);
HWY_EXPORT(pack);
HWY_EXPORT(vectors);

ResidualMlpKernel::ResidualMlpKernel(const std::vector<LayerView>& layers, Arithmetic arithmetic)
    : arithmetic_(arithmetic) {
  for (const LayerView& view : layers) {
    PackedLayer& layer = layers_.emplace_back();
    HWY_DYNAMIC_DISPATCH(pack)(view, arithmetic, layer);
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
  HWY_DYNAMIC_DISPATCH(forward)(layers_, widest_, rows, n, first_bias, result, tape, scratch);
}

void ResidualMlpKernel::vjp(const float* v, std::int64_t n, const std::byte* tape, float* gradient,
                            float* scratch) const {
  HWY_DYNAMIC_DISPATCH(vjp)(layers_, widest_, v, n, tape, gradient, scratch);
}

std::string instruction_set() {
  return HWY_DYNAMIC_DISPATCH(vectors)();
}

}  // namespace sda::kernels
#endif
