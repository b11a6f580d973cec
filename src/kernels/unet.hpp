/// What the passes through a U-Net share: the network as it describes itself, its maps, and its weights packed.
/// Maps are channels-last: images × rows × columns × padded(channels), with a halo around every image that stands for
/// what lies beyond it, so that no convolution asks where it is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/aligned.hpp"
#include "kernels/arithmetic.hpp"

namespace sda::kernels {

/// A stack of images, `flat` ones with one row and no halo above and below it.
struct Grid {
  std::int64_t images = 1, height = 1, width = 1;
  bool flat = false;

  /// One pixel before the image, and behind it as many as whole tiles of two read: one, or two behind an odd size.
  static constexpr std::int64_t with_halo(std::int64_t size) { return rounded_up(size, 2) + 2; }
  std::int64_t stored_rows() const { return flat ? 1 : with_halo(height); }
  std::int64_t stored_columns() const { return with_halo(width); }
  /// Pixels, those of the halo among them.
  std::int64_t size() const { return images * stored_rows() * stored_columns(); }
  /// The place of a pixel; −1 and beyond the image are the halo.
  std::int64_t pixel(std::int64_t image, std::int64_t y, std::int64_t x) const {
    return (image * stored_rows() + y + (flat ? 0 : 1)) * stored_columns() + x + 1;
  }
  Grid halved() const { return {images, flat ? 1 : height / 2, width / 2, flat}; }
};

/// Images that a pass takes together: enough pixels for long matrix products.
inline std::int64_t images_together(const Grid& image) {
  constexpr std::int64_t pixels = 512;
  return std::max<std::int64_t>(1, pixels / (image.height * image.width));
}

/// How a window lies in memory, and what stands beside it in every pixel.
struct ImageView {
  std::int64_t channels = 0;
  bool planar = false;             ///< (channels, pixels); else (pixels, channels)
  const float* context = nullptr;  ///< (extra, pixels)
  std::int64_t extra = 0;
};

/// All blocks' shifts, each padded with zeros, for an image; images' are `stride` apart.
struct UNetShifts {
  const float* values = nullptr;
  std::int64_t stride = 0;
};

/// Of a convolution with three taps along each axis: stride 1, stride 2, or stride 1 after every pixel was doubled.
enum class Sampling { same, down, up };

/// weight (out, in, …3), bias (out).
struct ConvolutionView {
  const float* weight = nullptr;
  const float* bias = nullptr;
  std::int64_t in = 0, out = 0;
  Sampling sampling = Sampling::same;
};

/// h ← h + outer silu(inner norm(h + shift)), the shift one value a channel.
struct UNetBlockView {
  ConvolutionView inner, outer;
};

struct UNetLevelView {
  ConvolutionView downsample;
  std::vector<UNetBlockView> encoder, decoder;
  ConvolutionView upsample;
};

struct UNetView {
  std::vector<UNetLevelView> levels;
  bool flat = false;      ///< convolutions along one axis
  bool circular = false;  ///< beyond an image it begins again; else zeros
};

/// The taps' combinations, each a matrix.
struct PackedConvolution : PackedMatrix {
  Sampling sampling = Sampling::same;
  Arithmetic arithmetic = Arithmetic::float32;
};

struct PackedUNetBlock {
  PackedConvolution inner, outer;
  std::int64_t shift = 0;  ///< where its shift begins among all of them
};

struct PackedUNetLevel {
  PackedConvolution downsample, upsample;
  std::vector<PackedUNetBlock> encoder, decoder;
  std::int64_t width() const { return downsample.out; }
};

struct PackedUNet {
  std::vector<PackedUNetLevel> levels;
  bool flat = false, circular = false;
  std::int64_t shifts = 0;  ///< of all blocks together, each padded
};

/// What a pass leaves behind: nothing, what a VJP needs, or what the weights' gradients need too.
enum class Keep { nothing, for_vjp, for_gradient };

/// Where a buffer lies: on the tape, which outlives the pass, or on the thread's workspace.
struct Place {
  bool kept = false;
  std::int64_t offset = 0;  ///< bytes
};

/// A convolution's input and the gradient at its result, both maps of its arithmetic's values.
struct ConvolutionPlaces {
  Place input, gradient;
};
struct UNetBlockPlaces {
  ConvolutionPlaces inner, outer;
  Place derivative;  ///< of the activation
  Place inverse;     ///< 1/√(variance + 1e-5) of each pixel
};
struct UNetLevelPlaces {
  Grid grid;
  Place stream;  ///< h, float32, and its gradient on the way back
  ConvolutionPlaces downsample, upsample;
  Place inverse;  ///< of the norm before a upsample that goes up
  std::vector<UNetBlockPlaces> encoder, decoder;
};

/// The buffers of one pass through the network, for one size of images.
struct UNetPlan {
  std::vector<UNetLevelPlaces> levels;
  Place next;    ///< a float32 map of any level, for what is not yet added to the stream
  Place result;  ///< a float32 map of the finest level: ε, or on the way back the gradient at x
  Place tiles;   ///< of a convolution
  std::int64_t tape_size = 0, workspace_size = 0;  ///< bytes
};

inline std::int64_t bytes_of_value(const PackedConvolution& convolution) {
  return bytes_of_value(convolution.arithmetic);
}

/// Combinations that a convolution's tiles are made of.
inline std::int64_t products_of(Sampling sampling, bool flat) {
  const std::int64_t axis = sampling == Sampling::same ? 4 : 3;
  return flat ? axis : axis * axis;
}

/// How a convolution's tiles are shared out: blocks few enough that what they read and make stays in cache.
struct TileBlocks {
  std::int64_t max = 0;  ///< tiles of a block

  TileBlocks(std::int64_t tiles, std::int64_t products, std::int64_t depth, Arithmetic arithmetic) {
    constexpr std::int64_t cache = 512 << 10;
    const std::int64_t multiple = rows_together(arithmetic);
    const std::int64_t fit =
        std::max<std::int64_t>(1, cache / bytes_of_tile(products, depth, arithmetic) / multiple) * multiple;
    const std::int64_t blocks = (tiles + fit - 1) / fit;
    max = rounded_up((tiles + blocks - 1) / blocks, multiple);
    most_of_fewer_ = std::min(fit, rounded_up(tiles, multiple));
  }
  /// A multiple of any kind of product's row_multiple.
  std::int64_t capacity() const { return rounded_up(max, 32); }
  /// The most that the blocks of as many tiles or fewer hold: fewer may be one block where more are two smaller ones.
  std::int64_t room() const { return rounded_up(most_of_fewer_, 32); }

  /// Of a tile's combinations, and of 32 columns of its products.
  static std::int64_t bytes_of_tile(std::int64_t products, std::int64_t depth, Arithmetic arithmetic) {
    return products * (padded(depth) * bytes_of_value(arithmetic) + width_multiple * std::int64_t{sizeof(float)});
  }

 private:
  std::int64_t most_of_fewer_ = 0;
};

}  // namespace sda::kernels
