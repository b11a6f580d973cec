/// Guidance under each form of noise: one state of Gaussian prior, whose posterior at every t is an integral over one
/// number, worked out on a grid.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/prior/scores.hpp"
#include "tolerance.hpp"

namespace sda {
namespace {

using testing::HasSubstr;

const NoiseSchedule cosine;

struct Case {
  std::string name;
  Noise noise;
  double y;
};

const std::vector<Case> cases{
    {"gaussian", GaussianNoise({0.4}), 2.3},
    {"student_t", Noise({0.3}, {.kind = "student_t", .degrees_of_freedom = 3}), 2.3},
    {"student_t_outlier", Noise({0.1}, {.kind = "student_t", .degrees_of_freedom = 3}), 6},
    {"laplace", Noise({0.4}, {.kind = "laplace"}), 3.7},
    {"outliers", Noise({0.2}, {.kind = "mixture", .weights = {0.9, 0.1}, .means = {0, 0}, .scales = {1, 8}}), 4.4},
    {"two_sided", Noise({0.3}, {.kind = "mixture", .weights = {0.4, 0.6}, .means = {-3, 3}, .scales = {1, 1}}), 2.9},
    {"censored", Noise({0.3}, {.kind = "censored", .bounds = {0, 3.2}}), 3.2},
    {"not_censored", Noise({0.3}, {.kind = "censored", .bounds = {0, 3.2}}), 2.2},
    {"counts", Noise({0.5}, {.kind = "poisson"}), 2.0},
    {"no_count", Noise({0.5}, {.kind = "poisson"}), 0.0},
};

constexpr double prior_mean = 3, prior_deviation = 0.8;

Observations one_observation(const Case& of) {
  Observations y;
  y.layout.event = {1};
  y.layout.variables = {{"x", "x"}};
  y.normalisation = Normalisation::identity({1});
  y.length = 1;
  y.parts = {{.name = "",
              .chain = {},
              .noise = of.noise,
              .op = make_operator({}, y.layout, y.normalisation),
              .values = at::full({1, 1}, of.y, at::kDouble)}};
  return y;
}

std::shared_ptr<const DifferentiableScore> gaussian_prior() {
  return make_gaussian_score(cosine, at::full({1, 1}, prior_mean, at::kDouble),
                             at::full({1, 1}, prior_deviation * prior_deviation, at::kDouble));
}

/// ε = −σ ∂ log p(x(t), y) / ∂x(t) = E[x(t) − μ x | x(t), y] / σ, of p(x) p(y | x) N(x(t); μ x, σ²) on a grid about
/// where the first and the last have their mass.
double exact_epsilon(const Case& of, double x_t, double t) {
  const double mu = cosine.mu(t), sigma = cosine.sigma(t), precision = 1 / (prior_deviation * prior_deviation);
  const double variance = 1 / (precision + mu * mu / (sigma * sigma));
  const double mean = variance * (precision * prior_mean + mu * x_t / (sigma * sigma));
  const double step = 1e-4;
  const Tensor x = mean + std::sqrt(variance) * step * at::arange(-120000, 120001, at::kDouble);
  const Tensor s = at::full({1}, of.noise.values().front(), at::kDouble);
  const Tensor log_p = of.noise.model().log_density(at::full({1}, of.y, at::kDouble), x, s) -
                       (x - prior_mean).square() * precision / 2 - (x_t - mu * x).square() / (2 * sigma * sigma);
  return ((x_t - mu * x) * log_p.softmax(0)).sum().item<double>() / sigma;
}

class OneNoisyObservation : public testing::TestWithParam<Case> {
 protected:
  void expect_exact(double t, const GuidanceParameters& guidance) const {
    const PosteriorScore posterior(gaussian_prior(), cosine, one_observation(GetParam()), guidance);
    for (const double where : {-1.5, 0.0, 2.0}) {
      const double x_t = cosine.mu(t) * (prior_mean + prior_deviation * where) + cosine.sigma(t) * where / 2;
      const double epsilon = posterior.epsilon(at::full({1, 1, 1}, x_t, at::kDouble), t).item<double>();
      const double expected = exact_epsilon(GetParam(), x_t, t);
      EXPECT_NEAR(epsilon, expected, tolerance::integrated * std::max(1.0, std::abs(expected)))
          << guidance.rule << ", t = " << t << ", x(t) = " << x_t;
    }
  }
};

TEST_P(OneNoisyObservation, MmpsIsExact) {
  for (const double t : {0.1, 0.3, 0.6, 0.9}) expect_exact(t, {.rule = "mmps", .gamma = {0}});
}

/// With Γ the variance that x has given x(t), over s²: P / (P + s²).
TEST_P(OneNoisyObservation, SdaIsExactForTheRightGamma) {
  for (const double t : {0.1, 0.3, 0.6, 0.9}) {
    const double p = prior_deviation * prior_deviation, s2 = cosine.ratio(t) * cosine.ratio(t);
    expect_exact(t, {.rule = "sda", .gamma = {p / (p + s2)}});
  }
}

TEST_P(OneNoisyObservation, DpsIsRefusedUnlessItIsGaussian) {
  const auto y = one_observation(GetParam());
  const auto make = [&] { PosteriorScore(gaussian_prior(), cosine, y, {.rule = "dps"}); };
  if (y.parts[0].noise.is_gaussian()) {
    EXPECT_NO_THROW(make());
    return;
  }
  try {
    make();
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("expected Gaussian noise; use sda, mmps or pigdm"));
  }
}

INSTANTIATE_TEST_SUITE_P(, OneNoisyObservation, testing::ValuesIn(cases),
                         [](const auto& tested) { return tested.param.name; });

/// Two instruments, one of them Gaussian: what the surrogate makes of Gaussian noise is Gaussian noise.
TEST(NoisyObservations, GaussianNoiseBesideAnotherIsTakenAsItIs) {
  const std::int64_t length = 3;
  const auto draw = [](at::IntArrayRef shape, std::uint64_t which) {
    return normal(shape, {.seed = which, .purpose = Purpose::test}, at::kDouble);
  };
  const Tensor a = draw({length, length}, 1), covariance = at::matmul(a, a.t()) + at::eye(length, at::kDouble);
  const auto prior = make_gaussian_score(cosine, at::zeros({length, 1}, at::kDouble), covariance);
  Observations y;
  y.layout.event = {1};
  y.layout.variables = {{"x", "x"}};
  y.normalisation = Normalisation::identity({1});
  y.length = length;
  const auto part = [&](const std::string& name, const Noise& noise) {
    return ObservationPart{.name = name,
                           .chain = {},
                           .noise = noise,
                           .op = make_operator({}, y.layout, y.normalisation),
                           .values = draw({length, 1}, 2)};
  };
  const Tensor x = draw({4, length, 1}, 3);
  const auto epsilon = [&](const Noise& second, const std::string& rule, std::int64_t iterations) {
    y.parts = {part("first", GaussianNoise({0.3})), part("second", second)};
    return PosteriorScore(prior, cosine, y, {.rule = rule, .gamma = {0.02}, .iterations = iterations}).epsilon(x, 0.5);
  };
  // A mixture of one Gaussian.
  const Noise in_disguise({0.6}, {.kind = "mixture", .weights = {1}, .means = {0}, .scales = {0.5}});
  for (const std::string rule : {"sda", "pigdm"}) {
    EXPECT_TRUE(at::allclose(epsilon(in_disguise, rule, 1), epsilon(GaussianNoise({0.3}), rule, 1), 0,
                             tolerance::exact_float64))
        << rule;
  }
  EXPECT_TRUE(at::allclose(epsilon(in_disguise, "mmps", 6), epsilon(GaussianNoise({0.3}), "mmps", 6), 0,
                           tolerance::exact_float64));
}

}  // namespace
}  // namespace sda
