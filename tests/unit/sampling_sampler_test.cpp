/// The sampler's steps by hand, and on a Gaussian that is known.
#include "sda/sampling/sampler.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/torch.hpp"
#include "sampling/churn.hpp"
#include "sampling/integration.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/prior/scores.hpp"
#include "tolerance.hpp"

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

TEST(ExponentialStep, IsExactForAPointMass) {
  // If x is the point m, ε = (x(t) − μ m) / σ and one step lands on μ' m + σ' ε.
  const NoiseSchedule schedule;
  const double m = 1.7, noise = -0.3, from = 0.6, to = 0.4;
  const double x = schedule.mu(from) * m + schedule.sigma(from) * noise;
  const auto [r, c] = ExponentialStep::between(schedule, from, to);
  EXPECT_NEAR(r * x + c * noise, schedule.mu(to) * m + schedule.sigma(to) * noise, 1e-12);
}

TEST(TimeGrid, GoesFromOneToZero) {
  const std::vector<double> t = time_grid(NoiseSchedule(), {.steps = 4, .grid = TimeGrid::uniform});
  EXPECT_EQ(t, (std::vector<double>{1.0, 0.75, 0.5, 0.25, 0.0}));
}

TEST(TimeGrid, IsWhatItSays) {
  const NoiseSchedule schedule;
  const auto times = [&](const SamplerParameters& p) { return time_grid(schedule, p); };
  EXPECT_EQ(times({.steps = 4, .grid = TimeGrid::power, .exponent = 2}),
            (std::vector<double>{1.0, 0.5625, 0.25, 0.0625, 0.0}));
  const double last = schedule.ratio(0), first = schedule.ratio(1);
  const auto log_snr = times({.steps = 3, .grid = TimeGrid::log_snr});
  const auto karras = times({.steps = 2, .grid = TimeGrid::karras, .exponent = 2});
  EXPECT_EQ(log_snr.front(), 1);
  EXPECT_EQ(log_snr.back(), 0);
  EXPECT_NEAR(schedule.ratio(log_snr[1]) / std::cbrt(last * first * first), 1, 1e-9);
  EXPECT_NEAR(schedule.ratio(log_snr[2]) / std::cbrt(last * last * first), 1, 1e-9);
  const double middle = (std::sqrt(last) + std::sqrt(first)) / 2;
  EXPECT_NEAR(schedule.ratio(karras[1]) / (middle * middle), 1, 1e-9);
}

