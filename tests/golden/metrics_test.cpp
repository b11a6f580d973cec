/// The reference's earth mover's distance between two sample sets.
#include "sda/evaluation/metrics.hpp"

#include <gtest/gtest.h>

#include "golden.hpp"
#include "tolerance.hpp"

namespace {

TEST(Metrics, EarthMoversDistance) {
  const auto a = sda::test::golden("metrics.h5", "a"), b = sda::test::golden("metrics.h5", "b");
  const double expected = sda::test::golden("metrics.h5", "emd").item<double>();
  EXPECT_NEAR(sda::wasserstein1(a, b), expected, sda::tolerance::golden_emd * expected);
}

}  // namespace
