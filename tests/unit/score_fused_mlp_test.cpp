/// The fused kernel of the residual MLP against float64 autograd, on every instruction set this machine has.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "core/torch.hpp"
#include "score/kernels/residual_mlp_kernel.hpp"
#include "sda/core/random.hpp"
#include "sda/score/scores.hpp"
#include "tolerance.hpp"

namespace sda {
namespace {

std::vector<std::int64_t> targets() {
  std::vector<std::int64_t> all;
  for (std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1)
    all.push_back(left & -left);
  return all;
}

class FusedMlp : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }

  static double relative_error(const Tensor& ours, const Tensor& exact) {
    return ((ours.to(at::kDouble) - exact).abs().max() / exact.abs().max()).item<double>();
  }

  void expect_equal_to_autograd(const NetworkParameters& parameters, std::int64_t state, std::int64_t rows,
                                std::int64_t memory) {
    const Shape shape{rows, parameters.window_length(), state};
    const auto network = make_network(parameters, {state}, 3), exact_network = make_network(parameters, {state}, 3);
    exact_network->to(at::kDouble);
    const auto exact = make_network_score(exact_network, std::int64_t{1} << 30, Evaluation::autograd);
    const auto fused = network->fused_score(memory);
    ASSERT_NE(fused, nullptr);
    const Tensor x = normal(shape, {.seed = 1}), v = normal(shape, {.seed = 2}), w = normal(shape, {.seed = 3});
    for (const double t : {0.0, 0.37, 1.0}) {
      const auto ours = fused->linearise(x, t);
      const auto theirs = exact->linearise(x.to(at::kDouble), t);
      EXPECT_LT(relative_error(ours->epsilon(), theirs->epsilon()), tolerance::fused_float32)
          << rows << " rows, t = " << t;
      EXPECT_LT(relative_error(fused->epsilon(x, t), theirs->epsilon()), tolerance::fused_float32);
      for (const Tensor& direction : {v, w})
        EXPECT_LT(relative_error(ours->pull_back(direction), theirs->pull_back(direction.to(at::kDouble))),
                  tolerance::fused_float32)
            << rows << " rows, t = " << t;
    }
  }
};

TEST_P(FusedMlp, RunsTheInstructionSetAskedFor) {
  EXPECT_EQ(kernels::instruction_set(), hwy::TargetName(GetParam()));
}

TEST_P(FusedMlp, EqualsAutogradForAnyNumberOfRows) {
  const NetworkParameters small{.order = 2, .embedding = 8, .width = 64, .depth = 2};
  for (const std::int64_t rows : {1, 5, 47, 48, 49, 131})
    expect_equal_to_autograd(small, 3, rows, std::int64_t{1} << 30);
}

TEST_P(FusedMlp, EqualsAutogradForOddSizes) {
  expect_equal_to_autograd({.order = 1, .embedding = 5, .width = 37, .depth = 3}, 1, 50, std::int64_t{1} << 30);
  expect_equal_to_autograd({.order = 3, .embedding = 32, .width = 100, .depth = 1}, 7, 50, std::int64_t{1} << 30);
  expect_equal_to_autograd({.order = 4, .embedding = 32, .width = 256, .depth = 5}, 3, 50, std::int64_t{1} << 30);
}

TEST_P(FusedMlp, RunsTheForwardPassAgainWhereItsTapeDoesNotFit) {
  expect_equal_to_autograd({.order = 2, .embedding = 8, .width = 64, .depth = 2}, 3, 100, /*memory=*/1);
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, FusedMlp, ::testing::ValuesIn(targets()),
                         [](const auto& test) { return std::string(hwy::TargetName(test.param)); });

TEST(FusedMlpChoice, LeavesWhatItCannotDoToAutograd) {
  const NetworkParameters relu{.order = 1, .activation = "ReLU", .width = 16, .depth = 1};
  EXPECT_EQ(make_network(relu, {3}, 0)->fused_score(1), nullptr);
  const NetworkParameters silu{.order = 1, .width = 16, .depth = 1};
  const auto network = make_network(silu, {3}, 0);
  EXPECT_NE(network->fused_score(1), nullptr);
  network->to(at::kDouble);
  EXPECT_EQ(network->fused_score(1), nullptr);
}

}  // namespace
}  // namespace sda
