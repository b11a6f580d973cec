/// The fused kernels of the residual MLP against float64 autograd, on every instruction set and kind of product that
/// this machine has.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/torch.hpp"
#include "kernels/residual_mlp_kernel.hpp"
#include "machines.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/prior/denoising_gradient.hpp"
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

class FusedMlp : public ::testing::TestWithParam<Machine> {
 protected:
  test::OnMachine on{GetParam()};

  static double tolerance() {
    return GetParam().arithmetic == Arithmetic::float32 ? tolerance::fused_float32 : tolerance::fused_bfloat16;
  }

  /// Trajectories of `length` states, windows `stride` apart, beside the same from autograd in float64.
  static void expect_equal_to_autograd(const NetworkParameters& parameters, const Shape& shape, std::int64_t memory,
                                       std::int64_t stride = 1) {
    const Shape event{shape[2]};
    const auto network = make_network(parameters, event, 3), exact_network = make_network(parameters, event, 3);
    exact_network->to(at::kDouble);
    const WindowedScore exact(make_network_score(exact_network, plenty, Evaluation::autograd), parameters.order,
                              stride);
    const auto fused = network->fused_score(memory, stride);
    ASSERT_NE(fused, nullptr);
    const Tensor x = normal(shape, {.seed = 1}), v = normal(shape, {.seed = 2}), w = normal(shape, {.seed = 3});
    for (const double t : {0.0, 0.37, 1.0}) {
      SCOPED_TRACE(fmt::format("{} trajectories of {} states, t = {}", shape[0], shape[1], t));
      const auto ours = fused->linearise(x, t);
      const auto theirs = exact.linearise(x.to(at::kDouble), t);
      EXPECT_LT(relative_error(ours->epsilon(), theirs->epsilon()), tolerance());
      EXPECT_LT(relative_error(fused->epsilon(x, t), theirs->epsilon()), tolerance());
      for (const Tensor& direction : {v, w})
        EXPECT_LT(relative_error(ours->vjp(direction), theirs->vjp(direction.to(at::kDouble))), tolerance());
    }
  }

  static void expect_gradient_equal_to_autograd(const NetworkParameters& parameters, std::int64_t state,
                                                std::int64_t rows) {
    SCOPED_TRACE(fmt::format("{} rows", rows));
    const Shape shape{rows, parameters.window_length(), state};
    const Tensor x = normal(shape, {.seed = 1}), epsilon = normal(shape, {.seed = 2});
    const Tensor t = uniform({rows, 1}, {.seed = 3}).squeeze(1);
    const auto network = make_network(parameters, {state}, 3), exact_network = make_network(parameters, {state}, 3);
    exact_network->to(at::kDouble);
    Tensor weights = network->flat_values(), exact_weights = exact_network->flat_values();
    Tensor ours = at::full_like(weights, 7), theirs = at::full_like(exact_weights, 7);
    const auto fused = make_denoising_gradient(network, weights, ours, Precision::automatic);
    // Where the problem magnifies rounding (a norm over three values), libtorch's own float32 says by how much.
    const auto rounded_network = make_network(parameters, {state}, 3);
    Tensor rounded_weights = rounded_network->flat_values(), rounded = at::zeros_like(rounded_weights);
    const auto in_float32 =
        make_denoising_gradient(rounded_network, rounded_weights, rounded, Precision::automatic, Evaluation::autograd);
    const auto exact =
        make_denoising_gradient(exact_network, exact_weights, theirs, Precision::automatic, Evaluation::autograd);
    for (int again = 0; again < 2; ++again) {  // with other weights, which the kernel must see
      const double loss = fused->evaluate(x, t, epsilon);
      const double exact_loss = exact->evaluate(x.to(at::kDouble), t.to(at::kDouble), epsilon.to(at::kDouble));
      EXPECT_NEAR(loss, exact_loss, tolerance() * exact_loss);
      std::int64_t offset = 0;
      in_float32->evaluate(x, t, epsilon);
      for (const auto& parameter : network->parameters()) {
        const std::int64_t n = parameter.value.numel();
        const Tensor truth = theirs.narrow(0, offset, n);
        const double rounding = relative_error(rounded.narrow(0, offset, n), truth);
        EXPECT_LT(relative_error(ours.narrow(0, offset, n), truth), std::max(tolerance(), 2 * rounding))
            << parameter.name;
        offset += n;
      }
      const Tensor change = normal({1, weights.numel()}, {.seed = 4}).squeeze(0) * 0.01;
      weights.add_(change);
      exact_weights.add_(change);
      rounded_weights.add_(change);
    }
  }
};

const NetworkParameters small{.order = 2, .embedding = 8, .width = 64, .depth = 2};

TEST_P(FusedMlp, RunsTheInstructionSetAskedFor) {
  EXPECT_EQ(kernels::instruction_set(), hwy::TargetName(GetParam().target));
}

