/// The likelihood rules by hand, and on a Gaussian whose posterior is known.
#include <gtest/gtest.h>

#include <cmath>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "sda/guidance/departures.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/prior/scores.hpp"
#include "tolerance.hpp"

namespace sda {
namespace {

const NoiseSchedule schedule;

/// ε = a x, whatever t.
class Proportional final : public DifferentiableScore {
 public:
  explicit Proportional(double a) : a_(a) {}
  Tensor epsilon(const Tensor& x, double /*t*/) const override { return a_ * x; }
  std::unique_ptr<Linearisation> linearise(const Tensor& x, double /*t*/) const override {
    return std::make_unique<Linear>(a_, a_ * x);
  }

 private:
  class Linear final : public Linearisation {
   public:
    Linear(double a, Tensor epsilon) : a_(a), epsilon_(std::move(epsilon)) {}
    const Tensor& epsilon() const override { return epsilon_; }
    Tensor vjp(const Tensor& v) const override { return a_ * v; }

   private:
    double a_;
    Tensor epsilon_;
  };
  double a_;
};

Observations observed(const std::vector<OperatorLink>& chain, const Tensor& values, std::int64_t length,
                      std::int64_t event, double sigma) {
  Observations y;
  y.layout.event = {event};
  y.layout.variables.resize(static_cast<std::size_t>(event), {"x", "x"});
  y.normalisation = Normalisation::identity(y.layout.event);
  y.length = length;
  y.parts = {{.name = "",
              .chain = chain,
              .noise = GaussianNoise({sigma}),
              .op = make_operator(chain, y.layout, y.normalisation),
              .values = values}};
  return y;
}

/// One state of two values, the first read as 2 with σ = 0.5; x(t) = (0.6, −0.8).
class OneObservation : public testing::Test {
 protected:
  double guided(double a, const GuidanceParameters& guidance) const {
    const auto y = observed({{"select", {0}}}, at::full({1, 1}, 2.0, at::kDouble), 1, 2, 0.5);
    const PosteriorScore posterior(std::make_shared<Proportional>(a), schedule, y, guidance);
    const auto epsilon = posterior.epsilon(at::tensor({0.6, -0.8}, at::kDouble).view({1, 1, 2}), t).flatten();
    EXPECT_NEAR(epsilon[1].item<double>(), -0.8 * a, 1e-14);  // not read: not guided
    return epsilon[0].item<double>();
  }
  /// ε less (σ/μ) (1 − σ a) (y − x̂) / variance.
  double by_hand(double a, double variance) const {
    const double denoised = (0.6 - sigma * a * 0.6) / mu;
    return 0.6 * a - sigma / mu * (1 - sigma * a) * (2 - denoised) / variance;
  }
  const double t = 0.5, mu = schedule.mu(t), sigma = schedule.sigma(t), s2 = schedule.ratio(t) * schedule.ratio(t);
};

TEST_F(OneObservation, IsGuidedByEachRulesVariance) {
  const double a = 0.3;
  EXPECT_NEAR(guided(a, {.rule = "sda", .gamma = {0.02}}), by_hand(a, 0.25 + 0.02 * s2), 1e-12);
  EXPECT_NEAR(guided(a, {.rule = "pigdm", .gamma = {0.02}}), by_hand(a, 0.25 + 0.02 * s2 + s2 / (1 + s2)), 1e-12);
  EXPECT_NEAR(guided(a, {.rule = "mmps", .gamma = {0.02}}), by_hand(a, 0.25 + 0.02 * s2 + s2 * (1 - sigma * a)), 1e-12);
}

TEST_F(OneObservation, ACovarianceThatIsNegativeCountsAsNone) {
  const double a = 1.5;
  ASSERT_LT(1 - sigma * a, 0);
  EXPECT_NEAR(guided(a, {.rule = "mmps", .gamma = {0.02}}), by_hand(a, 0.25 + 0.02 * s2), 1e-12);
}

/// J = 1 − σ a > 1 is no exact score's: the guidance's part of σ ∂ε/∂x, s² J² / variance, is kept at 1.
TEST_F(OneObservation, GuidanceIsNoStifferThanTheNoise) {
  const double a = -2, j = 1 - sigma * a;
  ASSERT_GT(s2 * j * j, 0.25 + 0.02 * s2 + s2 * j);
  EXPECT_NEAR(guided(a, {.rule = "mmps", .gamma = {0.02}}), by_hand(a, s2 * j * j), 1e-12);
}

/// p(x | y) is Gaussian, and so the score of x(t) given y is known; MMPS is exact there.
TEST(Mmps, OfAGaussianIsItsPosteriorsScore) {
  constexpr std::int64_t length = 9, observations = 3;
  const auto [mean, covariance] = rotation_chain().joint(length);
  const auto values = at::tensor({0.4, -1.3, 0.9}, at::kDouble);
  const auto y = observed({{"every", {4}}, {"select", {0}}}, values.view({observations, 1}), length, 2, 0.1);
  const auto h = y.apply(at::eye(18, at::kDouble).view({18, length, 2})).t();
  const auto cross = at::matmul(covariance, h.t());
  const auto gain = at::matmul(cross, at::linalg_inv(at::matmul(h, cross) + 0.01 * at::eye(observations, at::kDouble)));
  const auto m = mean.flatten() + at::matmul(gain, values - at::matmul(h, mean.flatten()));
  const auto p = covariance - at::matmul(gain, cross.t());
  const auto expected = make_gaussian_score(schedule, m.view({length, 2}), (p + p.t()) / 2);

  const auto prior = make_gaussian_score(schedule, mean, covariance);
  const auto x = normal({5, length, 2}, {.seed = 1, .purpose = Purpose::test}, at::kDouble);
  const PosteriorScore all(prior, schedule, y, {.rule = "mmps", .gamma = {0}, .iterations = observations});
  const PosteriorScore more(prior, schedule, y, {.rule = "mmps", .gamma = {0}, .iterations = 20});
  const PosteriorScore one(prior, schedule, y, {.rule = "mmps", .gamma = {0}, .iterations = 1});
  for (const double t : {0.0, 0.1, 0.5, 0.9, 1.0}) {
    const auto exact = expected->epsilon(x, t);
    EXPECT_TRUE(at::allclose(all.epsilon(x, t), exact, 0, tolerance::exact_float64))
        << t << " " << (all.epsilon(x, t) - exact).abs().max();
    EXPECT_TRUE(at::allclose(more.epsilon(x, t), exact, 0, tolerance::exact_float64)) << t;
  }
  EXPECT_FALSE(at::allclose(one.epsilon(x, 0.5), expected->epsilon(x, 0.5), 0, 1e-3));
}

TEST(Departures, JvpIsTheDerivative) {
  const auto y =
      observed({{"every", {2}}, {"select", {1}}, {"saturate", {}}}, at::zeros({3, 1}, at::kDouble), 5, 2, 0.1);
  const auto draw = [](std::uint64_t which) {
    return normal({4, 5, 2}, {.seed = which, .purpose = Purpose::test}, at::kDouble);
  };
  const auto x = draw(1), d = draw(2);
  const Departures observations(y, x);
  const double h = 1e-5;
  const auto along = (y.apply(x + h * d) - y.apply(x - h * d)) / (2 * h);
  EXPECT_TRUE(at::allclose(observations.jvp(d), along, 0, tolerance::finite_difference));
  const auto v = draw(3).flatten(1).narrow(1, 0, 3);
  EXPECT_NEAR((observations.jvp(d) * v).sum().item<double>(), (observations.vjp(v) * d).sum().item<double>(),
              tolerance::exact_float64);
}

TEST(PosteriorScore, RefusesBadParameters) {
  const auto y = observed({{"select", {0}}}, at::zeros({1, 1}, at::kDouble), 1, 2, 0.5);
  const auto make = [&](const GuidanceParameters& guidance) {
    PosteriorScore(std::make_shared<Proportional>(1), schedule, y, guidance);
  };
  EXPECT_NO_THROW(make({.rule = "mmps"}));
  EXPECT_THROW(make({.rule = "mmsp"}), UsageError);
  EXPECT_THROW(make({.rule = "mmps", .iterations = 0}), UsageError);
  EXPECT_THROW(make({.rule = "mmps", .gamma = {1, 2}}), UsageError);
}

}  // namespace
}  // namespace sda
