/// Convolutions with three taps an axis by their definition, and their VJPs: what winograd-inl.hpp does with few
/// products.
#pragma once

#include "kernels/reference/gemm.hpp"
#include "kernels/unet.hpp"

namespace sda::kernels::reference {

/// One image, channels last: value (y, x, channel).
struct Map {
  std::int64_t height, width, channels;
  Values values;

  Map(std::int64_t h, std::int64_t w, std::int64_t c)
      : height(h), width(w), channels(c), values(static_cast<std::size_t>(h * w * c)) {}
  double& at(std::int64_t y, std::int64_t x, std::int64_t c) { return values[(y * width + x) * channels + c]; }
  double at(std::int64_t y, std::int64_t x, std::int64_t c) const { return values[(y * width + x) * channels + c]; }
};

/// The pixel along an axis of `size` pixels that tap 0, 1 or 2 of output `at` reads; −1 for a zero beyond the edge.
inline std::int64_t pixel_read(Sampling sampling, std::int64_t at, std::int64_t tap, std::int64_t size, bool circular) {
  const std::int64_t seen = sampling == Sampling::up ? 2 * size : size;  // of the doubled image
  std::int64_t place = (sampling == Sampling::down ? 2 * at : at) + tap - 1;
  if (circular) place = (place + seen) % seen;
  if (place < 0 || place >= seen) return -1;
  return sampling == Sampling::up ? place / 2 : place;
}

/// Pixels of a convolution's result along an axis.
inline std::int64_t pixels_made(Sampling sampling, std::int64_t size) {
  return sampling == Sampling::up ? 2 * size : sampling == Sampling::down ? size / 2 : size;
}

/// Calls f(y, x, o, from_y, from_x, c, weight) for every product of the convolution's sum
/// result(y, x, o) = bias(o) + Σ weight(o, c, taps) input(from_y, from_x, c).
template <class Function>
void for_each_product(const ConvolutionView& view, bool flat, bool circular, const Map& input, const Function& f) {
  const std::int64_t rows = flat ? 1 : pixels_made(view.sampling, input.height), taps_y = flat ? 1 : 3;
  for (std::int64_t y = 0; y < rows; ++y)
    for (std::int64_t x = 0; x < pixels_made(view.sampling, input.width); ++x)
      for (std::int64_t ty = 0; ty < taps_y; ++ty)
        for (std::int64_t tx = 0; tx < 3; ++tx) {
          const std::int64_t from_y = flat ? 0 : pixel_read(view.sampling, y, ty, input.height, circular);
          const std::int64_t from_x = pixel_read(view.sampling, x, tx, input.width, circular);
          if (from_y < 0 || from_x < 0) continue;
          for (std::int64_t o = 0; o < view.out; ++o)
            for (std::int64_t c = 0; c < view.in; ++c)
              f(y, x, o, from_y, from_x, c, view.weight[((o * view.in + c) * taps_y + ty) * 3 + tx]);
        }
}

inline Map convolve(const ConvolutionView& view, bool flat, bool circular, const Map& input) {
  Map result(flat ? 1 : pixels_made(view.sampling, input.height), pixels_made(view.sampling, input.width), view.out);
  for (std::size_t i = 0; i < result.values.size(); ++i) result.values[i] = view.bias[i % view.out];
  for_each_product(view, flat, circular, input,
                   [&](auto y, auto x, auto o, auto from_y, auto from_x, auto c, double w) {
                     result.at(y, x, o) += w * input.at(from_y, from_x, c);
                   });
  return result;
}

/// g at the result → the gradient at `input`, of which only the size matters.
inline Map convolve_vjp(const ConvolutionView& view, bool flat, bool circular, const Map& input, const Map& g) {
  Map gradient(input.height, input.width, input.channels);
  for_each_product(view, flat, circular, input,
                   [&](auto y, auto x, auto o, auto from_y, auto from_x, auto c, double w) {
                     gradient.at(from_y, from_x, c) += w * g.at(y, x, o);
                   });
  return gradient;
}

}  // namespace sda::kernels::reference
