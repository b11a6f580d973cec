/// The U-Net's kernel against float64 autograd, on every instruction set and kind of product that this machine has.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/torch.hpp"
#include "kernels/unet_kernel.hpp"
#include "machines.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/prior/denoising_gradient.hpp"
#include "sda/prior/prior.hpp"
#include "sda/prior/scores.hpp"
#include "tolerance.hpp"

namespace sda {
namespace {

using kernels::Arithmetic;
using test::Machine;

constexpr std::int64_t plenty = std::int64_t{1} << 30;

double relative_error(const Tensor& ours, const Tensor& exact) {
  return ((ours.to(at::kDouble) - exact).abs().max() / exact.abs().max()).item<double>();
}
double relative_deviation(const Tensor& ours, const Tensor& exact) {
  return ((ours.to(at::kDouble) - exact).norm() / exact.norm()).item<double>();
}

NetworkParameters unet(std::vector<std::int64_t> channels, std::vector<std::int64_t> blocks, bool circular) {
  NetworkParameters parameters{.kind = NetworkKind::unet, .order = 1, .embedding = 8};
  parameters.channels = std::move(channels);
  parameters.blocks = std::move(blocks);
  parameters.padding = circular ? Padding::circular : Padding::zeros;
  return parameters;
}

/// A network, the same in float64, and what stands beside the state.
struct Example {
  NetworkParameters parameters;
  Shape event;
  std::int64_t extra = 0;  ///< context fields

  Tensor context() const {
    return extra == 0 ? Tensor() : normal(prepend({extra}, at::IntArrayRef(event).slice(1)), {.seed = 9});
  }
  std::shared_ptr<Network> network() const { return make_network(parameters, event, 3, context()); }
  std::shared_ptr<Network> exact_network() const {
    auto net = network();
    net->to(at::kDouble);
    return net;
  }
};

class FusedUNet : public ::testing::TestWithParam<Machine> {
 protected:
  test::OnMachine on{GetParam()};

  /// Float32 by its largest error. Bfloat16, whose error depends on the network, by the root mean square over all that
  /// a test compares: as far beyond the same kernel's in float32 as its roundings are coarser.
  class Comparison {
   public:
    void add(const Tensor& ours, const Tensor& in_float32, const Tensor& exact, const std::string& what) {
      EXPECT_LT(relative_error(in_float32, exact), tolerance::fused_float32) << what;
      ours_ += std::pow(relative_deviation(ours, exact), 2);
      in_float32_ += std::pow(relative_deviation(in_float32, exact), 2);
    }
    void expect_near() const {
      EXPECT_LE(std::sqrt(ours_), (in_bfloat16() ? tolerance::bfloat16_over_float32 : 1) * std::sqrt(in_float32_));
    }

   private:
    double ours_ = 0, in_float32_ = 0;
  };

  static bool in_bfloat16() { return GetParam().arithmetic != Arithmetic::float32; }

  static void expect_equal_to_autograd(const Example& example, std::int64_t members, std::int64_t length,
                                       std::int64_t memory = plenty, std::int64_t stride = 1) {
    Prior prior;
    prior.network_parameters = example.parameters;
    prior.network = example.exact_network();
    const auto exact = make_prior_score(prior, plenty, stride);
    const auto fused = example.network()->fused_score(memory, stride);
    const auto single = example.network()->fused_score(memory, stride, Precision::float32);
    ASSERT_NE(fused, nullptr);
    const Shape shape = prepend({members, length}, example.event);
    const Tensor x = normal(shape, {.seed = 1}), v = normal(shape, {.seed = 2}), w = normal(shape, {.seed = 3});
    Comparison epsilons, vjps;
    for (const double t : {0.0, 0.37, 1.0}) {
      SCOPED_TRACE(fmt::format("{} × {} × {}, t = {}", members, length, to_string(example.event), t));
      const auto ours = fused->linearise(x, t);
      const auto in_float32 = single->linearise(x, t);
      const auto theirs = exact->linearise(x.to(at::kDouble), t);
      epsilons.add(ours->epsilon(), in_float32->epsilon(), theirs->epsilon(), "ε");
      EXPECT_TRUE(at::equal(fused->epsilon(x, t), ours->epsilon()));
      for (const Tensor& direction : {v, w})
        vjps.add(ours->vjp(direction), in_float32->vjp(direction), theirs->vjp(direction.to(at::kDouble)), "VJP");
    }
    SCOPED_TRACE(fmt::format("{} × {} × {}", members, length, to_string(example.event)));
    epsilons.expect_near();
    vjps.expect_near();
  }

