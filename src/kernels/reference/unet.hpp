/// The U-Net in plain loops, forward and VJP of one image: what unet_kernel.hpp does with maps in cache.
#pragma once

#include "kernels/reference/convolution.hpp"
#include "kernels/reference/residual_mlp.hpp"

namespace sda::kernels::reference {

class UNet {
 public:
  /// `shifts` as UNetShifts has them, one image's.
  UNet(const UNetView& network, const float* shifts) : network_(network), shifts_(shifts) {}

  /// x and whatever stands beside it → ε.
  Map forward(const Map& x) {
    records_.clear();
    maps_.clear();
    const float* shifts = shifts_;
    Map h = x;
    std::vector<Map> skips;
    for (const UNetLevelView& level : network_.levels) {
      h = convolve(level.downsample, h);
      for (const UNetBlockView& block : level.encoder) block_forward(block, h, shifts);
      skips.push_back(h);
    }
    for (std::size_t i = network_.levels.size(); i-- > 0;) {
      const UNetLevelView& level = network_.levels[i];
      for (const UNetBlockView& block : level.decoder) block_forward(block, h, shifts);
      if (i > 0) {
        records_.push_back({normalise(h.values, h.channels), {}});
        h.values = records_.back().normalised.y;
      }
      h = convolve(level.upsample, h);
      if (i > 0) add(skips[i - 1], h);
    }
    return h;
  }

  /// v at ε → vᵀ ∂ε/∂x, after `forward`.
  Map vjp(const Map& v) {
    Map g = v;
    std::vector<Map> skips;  // gradients that go to the encoder past the levels below
    for (std::size_t i = 0; i < network_.levels.size(); ++i) {
      const UNetLevelView& level = network_.levels[i];
      if (i > 0) skips.push_back(g);
      g = convolve_vjp(level.upsample, g);
      if (i > 0) g.values = normalise_vjp(take().normalised, g.values, g.channels);
      for (std::size_t j = level.decoder.size(); j-- > 0;) block_vjp(level.decoder[j], g);
    }
    for (std::size_t i = network_.levels.size(); i-- > 0;) {
      const UNetLevelView& level = network_.levels[i];
      for (std::size_t j = level.encoder.size(); j-- > 0;) block_vjp(level.encoder[j], g);
      g = convolve_vjp(level.downsample, g);
      if (i > 0) add(skips[i - 1], g);
    }
    return g;
  }

 private:
  static void add(const Map& more, Map& to) {
    for (std::size_t i = 0; i < to.values.size(); ++i) to.values[i] += more.values[i];
  }

  Map convolve(const ConvolutionView& view, const Map& h) {
    maps_.emplace_back(h.height, h.width, h.channels);
    return reference::convolve(view, network_.flat, network_.circular, h);
  }
  Map convolve_vjp(const ConvolutionView& view, const Map& g) {
    const Map input = maps_.back();
    maps_.pop_back();
    return reference::convolve_vjp(view, network_.flat, network_.circular, input, g);
  }
  BlockRecord take() {
    BlockRecord record = records_.back();
    records_.pop_back();
    return record;
  }

  /// h ← h + outer silu(inner norm(h + shift)).
  void block_forward(const UNetBlockView& block, Map& h, const float*& shifts) {
    Map shifted = h;
    for (std::size_t i = 0; i < shifted.values.size(); ++i) shifted.values[i] += shifts[i % h.channels];
    shifts += padded(h.channels);
    BlockRecord record{normalise(shifted.values, h.channels), {}};
    shifted.values = record.normalised.y;
    Map a = convolve(block.inner, shifted);
    for (double& value : a.values) {
      record.derivative.push_back(silu_derivative(value));
      value = silu(value);
    }
    add(convolve(block.outer, a), h);
    records_.push_back(record);
  }
  void block_vjp(const UNetBlockView& block, Map& g) {
    const BlockRecord record = take();
    Map inner = convolve_vjp(block.outer, g);
    for (std::size_t i = 0; i < inner.values.size(); ++i) inner.values[i] *= record.derivative[i];
    Map through = convolve_vjp(block.inner, inner);
    through.values = normalise_vjp(record.normalised, through.values, through.channels);
    add(through, g);
  }

  const UNetView& network_;
  const float* shifts_;
  std::vector<BlockRecord> records_;  ///< in the order of the forward pass; the VJP takes the last
  std::vector<Map> maps_;             ///< sizes of the convolutions' inputs, likewise
};

}  // namespace sda::kernels::reference
