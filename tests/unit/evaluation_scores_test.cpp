/// All scores of one ensemble, on a chain whose densities are known.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "core/torch.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "sda/evaluation/metrics.hpp"
#include "tolerance.hpp"

namespace {

using sda::tolerance::exact_float64;

/// A chain with its own draws as ensemble and as reference, the first coordinate of every 4th state observed.
class ScoreEnsemble : public testing::Test {
 protected:
  static constexpr std::int64_t length = 9;
  sda::LinearGaussianChain chain = sda::rotation_chain();

  at::Tensor trajectories(std::int64_t n, std::uint64_t seed) const {
    return chain.trajectories(chain.start(n, {.seed = seed}, at::kDouble), length, {.seed = seed, .step = 1});
  }
  sda::Observations observations(const at::Tensor& truth) const {
    return sda::observe(truth, chain.layout(), chain.normalisation(), {{"every", {4}}, {"select", {0}}},
                        sda::GaussianNoise({0.5}), "few", 11, 0);
  }
};

TEST_F(ScoreEnsemble, GivesEverythingThereIs) {
  const auto all = trajectories(201, 21);
  const auto y = observations(all[200]);
  const sda::Ensemble ensemble{chain.layout(), all.narrow(0, 0, 50), 0.0, "prior draws"};
  const auto scores = sda::score_ensemble(ensemble, y, &chain, all.narrow(0, 50, 150), 5);
  EXPECT_EQ(scores.method, "prior draws");
  EXPECT_EQ(scores.members, 50);
  // Ensemble and reference are draws of one distribution: their distance is that of the reference's halves.
  ASSERT_TRUE(scores.wasserstein && scores.wasserstein_floor);
  EXPECT_NEAR(*scores.wasserstein / *scores.wasserstein_floor, 1.0, sda::tolerance::same_distribution);
  // E log p(x_{i+1} | x_i) of draws: −(d/2) (log 2π q + 1) for each of the transitions, q = 1 − r².
  ASSERT_TRUE(scores.log_prior);
  const double q = 1 - 0.97 * 0.97;
  EXPECT_NEAR(scores.log_prior->value, -(length - 1) * (std::log(2 * std::numbers::pi * q) + 1),
              4 * scores.log_prior->standard_error);
  ASSERT_TRUE(scores.log_likelihood && scores.crps && scores.rmse && scores.spread);
  EXPECT_EQ(scores.ranks.size(), 51U);
  EXPECT_EQ(std::accumulate(scores.ranks.begin(), scores.ranks.end(), std::int64_t{0}), length * 2);
}

TEST_F(ScoreEnsemble, LogLikelihoodByHand) {
  const auto all = trajectories(3, 22);
  const auto y = observations(all[2]);
  const auto members = all.narrow(0, 0, 2);
  const auto physical = members.index({at::indexing::Slice(), at::indexing::Slice(0, at::indexing::None, 4), 0});
  const auto mean = y.normalisation.mean.flatten()[0], std = y.normalisation.std.flatten()[0];
  const auto departure = (y.parts[0].values.flatten() - (physical - mean) / std) / 0.5;
  const auto log_p = (-0.5 * departure.square() - std::log(0.5 * std::sqrt(2 * std::numbers::pi))).sum(1);
  EXPECT_NEAR(sda::log_likelihood(y, members).value, log_p.mean().item<double>(), exact_float64);
}

TEST_F(ScoreEnsemble, LeavesOutWhatIsMasked) {
  const auto truth = trajectories(1, 3)[0];
  sda::StateLayout layout = chain.layout();
  layout.mask = at::tensor({1, 0}).to(at::kBool);
  const at::Tensor off = at::tensor({1.0, 50.0}, at::kDouble) * chain.normalisation().std;
  auto y = observations(truth);
  y.layout = layout;
  // Members one standard deviation to either side of a mean that is one off.
  const at::Tensor members = at::stack({truth, truth + 2 * off});
  const auto scores = sda::score_ensemble({layout, members, 0.0, "two"}, y, nullptr, {}, 5);
  EXPECT_NEAR(scores.rmse.value(), 1, 1e-12);
  EXPECT_NEAR(scores.spread.value(), std::sqrt(2), 1e-12);
}

TEST_F(ScoreEnsemble, LeavesOutWhatCannotBeHad) {
  const auto all = trajectories(10, 23);
  auto y = observations(all[9]);
  y.truth = at::Tensor();
  const sda::Ensemble ensemble{chain.layout(), all.narrow(0, 0, 1), 0.0, "one"};
  const auto scores = sda::score_ensemble(ensemble, y, nullptr, at::Tensor(), 5);
  EXPECT_FALSE(scores.wasserstein || scores.wasserstein_floor || scores.log_prior || scores.crps || scores.rmse ||
               scores.spread);
  EXPECT_TRUE(scores.ranks.empty());
  EXPECT_TRUE(scores.log_likelihood);
  // The floor needs twice as many reference members as the ensemble has.
  const sda::Ensemble five{chain.layout(), all.narrow(0, 0, 5), 0.0, "five"};
  const auto with_reference = sda::score_ensemble(five, y, nullptr, all.narrow(0, 0, 9), 5);
  EXPECT_TRUE(with_reference.wasserstein);
  EXPECT_FALSE(with_reference.wasserstein_floor);
}

}  // namespace