  static void expect_gradient_equal_to_autograd(const Example& example, std::int64_t rows) {
    SCOPED_TRACE(fmt::format("{} windows of {}", rows, to_string(example.event)));
    const Shape shape = prepend({rows, example.parameters.window_length()}, example.event);
    const Tensor x = normal(shape, {.seed = 1}), epsilon = normal(shape, {.seed = 2});
    const Tensor t = uniform({rows, 1}, {.seed = 3}).squeeze(1);
    const auto network = example.network(), single_network = example.network(), exact_network = example.exact_network();
    Tensor weights = network->flat_values(), exact_weights = exact_network->flat_values();
    Tensor single_weights = single_network->flat_values();
    Tensor ours = at::full_like(weights, 7), theirs = at::full_like(exact_weights, 7),
           in_float32 = at::zeros_like(ours);
    const auto single = make_denoising_gradient(single_network, single_weights, in_float32, Precision::float32);
    const auto fused = make_denoising_gradient(network, weights, ours, Precision::automatic);
    const auto exact =
        make_denoising_gradient(exact_network, exact_weights, theirs, Precision::automatic, Evaluation::autograd);
    Comparison each, all;
    for (int again = 0; again < 2; ++again) {  // with other weights, which the kernel must see
      const double loss = fused->evaluate(x, t, epsilon);
      const double exact_loss = exact->evaluate(x.to(at::kDouble), t.to(at::kDouble), epsilon.to(at::kDouble));
      single->evaluate(x, t, epsilon);
      EXPECT_NEAR(loss, exact_loss,
                  (in_bfloat16() ? tolerance::fused_bfloat16 : tolerance::fused_float32) * exact_loss);
      std::int64_t offset = 0;
      for (const auto& parameter : network->parameters()) {
        const std::int64_t n = parameter.value.numel();
        each.add(ours.narrow(0, offset, n), in_float32.narrow(0, offset, n), theirs.narrow(0, offset, n),
                 parameter.name);
        offset += n;
      }
      all.add(ours, in_float32, theirs, "all parameters");
      const Tensor change = normal({1, weights.numel()}, {.seed = 4}).squeeze(0) * 0.01;
      weights.add_(change);
      single_weights.add_(change);
      exact_weights.add_(change);
    }
    each.expect_near();
    all.expect_near();
  }
};

TEST_P(FusedUNet, EqualsAutogradOverSpace) {
  for (const bool circular : {false, true}) {
    expect_equal_to_autograd({unet({8, 16}, {1, 1}, circular), {2, 8, 12}}, 2, 4);
    expect_equal_to_autograd({unet({8, 12, 16}, {1, 0, 1}, circular), {1, 4, 20}, 2}, 1, 5);
  }
}

TEST_P(FusedUNet, EqualsAutogradForOddSizes) {
  for (const bool circular : {false, true}) {
    expect_equal_to_autograd({unet({40}, {1}, circular), {1, 5, 7}}, 1, 3);
    expect_equal_to_autograd({unet({5, 33}, {1, 1}, circular), {2, 6, 10}, 1}, 2, 3);
    expect_equal_to_autograd({unet({7, 9}, {1, 1}, circular), {1, 2, 2}}, 1, 3);
  }
}

// Norms over three channels magnify roundings so much at a few pixels that a draw of them says nothing of another: by
// float32 alone.
TEST_P(FusedUNet, EqualsAutogradForFewChannels) {
  if (in_bfloat16()) GTEST_SKIP() << "errors without a scale";
  for (const bool circular : {false, true})
    expect_equal_to_autograd({unet({3, 11}, {1, 2}, circular), {1, 4, 6}}, 2, 3);
}

TEST_P(FusedUNet, EqualsAutogradForManyBlocks) {
  for (const bool circular : {false, true}) {
    expect_equal_to_autograd({unet({20, 50}, {2, 1}, circular), {2, 10, 6}, 1}, 1, 4);
    expect_equal_to_autograd({unet({16, 32}, {3, 3}, circular), {2, 8, 8}}, 1, 3);
  }
}

TEST_P(FusedUNet, EqualsAutogradAlongOneAxis) {
  for (const bool circular : {false, true}) {
    NetworkParameters over_time = unet({8, 16}, {2, 1}, circular);
    over_time.global = true;
    over_time.window = 8;
    // Panels of 51 trajectories end inside the batch.
    expect_equal_to_autograd({over_time, {3}}, 53, 10);
    expect_equal_to_autograd({over_time, {3}}, 1, 600);
    expect_equal_to_autograd({unet({8, 16}, {1, 1}, circular), {2, 14}, 1}, 3, 4);
  }
}

TEST_P(FusedUNet, EqualsAutogradWithStridesAndLittleMemory) {
  const Example example{unet({8, 16}, {1, 1}, true), {2, 4, 4}};
  for (const std::int64_t stride : {1, 2, 3}) expect_equal_to_autograd(example, 2, 41, /*memory=*/1, stride);
}

TEST_P(FusedUNet, EqualsAutogradWhenWide) {
  if (GetParam().arithmetic == Arithmetic::bfloat16_tiles) GTEST_SKIP() << "emulated tiles are slow";
  expect_equal_to_autograd({unet({96, 160}, {1, 1}, true), {2, 12, 12}, 1}, 1, 3);
}

TEST_P(FusedUNet, GradientEqualsAutogradsOverSpace) {
  for (const bool circular : {false, true}) {
    expect_gradient_equal_to_autograd({unet({8, 16}, {1, 1}, circular), {2, 8, 12}, 1}, 11);
    expect_gradient_equal_to_autograd({unet({40}, {1}, circular), {1, 5, 7}}, 3);
  }
}

TEST_P(FusedUNet, GradientEqualsAutogradsAlongOneAxis) {
  for (const bool circular : {false, true}) {
    NetworkParameters over_time = unet({8, 34}, {1, 1}, circular);
    over_time.global = true;
    over_time.window = 10;
    expect_gradient_equal_to_autograd({over_time, {3}}, 64);
  }
}

TEST_P(FusedUNet, GradientEqualsAutogradsWhenWide) {
  if (GetParam().arithmetic == Arithmetic::bfloat16_tiles) GTEST_SKIP() << "emulated tiles are slow";
  expect_gradient_equal_to_autograd({unet({64, 96}, {1, 1}, true), {2, 12, 12}, 1}, 2);
}

INSTANTIATE_TEST_SUITE_P(Machines, FusedUNet, ::testing::ValuesIn(test::machines()),
                         [](const auto& test) { return test::name_of(test.param); });

TEST(FusedUNetChoice, LeavesWhatItCannotDoToAutograd) {
  NetworkParameters parameters = unet({8}, {1}, true);
  const auto network = make_network(parameters, {2, 4, 4}, 0);
  EXPECT_NE(network->fused_score(1), nullptr);
  network->to(at::kDouble);
  EXPECT_EQ(network->fused_score(1), nullptr);
  parameters.activation = Activation::relu;
  EXPECT_EQ(make_network(parameters, {2, 4, 4}, 0)->fused_score(1), nullptr);
  parameters.activation = Activation::silu;
  parameters.kernel_size = 5;
  EXPECT_EQ(make_network(parameters, {2, 4, 4}, 0)->fused_score(1), nullptr);
}

TEST(FusedUNetChoice, GradientHasTheSameBitsForAnyNumberOfThreads) {
  const Example example{unet({8, 16}, {1, 1}, true), {2, 16, 16}, 1};
  const Shape shape{7, 3, 2, 16, 16};
  const Tensor x = normal(shape, {.seed = 1}), epsilon = normal(shape, {.seed = 2}), t = at::linspace(0, 1, 7);
  Tensor first;
  for (const int threads : {1, 2, 3}) {
    const int before = at::get_num_threads();
    at::set_num_threads(threads);
    const auto network = example.network();
    const Tensor weights = network->flat_values(), gradient = at::zeros_like(weights);
    make_denoising_gradient(network, weights, gradient, Precision::automatic)->evaluate(x, t, epsilon);
    if (first.defined())
      EXPECT_TRUE(gradient.equal(first)) << threads;
    else
      first = gradient;
    at::set_num_threads(before);
  }
}

TEST(FusedUNetChoice, RefusesSpaceThatItsLevelsCannotHalve) {
  const auto network = make_network(unet({8, 8}, {1, 1}, true), {2, 4, 6}, 0);
  const auto odd = make_network(unet({8, 8}, {1, 1}, true), {2, 4, 5}, 0);
  EXPECT_NO_THROW(network->fused_score(1)->epsilon(at::zeros({1, 3, 2, 4, 6}), 0.5));
  EXPECT_THAT(
      [&] {
        odd->fused_score(1)->epsilon(at::zeros({1, 3, 2, 4, 5}), 0.5);
      },
      testing::ThrowsMessage<ShapeError>(testing::HasSubstr("space divisible by 2; these fit: 4 × 4 or 6")));
}

TEST(FusedUNetChoice, FewerImagesFitIntoTheMemoryOfMore) {
  // Eight images' tiles may go in two blocks and seven's in one, which is then larger than either.
  const std::vector<float> zeros(9 * 40 * 40);
  const auto map = [&](std::int64_t in, std::int64_t out) {
    return kernels::ConvolutionView{.weight = zeros.data(), .bias = zeros.data(), .in = in, .out = out};
  };
  for (const Arithmetic arithmetic : kernels::available_arithmetics())
    for (const std::int64_t width : {8, 40}) {
      const kernels::UNetLevelView level{.downsample = map(6, width),
                                         .encoder = {{map(width, width), map(width, width)}},
                                         .decoder = {},
                                         .upsample = map(width, 6)};
      const kernels::UNetKernel kernel({.levels = {level}}, {.channels = 6}, arithmetic);
      for (const auto keep : {kernels::Keep::nothing, kernels::Keep::for_vjp, kernels::Keep::for_gradient}) {
        std::int64_t workspace = 0, tape = 0;
        for (std::int64_t images = 1; images <= 32; ++images) {
          const kernels::UNetPlan plan = kernel.plan({.images = images, .height = 8, .width = 8}, keep);
          EXPECT_GE(plan.workspace_size, workspace) << images << " images in " << kernels::name(arithmetic);
          EXPECT_GE(plan.tape_size, tape) << images << " images in " << kernels::name(arithmetic);
          workspace = plan.workspace_size;
          tape = plan.tape_size;
        }
      }
    }
}

}  // namespace
}  // namespace sda
