/// The kernels against their plain twins (src/kernels/reference/), on every instruction set and kind of product that
/// this machine has; and the twins' minimal filtering against the convolutions it stands for.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/torch.hpp"
#include "kernels/reference/unet.hpp"
#include "kernels/reference/winograd.hpp"
#include "kernels/residual_mlp_kernel.hpp"
#include "kernels/unet_kernel.hpp"
#include "machines.hpp"
#include "sda/core/random.hpp"
#include "tolerance.hpp"

namespace sda {
namespace {

namespace reference = kernels::reference;
using kernels::Arithmetic;
using kernels::Sampling;
using reference::Values;
using test::Machine;

std::vector<float> draws(std::int64_t n, std::uint64_t seed, double scale = 1) {
  const Tensor x = normal({1, n}, {.seed = seed}) * scale;
  return {x.data_ptr<float>(), x.data_ptr<float>() + n};
}

/// ‖ours − truth‖ / ‖truth‖.
template <class Ours>
double deviation(const Ours& ours, const Values& truth) {
  double error = 0, size = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    error += (ours[i] - truth[i]) * (ours[i] - truth[i]);
    size += truth[i] * truth[i];
  }
  return std::sqrt(error / size);
}

/// Weights that live as long as the views into them.
class Weights {
 public:
  const float* draw(std::int64_t n, double scale) {
    return all_.emplace_back(std::make_unique<std::vector<float>>(draws(n, all_.size() + 1, scale)))->data();
  }
  kernels::AffineView affine(std::int64_t in, std::int64_t out) {
    return {draw(in * out, 1 / std::sqrt(static_cast<double>(in))), draw(out, 0.3), in, out, in};
  }
  kernels::ConvolutionView convolution(std::int64_t in, std::int64_t out, bool flat, Sampling sampling) {
    const std::int64_t taps = flat ? 3 : 9;
    return {draw(in * out * taps, 1 / std::sqrt(static_cast<double>(in * taps))), draw(out, 0.3), in, out, sampling};
  }

 private:
  std::vector<std::unique_ptr<std::vector<float>>> all_;
};

class Kernels : public ::testing::TestWithParam<Machine> {
 protected:
  test::OnMachine on{GetParam()};

