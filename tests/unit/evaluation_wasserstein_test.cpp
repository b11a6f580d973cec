#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/evaluation/metrics.hpp"
#include "tolerance.hpp"

namespace {

using sda::wasserstein1;

/// W1 in one dimension: the mean distance of sorted samples.
double sorted_distance(const at::Tensor& a, const at::Tensor& b) {
  return (std::get<0>(a.sort(0)) - std::get<0>(b.sort(0))).abs().mean().item<double>();
}

at::Tensor draws(at::IntArrayRef shape, std::int64_t seed) {
  at::manual_seed(static_cast<std::uint64_t>(seed));
  return at::randn(shape, at::kDouble);
}

TEST(Wasserstein, IsTheSortedDistanceInOneDimension) {
  const auto a = draws({200}, 1), b = 0.7 * draws({200}, 2) + 1.0;
  const double expected = sorted_distance(a, b);
  EXPECT_NEAR(wasserstein1(a.unsqueeze(1), b.unsqueeze(1)), expected, sda::tolerance::exact_float64 * expected);
}

TEST(Wasserstein, KnowsAShift) {
  const auto a = draws({50, 4, 3}, 3);
  // Every sample moves by (1, …, 1) in R¹²: no plan is shorter than the shift of the mean, √12.
  EXPECT_NEAR(wasserstein1(a, a + 1.0), std::sqrt(12.0), sda::tolerance::exact_float64);
  EXPECT_EQ(wasserstein1(a, a), 0.0);
}

TEST(Wasserstein, TakesSetsOfDifferentCounts) {
  // Half of a's weight at 0 and half at 3 must cover thirds at 0, 1 and 3: 1/6 goes from 0 to 1 and 1/6 from 3 to 1.
  const auto a = at::tensor({0.0, 3.0}, at::kDouble).unsqueeze(1);
  const auto b = at::tensor({0.0, 1.0, 3.0}, at::kDouble).unsqueeze(1);
  EXPECT_NEAR(wasserstein1(a, b), (1.0 * 1 + 2.0 * 1) / 6, sda::tolerance::exact_float64);
  // Repeated samples are the same distribution.
  const auto c = draws({30, 2}, 4), d = draws({20, 2}, 5);
  EXPECT_NEAR(wasserstein1(c, d), wasserstein1(c.repeat({2, 1}), d.repeat({3, 1})), sda::tolerance::exact_float64);
}

TEST(Wasserstein, ScalesWithItsUnits) {
  const auto a = draws({40, 3}, 6), b = draws({40, 3}, 7) + 0.5;
  const double one = wasserstein1(a, b);
  for (const double unit : {1e-15, 1e-3, 1e6, 1e30}) {
    EXPECT_NEAR(wasserstein1(a * unit, b * unit) / unit, one, sda::tolerance::exact_float64 * one) << unit;
  }
}

TEST(Wasserstein, TakesAThousandSamplesInASecond) {
  const auto a = draws({1024, 65, 3}, 8), b = draws({1024, 65, 3}, 9);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_GT(wasserstein1(a, b), 0);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  RecordProperty("milliseconds", static_cast<int>(1000 * seconds.count()));
#ifdef NDEBUG  // generous: the machine may be shared
  EXPECT_LT(seconds.count(), 10.0);
#endif
}

TEST(Wasserstein, RefusesWhatItCannotCompare) {
  const auto a = draws({4, 3}, 10);
  EXPECT_THROW(wasserstein1(a, draws({4, 2}, 11)), sda::ShapeError);
  EXPECT_THROW(wasserstein1(a, at::empty({0, 3}, at::kDouble)), sda::ShapeError);
  auto b = a.clone();
  b[1][1] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(wasserstein1(a, b), sda::ValueError);
}

}  // namespace