TEST(IntegrationWeights, AreThoseOfAdamsAndBashforth) {
  const auto expect = [](const std::vector<double>& nodes, const std::vector<double>& expected) {
    const auto weights = integration_weights(nodes, 1, 0);
    ASSERT_EQ(weights.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(weights[i], expected[i], 1e-14) << i;
  };
  expect({1}, {-1});
  expect({1, 2}, {-3.0 / 2, 1.0 / 2});
  expect({1, 2, 3}, {-23.0 / 12, 16.0 / 12, -5.0 / 12});
  // Unequal steps: ε = s² through 1, 2 and 4 has the integral −1/3.
  const auto weights = integration_weights({1, 2, 4}, 1, 0);
  EXPECT_NEAR(weights[0] + 4 * weights[1] + 16 * weights[2], -1.0 / 3, 1e-14);
}

TEST(Churn, RaisesTheLevelWhereTheScoreIsAsked) {
  const NoiseSchedule schedule;
  const double t = 0.4, s = schedule.ratio(t);
  const auto churn = Churn::at(schedule, t, 0.72);
  EXPECT_EQ(churn.delta, 0.72);
  EXPECT_NEAR(churn.ratio, s / 0.8, 1e-12);  // √(1 − 0.36)
  EXPECT_NEAR(schedule.ratio(churn.time), churn.ratio, 1e-9);
  const auto none = Churn::at(schedule, t, 0);
  EXPECT_EQ(none.delta, 0);
  EXPECT_EQ(none.time, t);
  EXPECT_EQ(none.ratio, s);
}

TEST(Churn, StaysBelowTimeOne) {
  const NoiseSchedule schedule;
  EXPECT_EQ(Churn::at(schedule, 1, 1).delta, 0);
  const auto churn = Churn::at(schedule, 0.999, 1.9);
  EXPECT_LT(churn.delta, 1.9);
  EXPECT_NEAR(churn.ratio / schedule.ratio(1), 1, 1e-12);
}

TEST(Churn, WithinALongStepKeepsPureNoiseFromGrowing) {
  const NoiseSchedule schedule;
  const auto width = [&](const Churn& r, double from, double to) {
    const double s = schedule.ratio(from), beta = r.delta + (s - schedule.ratio(to)) / r.ratio;
    return std::hypot((1 - beta) * s, (2 - beta) * std::sqrt(r.delta / 2) * r.ratio) / schedule.ratio(to);
  };
  const auto long_step = Churn::within(schedule, 0.9, 0.8, 1);
  EXPECT_GT(width(Churn::at(schedule, 0.9, 1), 0.9, 0.8), 1.5);
  EXPECT_GT(long_step.delta, 0);
  EXPECT_NEAR(width(long_step, 0.9, 0.8), 1.1, 1e-4);
  EXPECT_EQ(Churn::within(schedule, 0.3, 0.299, 1).delta, 1);
  EXPECT_EQ(Churn::within(schedule, 0.3, 0.3, 1).delta, 1);
}

/// ε = G x by hand: one predictor step with churn, and one Leimkuhler-Matthews correction.
TEST(Sampler, ChurnsAsWritten) {
  struct Half final : ScoreModel {
    Tensor epsilon(const Tensor& x, double) const override { return 0.5 * x; }
  };
  const NoiseSchedule schedule;
  const SamplerParameters parameters{.steps = 2,
                                     .grid = TimeGrid::uniform,
                                     .churn = 0.4,
                                     .corrections = 1,
                                     .corrector = Corrector::leimkuhler_matthews,
                                     .tau = 0.6};
  const auto start = at::full({1, 1, 1}, 0.7, at::kDouble);
  const auto got = Sampler(schedule, parameters).sample_from(start, Half(), 11, 3).item<double>();

  double x = 0.7;
  const auto renew = [&](const Churn& r, double from, double to, Purpose purpose, std::uint64_t step) {
    const auto z = normal({1, 1}, {.seed = 11, .purpose = purpose, .first_member = 3, .step = step}, at::kDouble);
    const double noise = std::sqrt(2 * r.delta) * r.ratio * z.item<double>(), u = x / schedule.mu(from);
    const double epsilon = 0.5 * schedule.mu(r.time) * (u + noise / 2);
    x = schedule.mu(to) * (u + noise - (r.delta * r.ratio + schedule.ratio(from) - schedule.ratio(to)) * epsilon);
  };
  const double t[] = {1, 0.5, 0};
  for (std::uint64_t step = 0; step < 2; ++step) {
    const double from = t[step], to = t[step + 1];
    renew(Churn::within(schedule, from, to, 0.4), from, to, Purpose::sampler_churn, step);
    renew(Churn::at(schedule, to, 0.6), to, to, Purpose::sampler_correction, step);
  }
  EXPECT_NEAR(got, x, 1e-12);
}

TEST(Sampler, ChurnsWithinItsTimesAlone) {
  const NoiseSchedule schedule;
  const auto score = make_gaussian_score(schedule, at::zeros({2, 1}, at::kDouble), at::eye(2, at::kDouble));
  const auto start = at::ones({1, 2, 1}, at::kDouble);
  const auto with = [&](double from, double until, double churn, std::int64_t corrections) {
    return Sampler(schedule, {.steps = 8,
                              .grid = TimeGrid::uniform,
                              .churn = churn,
                              .corrections = corrections,
                              .corrector = Corrector::leimkuhler_matthews,
                              .noise_from = from,
                              .noise_until = until})
        .sample_from(start, *score, 1);
  };
  const auto quiet = with(1, 0, 0, 0);
  EXPECT_TRUE(with(0.06, 0.05, 0.5, 1).equal(quiet));  // between two times of the grid
  EXPECT_FALSE(with(0.55, 0.45, 0.5, 0).equal(quiet));
  EXPECT_FALSE(with(0.55, 0.45, 0, 1).equal(quiet));
}

/// On a Gaussian N(0, λ) the way without noise is known: u ∝ √(λ + s²).
class Order : public testing::TestWithParam<SamplerParameters> {};

TEST_P(Order, IsThePredictorsOwn) {
  const NoiseSchedule schedule;
  const auto lambda = at::tensor({0.01, 0.25, 1.0}, at::kDouble);
  const auto score = make_gaussian_score(schedule, at::zeros({3, 1}, at::kDouble), lambda.diag());
  const auto error = [&](std::int64_t steps) {
    auto parameters = GetParam();
    parameters.steps = steps;
    parameters.grid = TimeGrid::log_snr;
    parameters.churn = 0;
    parameters.corrections = 0;
    const auto x = Sampler(schedule, parameters).sample_from(at::ones({1, 3, 1}, at::kDouble), *score, 0).flatten();
    const double s0 = schedule.ratio(0), s1 = schedule.ratio(1);
    const auto exact = ((lambda + s0 * s0) / (lambda + s1 * s1)).sqrt() / schedule.mu(1);
    return (x / schedule.mu(0) / exact - 1).abs().max().item<double>();
  };
  const double expected = GetParam().predictor == Predictor::heun ? 2 : static_cast<double>(GetParam().order);
  EXPECT_NEAR(std::log2(error(256) / error(512)), expected, tolerance::convergence_order);
}

INSTANTIATE_TEST_SUITE_P(Predictor, Order,
                         testing::Values(SamplerParameters{.order = 1}, SamplerParameters{.order = 2},
                                         SamplerParameters{.order = 3},
                                         SamplerParameters{.predictor = Predictor::heun}),
                         [](const auto& p) { return name_of(p.param.predictor) + std::to_string(p.param.order); });

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
  const Sampler sampler(schedule, {.steps = 128, .grid = TimeGrid::uniform, .churn = 0, .corrections = 1});
  const Tensor x = sampler.sample(*score, {members, 32, 1}, 1).to(at::kDouble).flatten(1);
  // Four standard errors of a mean, √(0.5 / 8000), and of a covariance, √2 × 0.5 / √8000, are 0.032 in both cases; the
  // step's own floor is some hundredths of the variance.
  EXPECT_TRUE(at::allclose(x.mean(0), mean.flatten(), 0, 0.035)) << (x.mean(0) - mean.flatten()).abs().max();
  const Tensor centred = x - x.mean(0);
  const Tensor error = at::matmul(centred.t(), centred) / members - covariance;
  EXPECT_LT(error.abs().max().item<double>(), 0.05);
}

