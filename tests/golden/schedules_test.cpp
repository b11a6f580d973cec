/// μ(t) and σ(t) against the reference's, float64.
#include <gtest/gtest.h>

#include "golden.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "tolerance.hpp"

namespace sda {
using test::golden;
namespace {

class Schedules : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(Schedules, EqualTheReference) {
  const auto [variance, alpha] = GetParam();
  const NoiseSchedule schedule(
      {.variance = *choice_of<NoiseVariance>(variance), .alpha = *choice_of<NoiseAlpha>(alpha)});
  const Tensor t = golden("schedules.h5", "t");
  const Tensor mu = golden("schedules.h5", variance + "_" + alpha + "_mu");
  const Tensor sigma = golden("schedules.h5", variance + "_" + alpha + "_sigma");
  for (std::int64_t i = 0; i < t.numel(); ++i) {
    const double time = t[i].item<double>();
    EXPECT_NEAR(schedule.mu(time), mu[i].item<double>(), tolerance::golden_float64) << "t = " << time;
    EXPECT_NEAR(schedule.sigma(time), sigma[i].item<double>(), tolerance::golden_float64) << "t = " << time;
  }
  EXPECT_TRUE(at::allclose(schedule.mu(t), mu, 0, tolerance::golden_float64));
  EXPECT_TRUE(at::allclose(schedule.sigma(t), sigma, 0, tolerance::golden_float64));
}

INSTANTIATE_TEST_SUITE_P(All, Schedules,
                         ::testing::Combine(::testing::Values("vp", "sub_vp", "sub_sub_vp"),
                                            ::testing::Values("cos", "lin", "exp")),
                         [](const auto& test) { return std::get<0>(test.param) + "_" + std::get<1>(test.param); });

}  // namespace
}  // namespace sda
