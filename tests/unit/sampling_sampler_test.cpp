/// The sampler's steps by hand, and on a Gaussian that is known.
#include "sda/sampling/sampler.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/score/scores.hpp"

namespace sda {
namespace {

TEST(LangevinCorrection, EachMemberHasItsOwnStep) {
  // Two members whose ε differ a hundredfold: a δ from the mean over both would be wrong for each.
  Tensor x = at::zeros({2, 3, 1}, at::kDouble);
  const Tensor epsilon = at::stack({at::full({3, 1}, 0.1, at::kDouble), at::full({3, 1}, 10.0, at::kDouble)});
  const Tensor z = at::ones({2, 3, 1}, at::kDouble);
  const double tau = 0.25, sigma = 0.5;
  langevin_correction(x, epsilon, z, tau, sigma);
  for (int member = 0; member < 2; ++member) {
    const double e = member == 0 ? 0.1 : 10.0, delta = tau / (e * e);
    const double expected = -(delta * e + std::sqrt(2 * delta)) * sigma;
    EXPECT_TRUE(at::allclose(x[member], at::full({3, 1}, expected, at::kDouble), 1e-12)) << member;
  }
}

TEST(LangevinCorrection, TheMeanIsOverTheMembersOwnElements) {
  Tensor x = at::zeros({1, 2, 1}, at::kDouble);
  const Tensor epsilon = at::tensor({1.0, 3.0}, at::kDouble).view({1, 2, 1});  // mean ε² = 5
  langevin_correction(x, epsilon, at::zeros({1, 2, 1}, at::kDouble), 0.5, 2.0);
  EXPECT_NEAR(x[0][0][0].item<double>(), -0.1 * 1 * 2, 1e-12);
  EXPECT_NEAR(x[0][1][0].item<double>(), -0.1 * 3 * 2, 1e-12);
}

TEST(Predictor, IsExactForAPointMass) {
  // If x is the point m, ε = (x(t) − μ m) / σ and one step lands on μ' m + σ' ε.
  const NoiseSchedule schedule;
  const double m = 1.7, noise = -0.3, from = 0.6, to = 0.4;
  const double x = schedule.mu(from) * m + schedule.sigma(from) * noise;
  const auto [r, c] = Predictor::between(schedule, from, to);
  EXPECT_NEAR(r * x + c * noise, schedule.mu(to) * m + schedule.sigma(to) * noise, 1e-12);
}

TEST(Sampler, TimesGoFromOneToZero) {
  const std::vector<double> t = Sampler(NoiseSchedule(), {.steps = 4}).times();
  EXPECT_EQ(t, (std::vector<double>{1.0, 0.75, 0.5, 0.25, 0.0}));
}

/// A stationary first-order chain of 32 states. With two or three values in all, τ / mean ε² would have no mean of
/// its own (1/χ² of few degrees of freedom), and no finite sample would show the right variance.
class SamplerOnGaussian : public ::testing::Test {
 protected:
  SamplerOnGaussian() {
    const Tensor i = at::arange(32, at::kDouble);
    covariance = 0.5 * (-(i.unsqueeze(0) - i.unsqueeze(1)).abs() / 4).exp();
    mean = (i / 5).sin().view({32, 1});
    score = make_gaussian_score(schedule, mean, covariance);
  }
  Tensor mean, covariance;
  const NoiseSchedule schedule;
  std::shared_ptr<const DifferentiableScore> score;
};

TEST_F(SamplerOnGaussian, DrawsItsMeanAndCovariance) {
  const std::int64_t members = 8000;
  const Sampler sampler(schedule, {.steps = 128, .corrections = 1});
  const Tensor x = sampler.sample(*score, {members, 32, 1}, 1).to(at::kDouble).flatten(1);
  // Four standard errors of a mean, √(0.5 / 8000), and of a covariance, √2 × 0.5 / √8000, are 0.032 in both cases; the
  // step's own floor is some hundredths of the variance.
  EXPECT_TRUE(at::allclose(x.mean(0), mean.flatten(), 0, 0.035)) << (x.mean(0) - mean.flatten()).abs().max();
  const Tensor centred = x - x.mean(0);
  const Tensor error = at::matmul(centred.t(), centred) / members - covariance;
  EXPECT_LT(error.abs().max().item<double>(), 0.05);
}

TEST_F(SamplerOnGaussian, PartsOfAnEnsembleAreTheWhole) {
  const Sampler sampler(schedule, {.steps = 8, .corrections = 2});
  const Tensor whole = sampler.sample(*score, {6, 32, 1}, 3);
  const Tensor parts = at::cat({sampler.sample(*score, {2, 32, 1}, 3, 0), sampler.sample(*score, {4, 32, 1}, 3, 2)});
  EXPECT_TRUE(at::allclose(whole, parts, 1e-5, 1e-6));
  EXPECT_FALSE(at::allclose(whole, sampler.sample(*score, {6, 32, 1}, 4), 1e-2, 1e-2));
}

struct Broken final : ScoreModel {
  Tensor epsilon(const Tensor& x, double t) const override {
    return t < 0.5 ? at::full_like(x, std::numeric_limits<double>::quiet_NaN()) : at::zeros_like(x);
  }
};

TEST(Sampler, SaysWhereTheStateStopsBeingFinite) {
  try {
    Sampler(NoiseSchedule(), {.steps = 8, .corrections = 0}).sample(Broken(), {1, 2, 1}, 0);
    FAIL();
  } catch (const NumericalError& error) {
    EXPECT_NE(std::string(error.what()).find("step 6 of 8"), std::string::npos) << error.what();
  }
}

TEST(Sampler, RefusesBadParameters) {
  EXPECT_THROW(Sampler(NoiseSchedule(), {.steps = 0}), UsageError);
  EXPECT_THROW(Sampler(NoiseSchedule(), {.corrections = -1}), UsageError);
  EXPECT_THROW(Sampler(NoiseSchedule(), {.tau = 0}), UsageError);
}

}  // namespace
}  // namespace sda