TEST_P(FusedMlp, EqualsAutogradForAnyNumberOfWindows) {
  for (const std::int64_t rows : {1, 5, 95, 96, 97, 201}) expect_equal_to_autograd(small, {rows, 5, 3}, plenty);
}

TEST_P(FusedMlp, EqualsAutogradOnTrajectories) {
  // Panels of 96 windows end inside trajectories, between two of them, and several times in one.
  for (const std::int64_t length : {6, 52, 53, 100, 101, 300}) expect_equal_to_autograd(small, {3, length, 3}, plenty);
}

TEST_P(FusedMlp, EqualsAutogradWithStrides) {
  for (const std::int64_t stride : {2, 3, 5}) expect_equal_to_autograd(small, {2, 331, 3}, plenty, stride);
}

TEST_P(FusedMlp, EqualsAutogradForOddSizes) {
  expect_equal_to_autograd({.order = 1, .embedding = 5, .width = 37, .depth = 3}, {50, 3, 1}, plenty);
  expect_equal_to_autograd({.order = 3, .embedding = 32, .width = 100, .depth = 1}, {2, 50, 7}, plenty);
  expect_equal_to_autograd({.order = 4, .embedding = 32, .width = 256, .depth = 5}, {1, 50, 3}, plenty);
  expect_equal_to_autograd({.order = 60, .embedding = 8, .width = 32, .depth = 1}, {1, 400, 1}, plenty);
}

// The last map gives the result, and the first is given x, whose smallest digits matter at small t.
TEST_P(FusedMlp, MapsBetweenBlocksKeepTheirDigits) {
  const bool split = kernels::multiplies_tiles(GetParam().arithmetic);
  const double tolerance = split ? tolerance::fused_split : tolerance::fused_float32;
  for (const auto& [in, out] : std::vector<std::pair<std::int64_t, std::int64_t>>{{15, 256}, {256, 15}, {33, 70}}) {
    SCOPED_TRACE(fmt::format("{} to {}", in, out));
    constexpr std::int64_t rows = 41;
    const Tensor weight = normal({out, in}, {.seed = 1}), bias = normal({out}, {.seed = 2});
    const Tensor x = normal({rows, in}, {.seed = 3}), v = normal({rows, out}, {.seed = 4});
    const kernels::AffineView map{weight.data_ptr<float>(), bias.data_ptr<float>(), in, out, in};
    const kernels::ResidualMlpKernel kernel({{.residual = false, .first = map, .second = {}}}, GetParam().arithmetic);
    std::vector<const float*> each;
    for (std::int64_t row = 0; row < rows; ++row) each.push_back(x.data_ptr<float>() + row * in);
    kernels::Aligned<float> scratch(static_cast<std::size_t>(kernel.scratch_size()));
    Tensor result = at::empty({rows, out}), gradient = at::empty({rows, in});
    kernel.forward(each.data(), rows, nullptr, result.data_ptr<float>(), nullptr, scratch.data());
    kernel.vjp(v.data_ptr<float>(), rows, nullptr, gradient.data_ptr<float>(), scratch.data());
    const Tensor exact = weight.to(at::kDouble);
    EXPECT_LT(relative_error(result, at::addmm(bias.to(at::kDouble), x.to(at::kDouble), exact.t())), tolerance);
    EXPECT_LT(relative_error(gradient, at::matmul(v.to(at::kDouble), exact)), tolerance);
  }
}

TEST_P(FusedMlp, RunsTheForwardPassAgainWhereItsTapeDoesNotFit) {
  expect_equal_to_autograd(small, {3, 100, 3}, /*memory=*/1);
}

// A score leaves the memory of one linearisation to the next, but never to a second one that lives beside the first.
TEST_P(FusedMlp, LinearisationsThatLiveAtOnceHaveTapesOfTheirOwn) {
  const auto score = make_network(small, {3}, 3)->fused_score(plenty);
  const Tensor v = normal({3, 200, 3}, {.seed = 1});
  const auto states = [](std::int64_t length, std::uint64_t seed) { return normal({3, length, 3}, {.seed = seed}); };
  const auto pulled_back = [&](const Linearisation& linear, std::int64_t length) {
    return linear.vjp(v.narrow(1, 0, length));
  };
  const Tensor alone = pulled_back(*score->linearise(states(100, 2), 0.4), 100);
  const Tensor longer = pulled_back(*score->linearise(states(200, 3), 0.4), 200);
  const auto first = score->linearise(states(100, 2), 0.4), second = score->linearise(states(200, 3), 0.4);
  EXPECT_TRUE(at::equal(pulled_back(*first, 100), alone));
  EXPECT_TRUE(at::equal(pulled_back(*second, 200), longer));
}

TEST_P(FusedMlp, GradientEqualsAutograds) {
  for (const std::int64_t rows : {1, 13, 63, 64, 65, 129, 500, 1000}) expect_gradient_equal_to_autograd(small, 3, rows);
}

