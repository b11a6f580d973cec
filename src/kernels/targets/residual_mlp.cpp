/// Forward and VJP of the residual MLP, for one instruction set.
#include "kernels/residual_mlp-inl.hpp"
#include "kernels/residual_mlp_kernel.hpp"
#include "kernels/residual_mlp_passes.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {
namespace {

Workspace workspace(std::int64_t n, std::int64_t widest, float* scratch) {
  const std::int64_t size = panel_rows * widest;
  return {
      .rows = n, .capacity = panel_rows, .buffer = {scratch, scratch + size, scratch + 2 * size, scratch + 3 * size}};
}

/// A row of `width` values into a panel, padded with zeros.
void pad(const float* row, std::int64_t width, float* to) {
  std::fill(std::copy_n(row, width, to), to + padded(width), 0.0f);
}
void unpad(const float* panel, std::int64_t n, std::int64_t width, float* rows) {
  for (std::int64_t row = 0; row < n; ++row) std::copy_n(panel + row * padded(width), width, rows + row * width);
}

}  // namespace

void mlp_forward(const std::vector<PackedLayer>& layers, std::int64_t widest, const float* const* rows, std::int64_t n,
                 const float* first_bias, float* result, std::byte* tape, float* scratch) {
  const Workspace work = workspace(n, widest, scratch);
  float *stream = work.buffer[0], *next = work.buffer[1];
  const std::int64_t in = layers.front().first.in;
  for (std::int64_t row = 0; row < n; ++row) pad(rows[row], in, stream + row * padded(in));
  const float* bias = first_bias;
  for (const PackedLayer& layer : layers) {
    if (layer.residual) {
      with_gemm(layer.arithmetic, [&](auto products) {
        block_forward<decltype(products)>(layer, work, stream, tape != nullptr ? tape + layer.tape : nullptr);
      });
    } else {
      const auto& affine = layer.first;
      if (bias == nullptr) bias = affine.bias.data();
      linear_forward(layer.arithmetic, affine, stream, n, work.buffer[2], AddBias{bias, next, padded(affine.out)});
      std::swap(stream, next);
    }
    bias = nullptr;
  }
  unpad(stream, n, layers.back().first.out, result);
}

void mlp_vjp(const std::vector<PackedLayer>& layers, std::int64_t widest, const float* v, std::int64_t n,
             const std::byte* tape, float* gradient, float* scratch) {
  const Workspace work = workspace(n, widest, scratch);
  float *stream = work.buffer[0], *next = work.buffer[1];
  const std::int64_t out = layers.back().first.out;
  for (std::int64_t row = 0; row < n; ++row) pad(v + row * out, out, stream + row * padded(out));
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    if (layer->residual) {
      with_gemm(layer->arithmetic, [&](auto products) {
        auto* tapes = const_cast<std::byte*>(tape);
        block_vjp<decltype(products)>(*layer, work, stream, next, tapes + layer->tape,
                                      tapes + block_before(layers, *layer).tape);
      });
    } else {
      const auto& affine = layer->first;
      linear_vjp(layer->arithmetic, affine, stream, n, work.buffer[2], Write{next, padded(affine.in)});
      std::swap(stream, next);
    }
  }
  unpad(stream, n, layers.front().first.in, gradient);
}

void mlp_pack(const LayerView& view, Arithmetic arithmetic, PackedLayer& layer) {
  layer.arithmetic = arithmetic_of(view, arithmetic);
  with_gemm(layer.arithmetic, [&](auto products) { pack_layer<decltype(products)>(view, layer); });
}

std::string vectors() {
  return hwy::TargetName(HWY_TARGET);
}

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();
