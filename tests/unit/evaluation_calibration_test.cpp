/// Calibration over trajectories: shares by hand, false alarms as often as promised, areas under curves that are known.
#include "sda/evaluation/calibration.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"

namespace sda {
namespace {

Tensor draws(at::IntArrayRef shape, std::uint64_t seed) {
  return normal(shape, {.seed = seed, .purpose = Purpose::test}, at::kDouble);
}

std::vector<Tensor> trajectories_of(const Tensor& members) {
  return members.unbind(0);
}

std::vector<std::vector<double>> rows_of(const Tensor& shares) {
  std::vector<std::vector<double>> rows;
  for (const Tensor& row : shares.contiguous().unbind(0)) {
    rows.emplace_back(row.data_ptr<double>(), row.data_ptr<double>() + row.numel());
  }
  return rows;
}

TEST(RankShares, CutRanksInParts) {
  const auto expect = [](const std::vector<std::int64_t>& counts, std::int64_t bins,
                         const std::vector<double>& expected) {
    const auto found = rank_shares(counts, bins);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12) << i;
  };
  expect({1, 0, 0, 1}, 2, {0.5, 0.5});
  expect({1, 0, 0, 1}, 3, {0.5, 0, 0.5});
  // Rank 1 of three members lies from 3/4 to 3/2 of a bin: a third of it in the first, two thirds in the second.
  expect({0, 2, 0, 0}, 3, {1.0 / 3, 2.0 / 3, 0});
  // Two members' three ranks over six bins: each rank fills two.
  expect({3, 0, 1}, 6, {0.375, 0.375, 0, 0, 0.125, 0.125});
  EXPECT_THROW(rank_shares({0, 0}, 2), ValueError);
}

/// All values of a trajectory lie in one bin, as ranks that depend on each other do at worst. Counting each of them
/// would find any such histogram uneven; counting trajectories gives a p-value that is uniform.
TEST(RankUniformity, CountsTrajectoriesAndNotTheirValues) {
  constexpr std::int64_t trajectories = 200, bins = 5, repeats = 60;
  double sum = 0;
  int alarms = 0;
  for (std::uint64_t seed = 0; seed < repeats; ++seed) {
    const Tensor bin = (uniform({trajectories, 1}, {.seed = seed, .purpose = Purpose::test}, at::kDouble) * 5).floor();
    const Tensor shares = at::zeros({trajectories, bins}, at::kDouble).scatter(1, bin.to(at::kLong), 1.0);
    const double p = rank_uniformity(rows_of(shares), 400, seed).p_value;
    sum += p;
    alarms += p < 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(sum / repeats, 0.5, 4 * std::sqrt(1.0 / 12 / repeats));
  EXPECT_LE(alarms, 10);  // 3 are expected; more than 10 of 60 come once in 3000 times
}

TEST(RankUniformity, FindsAHistogramThatIsNotFlat) {
  const Tensor shares = at::tensor({0.14, 0.09, 0.08, 0.09, 0.6}, at::kDouble) + 0.02 * draws({50, 5}, 1);
  const auto found = rank_uniformity(rows_of(shares), 400, 1);
  EXPECT_EQ(found.p_value, 0);
  EXPECT_NEAR(found.share[4], 0.6, 4 * found.standard_error[4]);
  EXPECT_NEAR(found.standard_error[0], 0.02 / std::sqrt(50.0), 0.002);
  EXPECT_GT(found.band, 2);  // of one bin 1.96
  EXPECT_LT(found.band, 4);
}

TEST(ClassifierTest, FindsTheAreasThatAreKnown) {
  const Tensor reference = draws({40, 100, 1, 1}, 2), other = draws({40, 100, 1, 1}, 3);
  const auto expect = [&](const Tensor& posterior, double expected) {
    const Estimate auc = classifier_test(trajectories_of(posterior), trajectories_of(reference));
    EXPECT_NEAR(auc.value, expected, 4 * auc.standard_error);
    EXPECT_LT(auc.standard_error, 0.015);
  };
  expect(other, 0.5);
  expect(other + 1, 0.5 * std::erfc(-0.5));                                                  // Φ(1/√2)
  expect(other * 1.5, 2 / std::numbers::pi * std::atan(1.5));                                // P(|1.5 z| > |z'|)
  expect(3 * other.select(3, 0).unsqueeze(3) * 0.5, 2 / std::numbers::pi * std::atan(1.5));  // the same, as a view
}

TEST(ClassifierTest, SeesRoughMembersWhoseValuesAreRight) {
  // Neighbouring times correlated 0.6 in the reference, not at all in the posterior; each value is N(0, 1) in both.
  const Tensor z = draws({40, 50, 2, 1}, 4);
  const Tensor smooth = at::cat({z.narrow(2, 0, 1), 0.6 * z.narrow(2, 0, 1) + 0.8 * z.narrow(2, 1, 1)}, 2);
  const Estimate rough = classifier_test(trajectories_of(draws({40, 50, 2, 1}, 5)), trajectories_of(smooth));
  EXPECT_GT(rough.value - 0.5, 6 * rough.standard_error);
  const Estimate same =
      classifier_test(trajectories_of(draws({40, 50, 2, 1}, 6)), trajectories_of(draws({40, 50, 2, 1}, 7)));
  EXPECT_LT(std::abs(same.value - 0.5), 4 * same.standard_error);
}

TEST(ClassifierTest, RefusesWhatItCannotCompare) {
  EXPECT_THROW(classifier_test(trajectories_of(draws({4, 5, 2, 1}, 8)), trajectories_of(draws({4, 5, 2, 1}, 9))),
               ValueError);
  EXPECT_THROW(classifier_test(trajectories_of(draws({6, 5, 2, 1}, 8)), trajectories_of(draws({6, 5, 3, 1}, 9))),
               ShapeError);
}

}  // namespace
}  // namespace sda
