/// Gaussian noise of observations, what check() refuses, and how observations are made.
#include "sda/observation/observations.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace {

using sda::GaussianNoise;
using sda::Tensor;
using testing::HasSubstr;

const sda::StateLayout lorenz{.event = {3}, .variables = {{"x", "x"}, {"y", "y"}, {"z", "z"}}, .space_names = {}};

sda::Normalisation lorenz_normalisation() {
  return {at::tensor({0.0, 0.0, 25.0}, at::kDouble), at::tensor({8.0, 9.0, 8.6}, at::kDouble)};
}

sda::Observations lo(std::uint64_t seed = 1, std::uint64_t index = 0, double sigma = 0.05) {
  const auto truth = at::arange(17 * 3, at::kDouble).reshape({17, 3});
  return sda::observe(truth, lorenz, lorenz_normalisation(), {{"every", {8}}, {"select", {0}}}, GaussianNoise({sigma}),
                      "lo", seed, index);
}

template <class Error>
std::string refusal(const sda::Observations& observations) {
  try {
    observations.check();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST(GaussianNoise, RefusesWhatIsNoStandardDeviation) {
  for (const double sigma : {0.0, -0.05, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_THROW(GaussianNoise({0.1, sigma}), sda::ValueError) << sigma;
  }
  EXPECT_THROW(GaussianNoise({}), sda::ValueError);
}

TEST(GaussianNoise, BroadcastsOneValueOrTakesOneForEachElement) {
  EXPECT_TRUE(GaussianNoise({0.5}).sigma({2, 2}, at::kDouble).equal(at::full({2, 2}, 0.5, at::kDouble)));
  const auto each = GaussianNoise({1, 2, 3, 4}).sigma({2, 2}, at::kFloat);
  EXPECT_TRUE(each.equal(at::tensor({1, 2, 3, 4}, at::kFloat).reshape({2, 2})));
  EXPECT_THROW(GaussianNoise({1, 2, 3}).sigma({2, 2}, at::kDouble), sda::ShapeError);
}

TEST(GaussianNoise, LogProbIsTheSumOfEachReadingsDensity) {
  const GaussianNoise noise({0.5, 2.0});
  const auto y = at::tensor({1.0, 2.0, 3.0, 4.0}, at::kDouble).reshape({2, 2});
  const auto readings = at::stack({y, y + at::tensor({0.5, 1.0}, at::kDouble)});
  const auto log_prob = noise.log_prob(y, readings);
  // Two times, ln 0.5 + ln 2 = 0: −4 ln(2π)/2, and for the second member (1² + 0.5²)/2 less at each time.
  const double at_mode = -2 * std::log(2 * std::numbers::pi);
  EXPECT_NEAR(log_prob[0].item<double>(), at_mode, 1e-14);
  EXPECT_NEAR(log_prob[1].item<double>(), at_mode - 1.25, 1e-14);
  EXPECT_THROW(noise.log_prob(y, readings.unsqueeze(-1)), sda::ShapeError);
}

TEST(Observe, AddsNoiseOfTheStreamToTheNormalisedReading) {
  const auto y = lo();
  const auto reading = at::tensor({0.0, 24.0 / 8, 48.0 / 8}, at::kDouble).reshape({3, 1});
  const sda::StreamKey key{.seed = 1, .purpose = sda::Purpose::observation_noise};
  const auto epsilon = sda::normal({1, 3, 1}, key, at::kDouble).squeeze(0);
  EXPECT_TRUE(y.values.equal(reading + 0.05 * epsilon));
  EXPECT_EQ(y.values.scalar_type(), at::kDouble);
  EXPECT_EQ(y.length, 17);
  EXPECT_TRUE(lo().values.equal(y.values));
  EXPECT_FALSE(lo(2).values.equal(y.values));
  EXPECT_FALSE(lo(1, 1).values.equal(y.values));
}

TEST(Observe, RefusesAnotherEvent) {
  EXPECT_THROW(sda::observe(at::zeros({17, 4}), lorenz, lorenz_normalisation(), {}, GaussianNoise({1}), "lo", 1, 0),
               sda::ShapeError);
}

TEST(ObservationsCheck, SaysWhatDoesNotFit) {
  auto y = lo();
  y.values = y.values.slice(0, 0, 2);
  EXPECT_THAT(refusal<sda::ShapeError>(y), HasSubstr("observations lo: observed values do not fit the operator: found "
                                                     "2 × 1, wanted 3 × 1 (every 8th state → component 0 of 17"));
  y = lo();
  y.length = 33;
  EXPECT_THAT(refusal<sda::ShapeError>(y), HasSubstr("wanted 5 × 1"));
  y = lo();
  y.values[1][0] = std::numeric_limits<double>::infinity();
  EXPECT_THAT(refusal<sda::ValueError>(y), HasSubstr("not finite: found 1 NaN or infinite"));
  y = lo();
  y.noise = GaussianNoise({0.1, 0.2});
  EXPECT_THAT(refusal<sda::ShapeError>(y), HasSubstr("2 standard deviations"));
  y = lo();
  y.truth = y.truth.slice(0, 0, 5);
  EXPECT_THAT(refusal<sda::ShapeError>(y), HasSubstr("true trajectory"));
  y = lo();
  y.op = nullptr;
  EXPECT_THAT(refusal<sda::ValueError>(y), HasSubstr("no operator"));
  y = lo();
  y.length = 0;
  EXPECT_THAT(refusal<sda::ValueError>(y), HasSubstr("length 0"));
}