  /// Of a network in this machine's arithmetic, given that of the same kernel in float32.
  static double allowed(double float32) {
    return GetParam().arithmetic == Arithmetic::float32 ? tolerance::fused_float32
                                                        : tolerance::bfloat16_over_float32 * float32;
  }
};

struct Passed {
  std::vector<float> result, gradient;
};

Passed passed(const kernels::ResidualMlpKernel& kernel, const std::vector<float>& x, const std::vector<float>& v,
              std::int64_t rows) {
  std::vector<const float*> each;
  for (std::int64_t row = 0; row < rows; ++row) each.push_back(x.data() + row * kernel.in());
  kernels::Aligned<float> scratch(static_cast<std::size_t>(kernel.scratch_size()));
  kernels::Aligned<std::byte> tape(static_cast<std::size_t>(kernel.tape_size()));
  Passed passed{std::vector<float>(static_cast<std::size_t>(rows * kernel.out())), std::vector<float>(x.size())};
  kernel.forward(each.data(), rows, nullptr, passed.result.data(), tape.data(), scratch.data());
  kernel.vjp(v.data(), rows, tape.data(), passed.gradient.data(), scratch.data());
  return passed;
}

TEST_P(Kernels, ResidualMlpEqualsItsTwin) {
  for (const auto& [in, width, rows] :
       std::vector<std::array<std::int64_t, 3>>{{15, 64, 96}, {7, 100, 41}, {3, 70, 5}}) {
    SCOPED_TRACE(fmt::format("{} to {}, {} rows", in, width, rows));
    Weights weights;
    const std::vector<kernels::LayerView> layers{{false, weights.affine(in, width), {}},
                                                 {true, weights.affine(width, width), weights.affine(width, width)},
                                                 {true, weights.affine(width, width), weights.affine(width, width)},
                                                 {false, weights.affine(width, in), {}},
                                                 {true, weights.affine(in, in), weights.affine(in, in)}};
    const auto x = draws(rows * in, 100), v = draws(rows * in, 101);
    const auto twin = reference::mlp_forward(layers, {x.begin(), x.end()}, rows);
    const Values gradient = reference::mlp_vjp(layers, twin, {v.begin(), v.end()}, rows);
    const Passed ours = passed({layers, GetParam().arithmetic}, x, v, rows);
    const Passed single = passed({layers, Arithmetic::float32}, x, v, rows);
    EXPECT_LT(deviation(ours.result, twin.result), allowed(deviation(single.result, twin.result)));
    EXPECT_LT(deviation(ours.gradient, gradient), allowed(deviation(single.gradient, gradient)));
  }
}

Passed passed(const kernels::UNetKernel& kernel, const kernels::Grid& grid, const std::vector<float>& x,
              const std::vector<float>& v, const std::vector<float>& shifts) {
  const kernels::UNetPlan plan = kernel.plan(grid, kernels::Keep::for_vjp);
  kernels::Aligned<std::byte> workspace(static_cast<std::size_t>(plan.workspace_size));
  kernels::Aligned<std::byte> tape(static_cast<std::size_t>(plan.tape_size));
  const float* row = x.data();
  Passed passed{std::vector<float>(x.size()), std::vector<float>(x.size())};
  kernel.forward(plan, &row, {shifts.data(), 0}, passed.result.data(), tape.data(), workspace.data());
  kernel.vjp(plan, v.data(), passed.gradient.data(), nullptr, tape.data(), workspace.data());
  return passed;
}

TEST_P(Kernels, UNetEqualsItsTwin) {
  struct Case {
    std::int64_t fine, coarse, height, width;
    bool flat;
  };
  for (const auto& of : {Case{12, 33, 6, 10, false}, Case{40, 9, 4, 2, false}, Case{16, 24, 1, 14, true}})
    for (const bool circular : {false, true}) {
      SCOPED_TRACE(fmt::format("{} and {} channels, {} × {}, {}", of.fine, of.coarse, of.height, of.width, circular));
      constexpr std::int64_t channels = 3;
      Weights weights;
      const auto same = [&](std::int64_t in, std::int64_t out) {
        return weights.convolution(in, out, of.flat, Sampling::same);
      };
      const auto block = [&](std::int64_t n) { return kernels::UNetBlockView{same(n, n), same(n, n)}; };
      const kernels::UNetView network{
          .levels = {{same(channels, of.fine), {block(of.fine)}, {block(of.fine)}, same(of.fine, channels)},
                     {weights.convolution(of.fine, of.coarse, of.flat, Sampling::down),
                      {block(of.coarse)},
                      {block(of.coarse)},
                      weights.convolution(of.coarse, of.fine, of.flat, Sampling::up)}},
          .flat = of.flat,
          .circular = circular};
      const kernels::ImageView image{.channels = channels};
      const kernels::Grid grid{.images = 1, .height = of.height, .width = of.width, .flat = of.flat};
      const std::int64_t values = channels * of.height * of.width;
      const auto x = draws(values, 100), v = draws(values, 101);
      const kernels::UNetKernel kernel(network, image, GetParam().arithmetic),
          single(network, image, Arithmetic::float32);
      const auto shifts = draws(kernel.shifts(), 102, 0.3);
      reference::UNet twin(network, shifts.data());
      reference::Map in(of.height, of.width, channels), back(of.height, of.width, channels);
      in.values.assign(x.begin(), x.end());
      back.values.assign(v.begin(), v.end());
      const Values result = twin.forward(in).values, gradient = twin.vjp(back).values;
      const Passed ours = passed(kernel, grid, x, v, shifts), in_float32 = passed(single, grid, x, v, shifts);
      EXPECT_LT(deviation(ours.result, result), allowed(deviation(in_float32.result, result)));
      EXPECT_LT(deviation(ours.gradient, gradient), allowed(deviation(in_float32.gradient, gradient)));
    }
}

INSTANTIATE_TEST_SUITE_P(Machines, Kernels, ::testing::ValuesIn(test::machines()),
                         [](const auto& test) { return test::name_of(test.param); });

/// Along one axis with zeros beyond it: every output of the filtering is that of the convolution, and of its adjoint.
void expect_equal_to_the_convolution(const reference::MinimalFiltering& forward,
                                     const reference::MinimalFiltering& adjoint, Sampling sampling) {
  constexpr std::int64_t size = 8;
  Weights weights;
  const kernels::ConvolutionView view{weights.draw(3, 1), weights.draw(1, 0), 1, 1, sampling};
  const Values taps(view.weight, view.weight + 3);
  const auto equal = [&](const reference::MinimalFiltering& f, const reference::Map& input, const Values& expected) {
    for (std::int64_t i = 0; i < std::ssize(expected); ++i) {
      const Values tile = filter_tile(f, taps, i / f.outputs, [&](std::int64_t at) {
        return at < 0 || at >= input.width ? 0 : input.at(0, at, 0);
      });
      EXPECT_NEAR(tile[i % f.outputs], expected[i], 1e-12) << i;
    }
  };
  reference::Map x(1, size, 1);
  const auto values = draws(size, 5);
  x.values.assign(values.begin(), values.end());
  const reference::Map y = reference::convolve(view, /*flat=*/true, /*circular=*/false, x);
  equal(forward, x, y.values);
  equal(adjoint, y, reference::convolve_vjp(view, true, false, x, y).values);
}

TEST(MinimalFiltering, EqualsTheConvolutionAndItsAdjoint) {
  expect_equal_to_the_convolution(reference::stride_1(), reference::stride_1_adjoint(), Sampling::same);
  expect_equal_to_the_convolution(reference::downsample(), reference::downsample_adjoint(), Sampling::down);
  expect_equal_to_the_convolution(reference::upsample(), reference::upsample_adjoint(), Sampling::up);
}

}  // namespace
}  // namespace sda
