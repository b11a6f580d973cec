/// How many digits a convolution by minimal filtering keeps in bfloat16, against what its roundings should leave
/// (src/kernels/winograd-inl.hpp has the derivation). By emulated tiles, whose products every other kind equals.
#include <gtest/gtest.h>

#include "core/torch.hpp"
#include "kernels/reference/convolution.hpp"
#include "kernels/winograd-inl.hpp"
#include "kernels/winograd_filter-inl.hpp"
#include "sda/core/random.hpp"
#include "tolerance.hpp"

namespace sda {
namespace {

namespace here = kernels::HWY_NAMESPACE;
using Gemm = here::BFloat16TileGemm<here::EmulatedTiles>;
using kernels::Grid;

constexpr std::int64_t channels = 32;

std::vector<float> draws(std::int64_t n, std::uint64_t seed) {
  const Tensor x = normal({1, n}, {.seed = seed});
  return {x.data_ptr<float>(), x.data_ptr<float>() + n};
}

/// ‖ours − exact‖ / ‖exact‖ of a convolution with stride 1, or of its VJP, of a map of bfloat16 values.
template <class Y, class X>
double deviation(const Grid& grid, bool adjoint) {
  const bool flat = grid.flat;
  const auto weight = draws(channels * channels * (flat ? 3 : 9), 1);
  const std::vector<float> bias(channels);
  const kernels::ConvolutionView view{.weight = weight.data(), .bias = bias.data(), .in = channels, .out = channels};
  kernels::PackedConvolution packed;
  packed.in = packed.out = channels;
  here::pack_convolution<Gemm, Y, X>(view, packed);

  kernels::reference::Map exact(grid.height, grid.width, channels);
  kernels::Aligned<here::BFloat16> map(static_cast<std::size_t>(grid.size() * channels));
  const auto values = draws(grid.height * grid.width * channels, 2);
  for (std::int64_t y = 0, i = 0; y < grid.height; ++y)
    for (std::int64_t x = 0; x < grid.width; ++x)
      for (std::int64_t c = 0; c < channels; ++c, ++i) {
        here::BFloat16& to = map[grid.pixel(0, y, x) * channels + c];
        here::assign(values[i], to);
        exact.values[i] = here::wide(to);
      }
  here::fill_halo(map.data(), grid, channels, /*circular=*/true);

  kernels::Aligned<float> result(static_cast<std::size_t>(grid.size() * channels));
  constexpr std::int64_t products = Y::products * X::products;
  const kernels::TileBlocks blocks(here::Tiles::making<Y, X>(grid).count(), products, channels, Gemm::arithmetic);
  kernels::Aligned<std::byte> workspace(static_cast<std::size_t>(
      blocks.room() * kernels::TileBlocks::bytes_of_tile(products, channels, Gemm::arithmetic)));
  const here::Write write{result.data(), channels};
  if (adjoint)
    here::convolve<Gemm, typename Y::Adjoint, typename X::Adjoint>(
        map.data(), grid, grid, packed.backward_as<here::BFloat16>(), channels, channels, workspace.data(), write);
  else
    here::convolve<Gemm, Y, X>(map.data(), grid, grid, packed.forward_as<here::BFloat16>(), channels, channels,
                               workspace.data(), write);
  const auto truth = adjoint ? kernels::reference::convolve_vjp(view, flat, true, exact, exact)
                             : kernels::reference::convolve(view, flat, true, exact);
  double error = 0, size = 0;
  for (std::int64_t y = 0; y < grid.height; ++y)
    for (std::int64_t x = 0; x < grid.width; ++x)
      for (std::int64_t c = 0; c < channels; ++c) {
        const double off = result[grid.pixel(0, y, x) * channels + c] - truth.at(y, x, c);
        error += off * off;
        size += truth.at(y, x, c) * truth.at(y, x, c);
      }
  return std::sqrt(error / size);
}

TEST(WinogradInBfloat16, DeviatesAsItsRoundingsLetExpect) {
  for (const bool adjoint : {false, true}) {
    const double plane = deviation<here::Stride1, here::Stride1>({.images = 1, .height = 16, .width = 16}, adjoint);
    const double line =
        deviation<here::NoAxis, here::Stride1>({.images = 1, .height = 1, .width = 256, .flat = true}, adjoint);
    EXPECT_NEAR(plane / tolerance::winograd_bfloat16_2d, 1, tolerance::winograd_bfloat16_estimate) << adjoint;
    EXPECT_NEAR(line / tolerance::winograd_bfloat16_1d, 1, tolerance::winograd_bfloat16_estimate) << adjoint;
  }
}

}  // namespace
}  // namespace sda
