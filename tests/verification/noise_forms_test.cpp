/// Posteriors under noise of every form, sampled with the exact prior score, against a bootstrap particle filter. The
/// chain is x_1 ~ N(3, 1), x_{i+1} = 3 + 0.9 (x_i − 3) + N(0, 0.19) in R, L = 13; every other state is read.
#include <gtest/gtest.h>

#include <cmath>

#include "core/torch.hpp"
#include "sda/baselines/particle_filter.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/prior/scores.hpp"
#include "sda/sampling/sampler.hpp"

namespace sda {
namespace {

constexpr std::int64_t chain_length = 13, chain_members = 2048;

LinearGaussianChain positive_chain() {
  const auto one = [](double value) { return at::full({1, 1}, value, at::kDouble); };
  return LinearGaussianChain({.start_mean = one(3)[0],
                              .start_covariance = one(1),
                              .transition = one(0.9),
                              .offset = one(0.3)[0],
                              .noise_covariance = one(0.19)});
}

struct NoisyChain {
  std::string name;
  Noise noise;
  /// Of the members' mean, in standard deviations of the filter's, root mean square over states; and of their standard
  /// deviation, relative. Recorded in docs/noise.md; 2048 members alone give 0.02.
  double of_mean, of_deviation;
};

class NoiseOnAChain : public testing::TestWithParam<NoisyChain> {};

TEST_P(NoiseOnAChain, MmpsFindsTheFiltersMeanAndSpread) {
  const auto& [name, noise, of_mean, of_deviation] = GetParam();
  const auto dynamics = positive_chain();
  const Tensor truth = dynamics.trajectories(dynamics.start(1, {.seed = 5}, at::kDouble), chain_length, {.seed = 5})[0];
  const auto y = observe(truth, dynamics.layout(), Normalisation::identity({1}), {{"every", {2}}}, noise, name, 5, 0);
  const auto filter = particle_filter(dynamics, y, {.particles = 131072, .members = 8192, .spin_up = 0}, 1);
  const Tensor expected = filter.ensemble.members.to(at::kDouble);

  const NoiseSchedule schedule;
  const auto [mean, covariance] = dynamics.joint(chain_length);
  const PosteriorScore posterior(make_gaussian_score(schedule, mean, covariance), schedule, y,
                                 {.rule = "mmps", .gamma = {0}, .iterations = 7});
  const Sampler sampler(schedule,
                        {.steps = 128, .grid = TimeGrid::power, .exponent = 2.5, .churn = 1, .corrections = 0});
  const Tensor drawn = sampler.sample(posterior, {chain_members, chain_length, 1}, 2, 0, {}, at::kDouble);

  const Tensor spread = expected.std(0), off = (drawn.mean(0) - expected.mean(0)) / spread;
  const double mean_error = off.square().mean().sqrt().item<double>();
  const double deviation_error = (drawn.std(0) / spread - 1).square().mean().sqrt().item<double>();
  RecordProperty("mean_error", std::to_string(mean_error));
  RecordProperty("deviation_error", std::to_string(deviation_error));
  EXPECT_LT(mean_error, of_mean);
  EXPECT_LT(deviation_error, of_deviation);
}

INSTANTIATE_TEST_SUITE_P(
    , NoiseOnAChain,
    testing::Values(NoisyChain{"gaussian", GaussianNoise({0.5}), 0.1, 0.1},
                    NoisyChain{"student_t", Noise({0.3}, {.kind = "student_t", .degrees_of_freedom = 3}), 0.1, 0.1},
                    NoisyChain{"laplace", Noise({0.5}, {.kind = "laplace"}), 0.1, 0.1},
                    NoisyChain{
                        "outliers",
                        Noise({0.2}, {.kind = "mixture", .weights = {0.8, 0.2}, .means = {0, 0}, .scales = {1, 10}}),
                        0.1, 0.1},
                    NoisyChain{"censored", Noise({0.3}, {.kind = "censored", .bounds = {0, 3}}), 0.1, 0.1},
                    NoisyChain{"poisson", Noise({0.5}, {.kind = "poisson"}), 0.1, 0.1}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace sda