TEST_P(FusedMlp, GradientEqualsAutogradsForOddSizes) {
  expect_gradient_equal_to_autograd({.order = 1, .embedding = 5, .width = 37, .depth = 3}, 1, 50);
  expect_gradient_equal_to_autograd({.order = 4, .embedding = 32, .width = 256, .depth = 5}, 3, 70);
  expect_gradient_equal_to_autograd({.order = 2, .embedding = 3, .width = 99, .depth = 1}, 7, 65);
}

// Threads share out passes of rows and blocks of weights; nothing is summed across them.
TEST_P(FusedMlp, GradientHasTheSameBitsForAnyNumberOfThreads) {
  const NetworkParameters parameters{.order = 1, .embedding = 8, .width = 100, .depth = 2};
  const std::int64_t rows = 301;
  const Tensor x = normal({rows, 3, 3}, {.seed = 1}), epsilon = normal({rows, 3, 3}, {.seed = 2});
  const Tensor t = uniform({rows, 1}, {.seed = 3}).squeeze(1);
  const int threads_before = at::get_num_threads();
  double first_loss = 0;
  Tensor first;
  for (const int threads : {1, 2, 3, 7}) {
    at::set_num_threads(threads);
    const auto network = make_network(parameters, {3}, 3);
    const Tensor weights = network->flat_values();
    Tensor gradient = at::zeros_like(weights);
    const double loss =
        make_denoising_gradient(network, weights, gradient, Precision::automatic)->evaluate(x, t, epsilon);
    if (!first.defined()) first = gradient, first_loss = loss;
    EXPECT_TRUE(at::equal(gradient, first)) << threads << " threads";
    EXPECT_EQ(loss, first_loss) << threads << " threads";
  }
  at::set_num_threads(threads_before);
}

// By the kernel and by autograd: weights that change in `descend` and, between two steps, otherwise.
TEST_P(FusedMlp, DescendsAlongTheGradientThatItEvaluates) {
  const NetworkParameters parameters{.order = 1, .embedding = 8, .width = 100, .depth = 1};
  const Tensor x = normal({70, 3, 3}, {.seed = 1}), epsilon = normal({70, 3, 3}, {.seed = 2});
  const Tensor t = uniform({70, 1}, {.seed = 3}).squeeze(1);
  for (const Evaluation evaluation : {Evaluation::automatic, Evaluation::autograd}) {
    const auto one = make_network(parameters, {3}, 3), other = make_network(parameters, {3}, 3);
    Tensor weights = one->flat_values(), expected = other->flat_values();
    Tensor gradient = at::zeros_like(weights), expected_gradient = at::zeros_like(weights);
    const auto descending = make_denoising_gradient(one, weights, gradient, Precision::automatic, evaluation);
    const auto evaluating =
        make_denoising_gradient(other, expected, expected_gradient, Precision::automatic, evaluation);
    const auto update = [w = weights.data_ptr<float>()](std::int64_t begin, const float* g, std::int64_t n) {
      for (std::int64_t i = 0; i < n; ++i) w[begin + i] -= 0.25f * g[i];
    };
    for (int step = 0; step < 4; ++step) {
      const double loss = descending->descend(x, t, epsilon, update);
      EXPECT_EQ(loss, evaluating->loss(x, t, epsilon)) << "step " << step;
      EXPECT_EQ(loss, evaluating->evaluate(x, t, epsilon)) << "step " << step;
      expected.sub_(expected_gradient, 0.25);
      EXPECT_TRUE(at::equal(weights, expected)) << "step " << step;
      if (step == 1) weights.mul_(0.5), expected.mul_(0.5);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, FusedMlp, ::testing::ValuesIn(test::machines()),
                         [](const auto& test) { return test::name_of(test.param); });

TEST(FusedMlpChoice, LeavesWhatItCannotDoToAutograd) {
  const NetworkParameters relu{.order = 1, .activation = Activation::relu, .width = 16, .depth = 1};
  EXPECT_EQ(make_network(relu, {3}, 0)->fused_score(1), nullptr);
  const NetworkParameters silu{.order = 1, .width = 16, .depth = 1};
  const auto network = make_network(silu, {3}, 0);
  EXPECT_NE(network->fused_score(1), nullptr);
  network->to(at::kDouble);
  EXPECT_EQ(network->fused_score(1), nullptr);
}

TEST(FusedMlpChoice, RefusesBfloat16WhereTheProcessorHasNone) {
  kernels::set_bfloat16_for_test(Arithmetic::float32);
  const auto network = make_network({.order = 1, .width = 16, .depth = 1}, {3}, 0);
  EXPECT_NE(network->fused_score(1, 1, Precision::automatic), nullptr);
  EXPECT_THROW(network->fused_score(1, 1, Precision::bfloat16), UsageError);
  kernels::set_bfloat16_for_test({});
}

}  // namespace
}  // namespace sda