TEST_F(SamplerOnGaussian, PartsOfAnEnsembleAreTheWhole) {
  const Sampler sampler(schedule, {.steps = 8, .grid = TimeGrid::uniform, .churn = 0, .corrections = 2});
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
    Sampler(NoiseSchedule(), {.steps = 8, .grid = TimeGrid::uniform, .churn = 0, .corrections = 0})
        .sample(Broken(), {1, 2, 1}, 0);
    FAIL();
  } catch (const NumericalError& error) {
    EXPECT_NE(std::string(error.what()).find("step 6 of 8"), std::string::npos) << error.what();
  }
}

TEST(Sampler, RefusesBadParameters) {
  EXPECT_THROW(Sampler(NoiseSchedule(), {.steps = 0}), UsageError);
  EXPECT_THROW(Sampler(NoiseSchedule(), {.corrections = -1}), UsageError);
  EXPECT_THROW(Sampler(NoiseSchedule(), {.tau = 0}), UsageError);
  EXPECT_THROW(Sampler(NoiseSchedule(), {.exponent = 0}), UsageError);
  EXPECT_THROW(Sampler(NoiseSchedule(), {.order = 4}), UsageError);
  EXPECT_THROW(Sampler(NoiseSchedule(), {.churn = 2}), UsageError);
  EXPECT_THROW(Sampler(NoiseSchedule(), {.predictor = Predictor::heun, .order = 2, .churn = 0}), UsageError);
  EXPECT_THROW(Sampler(NoiseSchedule(), {.predictor = Predictor::heun, .churn = 0.5}), UsageError);
  EXPECT_THROW(Sampler(NoiseSchedule(), {.corrector = Corrector::leimkuhler_matthews, .tau = 2}), UsageError);
  EXPECT_NO_THROW(Sampler(NoiseSchedule(), {.corrector = Corrector::langevin, .tau = 2}));
  EXPECT_THROW(Sampler(NoiseSchedule(), {.noise_from = 0.2, .noise_until = 0.3}), UsageError);
}

}  // namespace
}  // namespace sda
