/// Ensembles under noise that is not as they believe, by counting: states, scales and noise are drawn, and each truth
/// is looked for in its interval.
#include "sda/study/noise.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

constexpr std::int64_t length = 12, observations = 4, draws = 20000;
constexpr double sigma = 0.3;

Tensor normals(std::int64_t columns, std::uint64_t step) {
  return normal({draws, columns}, {.seed = 11, .purpose = Purpose::test, .step = step}, at::kDouble);
}

LinearObservations every_third() {
  const Tensor unit = at::eye(2 * length, at::kDouble);
  return {.matrix = unit.slice(0, 0, 2 * length, 6),
          .offset = at::zeros({observations}, at::kDouble),
          .variance = at::full({observations}, sigma * sigma, at::kDouble)};
}

class UnderNoise : public testing::TestWithParam<Tensor (*)()> {};

TEST_P(UnderNoise, VerdictIsWhatCountingFinds) {
  const Tensor scales = GetParam()();
  const Tensor covariance = stationary_process(rotation_chain(0.9, 0.5)).covariance(length);
  const auto y_of = every_third();
  // It believes in half the noise.
  auto believed = y_of;
  believed.variance = y_of.variance / 4;
  const LinearPosterior posterior = linear_posterior(covariance, believed);
  const Moments moments{posterior.gain, posterior.covariance};
  const NoiseVerdict verdict = judge_under_noise(moments, covariance, y_of, scales);

  const Tensor x = normals(2 * length, 1).matmul(symmetric_root(covariance));
  const Tensor y = x.matmul(y_of.matrix.mT()) + normals(observations, 2) * sigma * scales.sqrt();
  const Tensor error = x - y.matmul(moments.mean_map.mT());
  // A posterior that knows each scale, one at a time.
  const Tensor cross = covariance.matmul(y_of.matrix.mT());
  const Tensor of_observations = y_of.matrix.matmul(cross) + at::diag_embed(scales * sigma * sigma);
  const Tensor weights = at::linalg_solve(of_observations, y.unsqueeze(2)).squeeze(2);
  const Tensor best = x - weights.matmul(cross.mT());

  const double squared = error.square().sum().item<double>();
  EXPECT_NEAR(verdict.rmse / std::sqrt(squared / best.square().sum().item<double>()), 1, 0.03);
  EXPECT_NEAR(verdict.spread / std::sqrt(moments.covariance.trace().item<double>() * draws / squared), 1, 0.03);
  const Tensor z = (error / moments.covariance.diagonal().sqrt()).abs();
  for (const auto& [found, bound] :
       {std::pair{verdict.coverage50, 0.6744898}, std::pair{verdict.coverage90, 1.6448536}}) {
    EXPECT_NEAR(found, z.lt(bound).to(at::kDouble).mean().item<double>(), 4 * std::sqrt(0.25 / draws)) << bound;
  }
}

INSTANTIATE_TEST_SUITE_P(, UnderNoise,
                         testing::Values(
                             +[] { return gaussian_scales(draws, observations); },
                             +[] { return contaminated_scales(draws, observations, 0.2, 5, 3); },
                             +[] { return student_scales(draws, observations, 5, 3); }));

TEST(NoiseScales, AreWhatTheySay) {
  const Tensor wild = contaminated_scales(20000, 3, 0.1, 10, 1);
  EXPECT_NEAR(wild.eq(100).to(at::kDouble).mean().item<double>(), 0.1, 4 * std::sqrt(0.09 / 60000));
  EXPECT_EQ(wild.min().item<double>(), 1);
  // P(t² < 1) of 3 degrees: 2 (√3/4 + arctan(1/√3)/... ) as a number, 0.609.
  const Tensor t = normal({60000}, {.seed = 5, .purpose = Purpose::test}, at::kDouble) *
                   student_scales(20000, 3, 3, 1).flatten().sqrt();
  EXPECT_NEAR(t.abs().lt(1).to(at::kDouble).mean().item<double>(), 0.60900, 4 * std::sqrt(0.24 / 60000));
  EXPECT_THROW(student_scales(1, 1, 0, 1), ValueError);
}

TEST(NoiseVerdict, OfTheBestPosteriorIsPerfect) {
  const Tensor covariance = stationary_process(rotation_chain()).covariance(length);
  const LinearPosterior posterior = linear_posterior(covariance, every_third());
  const auto verdict = judge_under_noise({posterior.gain, posterior.covariance}, covariance, every_third(),
                                         gaussian_scales(1, observations));
  EXPECT_NEAR(verdict.rmse, 1, 1e-9);
  EXPECT_NEAR(verdict.spread, 1, 1e-9);
  EXPECT_NEAR(verdict.coverage50, 0.5, 1e-9);
  EXPECT_NEAR(verdict.coverage90, 0.9, 1e-9);
}

}  // namespace
}  // namespace sda
