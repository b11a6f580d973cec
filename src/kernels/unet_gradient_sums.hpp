/// What is summed for the gradient of a U-Net's convolutions, and how, as each instruction set has it.
#pragma once

#include "kernels/dispatch.hpp"
#include "kernels/unet_gradient.hpp"

namespace sda::kernels {
/// A convolution's maps in one pass.
struct Site {
  ConvolutionPlaces places;
  Grid from, to;
};

struct Sum {
  float *products, *bias;
  bool fresh;
};

/// Rows of a sum: products write whole tiles of them.
inline std::int64_t sum_rows(std::int64_t out) {
  return rounded_up(out, 96);
}
inline std::int64_t sum_size(const PackedConvolution& c) {
  return sum_rows(c.out) * padded(c.in);
}

/// Tiles that are summed over at once: so many that the sums are seldom touched, and few enough for the cache.
inline std::int64_t tiles_at_once(const PackedConvolution& c) {
  constexpr std::int64_t bytes = 2 << 20, max = 1024, min = 128, axis = 4;
  const std::int64_t each = axis * (padded(c.in) + padded(c.out)) * bytes_of_value(c);
  return std::clamp(bytes / each / 32 * 32, min, max);
}

SDA_FOR_EACH_TARGET(void add_to_sum(const PackedConvolution& c, bool flat, int py,
                                    const std::vector<UNetGradient::Stack>& stacks, const std::vector<Site>& sites,
                                    Sum sum, std::byte* workspace);
                    void filter_gradient(const PackedConvolution& c, bool flat, const float* sums, float* weight);)

}  // namespace sda::kernels
