#include "sda/evaluation/metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "tolerance.hpp"

namespace {

using sda::tolerance::exact_float64;

at::Tensor draws(at::IntArrayRef shape, std::uint64_t seed) {
  return sda::normal(shape, {.seed = seed}, at::kDouble);
}

TEST(Estimate, IsTheMeanWithItsStandardError) {
  const auto e = sda::estimate(at::tensor({1.0, 2.0, 3.0, 6.0}, at::kDouble));
  EXPECT_DOUBLE_EQ(e.value, 3.0);
  EXPECT_DOUBLE_EQ(e.standard_error, std::sqrt((4 + 1 + 0 + 9) / 3.0 / 4.0));
  EXPECT_EQ(sda::estimate(at::tensor({2.0}, at::kDouble)).standard_error, 0.0);
  EXPECT_THROW(sda::estimate(at::empty({0}, at::kDouble)), sda::ShapeError);
}

TEST(Estimate, StandardErrorIsTheSpreadOfRepeatedMeans) {
  const auto repeats = draws({2000, 25}, 1) * 3.0;
  const double spread_of_means = repeats.mean(1).std().item<double>();
  double mean_error = 0;
  for (int i = 0; i < 2000; ++i) mean_error += sda::estimate(repeats[i]).standard_error / 2000;
  // A standard deviation from 2000 values is known to 1/√4000 = 1.6 %; that of 25 is 1 % too small in the mean.
  EXPECT_NEAR(mean_error / spread_of_means, 1.0, sda::tolerance::simulated_deviation);
}

TEST(Metrics, RmseAndSpreadByHand) {
  // Two members, two times, one component: means 2 and 5, variances 2 and 8.
  const auto members = at::tensor({1.0, 3.0, 3.0, 7.0}, at::kDouble).reshape({2, 2, 1});
  const auto truth = at::tensor({2.0, 1.0}, at::kDouble).reshape({2, 1});
  EXPECT_DOUBLE_EQ(sda::rmse(members, truth), std::sqrt((0.0 + 16.0) / 2));
  EXPECT_DOUBLE_EQ(sda::spread(members), std::sqrt((2.0 + 8.0) / 2));
}

TEST(Metrics, CrpsByHand) {
  // Members 0 and 4, truth 1: mean |x − y| = 2, fair pair term 2·4 / (2·2·1) = 2.
  const auto members = at::tensor({0.0, 4.0}, at::kDouble).reshape({2, 1, 1});
  EXPECT_NEAR(sda::crps(members, at::ones({1, 1}, at::kDouble)).value, 0.0, exact_float64);
  // Members 0, 1, 5, truth 2: mean |x − y| = 2, Σ_ij |x_i − x_j| = 20, 20 / (2·3·2) = 5/3.
  const auto three = at::tensor({5.0, 0.0, 1.0}, at::kDouble).reshape({3, 1, 1});
  EXPECT_NEAR(sda::crps(three, 2 * at::ones({1, 1}, at::kDouble)).value, 2 - 5.0 / 3, exact_float64);
}

TEST(Metrics, CrpsIsTheGaussianClosedForm) {
  // CRPS(N(0, 1), y) = y (2 Φ(y) − 1) + 2 φ(y) − 1/√π (Gneiting & Raftery 2007). Fair: unbiased for few members too.
  for (const double y : {0.0, 1.3}) {
    const double cdf = 0.5 * std::erfc(-y / std::numbers::sqrt2);
    const double density = std::exp(-y * y / 2) / std::sqrt(2 * std::numbers::pi);
    const double closed_form = y * (2 * cdf - 1) + 2 * density - 1 / std::sqrt(std::numbers::pi);
    const auto members = draws({5, 20000, 1}, 2);
    const auto score = sda::crps(members, at::full({20000, 1}, y, at::kDouble));
    EXPECT_NEAR(score.value, closed_form, 4 * score.standard_error);
    EXPECT_LT(score.standard_error, 0.01);
  }
}

TEST(Metrics, RanksOfExchangeableDrawsAreUniform) {
  const auto all = draws({10, 6000, 1}, 3);
  const auto counts = sda::rank_histogram(all.narrow(0, 0, 9), all[9], 7);
  ASSERT_EQ(counts.size(), 10U);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}), 6000);
  double chi_square = 0;
  for (const auto n : counts) chi_square += std::pow(static_cast<double>(n) - 600, 2) / 600;
  EXPECT_LT(chi_square, sda::tolerance::chi_square_9);
}

TEST(Metrics, RanksBreakTiesEvenly) {
  const auto counts = sda::rank_histogram(at::zeros({9, 6000, 1}, at::kDouble), at::zeros({6000, 1}, at::kDouble), 8);
  double chi_square = 0;
  for (const auto n : counts) chi_square += std::pow(static_cast<double>(n) - 600, 2) / 600;
  EXPECT_LT(chi_square, sda::tolerance::chi_square_9);
}

TEST(Coverage, OfRanksByHand) {
  // Four bins, of a quarter of the ensemble each: the central half is the two in the middle.
  EXPECT_DOUBLE_EQ(sda::coverage({1, 2, 3, 4}, 0.5), 0.5);
  EXPECT_DOUBLE_EQ(sda::coverage({1, 2, 3, 4}, 1.0), 1.0);
  EXPECT_DOUBLE_EQ(sda::coverage({1, 2, 3, 4}, 0.0), 0.0);
  // 0.75 takes half of each outer bin.
  EXPECT_DOUBLE_EQ(sda::coverage({1, 2, 3, 4}, 0.75), (0.5 + 2 + 3 + 2) / 10);
  EXPECT_DOUBLE_EQ(sda::coverage({5, 0, 0, 5}, 0.5), 0.0);
  EXPECT_THROW(sda::coverage({0, 0}, 0.5), sda::ValueError);
  EXPECT_THROW(sda::coverage({1, 2}, 1.5), sda::ValueError);
}

TEST(Metrics, RanksCountMembersBelow) {
  const auto members = at::tensor({1.0, 2.0, 3.0}, at::kDouble).reshape({3, 1, 1});
  const auto rank_of = [&](double truth) {
    return sda::rank_histogram(members, at::full({1, 1}, truth, at::kDouble), 1);
  };
  EXPECT_THAT(rank_of(0.5), testing::ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(rank_of(2.5), testing::ElementsAre(0, 0, 1, 0));
  EXPECT_THAT(rank_of(9.0), testing::ElementsAre(0, 0, 0, 1));
}

TEST(Metrics, RefuseWhatDoesNotFit) {
  const auto members = draws({4, 5, 3}, 4);
  EXPECT_THROW(sda::rmse(members, draws({5, 2}, 5)), sda::ShapeError);
  EXPECT_THROW(sda::rmse(at::Tensor(), draws({5, 3}, 5)), sda::ShapeError);
  EXPECT_THROW(sda::spread(members.narrow(0, 0, 1)), sda::ValueError);
  auto bad = members.clone();
  bad[0][0][0] = std::numeric_limits<double>::infinity();
  EXPECT_THROW(sda::crps(bad, members[0]), sda::ValueError);
}

}  // namespace
