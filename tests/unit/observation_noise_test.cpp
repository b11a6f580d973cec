/// Forms of noise by hand: densities, what they refuse, and kinds of your own.
#include "sda/observation/noise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/observation/observations.hpp"
#include "tolerance.hpp"

namespace sda {
namespace {

using testing::HasSubstr;

constexpr double infinity = std::numeric_limits<double>::infinity();

const bool known = register_noise("gumbel", [](const std::vector<double>&) { return nullptr; });

Tensor number(double value) {
  return at::full({1}, value, at::kDouble);
}

TEST(Noise, DensitiesByHand) {
  const auto log_density = [](const NoiseShape& shape, double y, double a, double sigma) {
    return Noise({sigma}, shape).model().log_density(number(y), number(a), number(sigma)).item<double>();
  };
  // Cauchy at its half-width: half of 1/(π σ). Laplace one scale b = σ/√2 away: 1/(2 b e).
  EXPECT_NEAR(log_density({.kind = "student_t", .degrees_of_freedom = 1}, 3, 1, 2), -std::log(4 * M_PI), 1e-14);
  EXPECT_NEAR(log_density({.kind = "laplace"}, 2, 1, std::sqrt(2.0)), -std::log(2.0) - 1, 1e-14);
  // Three counts of 0.5 where two are expected: 2³ e⁻² / 6. None where none can be; one where none can be: never.
  EXPECT_NEAR(log_density({.kind = "poisson"}, 1.5, 1, 0.5), std::log(8.0 / 6) - 2, 1e-14);
  EXPECT_EQ(log_density({.kind = "poisson"}, 0, -1, 0.5), 0);
  EXPECT_EQ(log_density({.kind = "poisson"}, 0.5, -1, 0.5), -infinity);
  // At a bound where the prediction is: a half.
  EXPECT_NEAR(log_density({.kind = "censored", .bounds = {0, 5}}, 5, 5, 0.3), -std::log(2.0), 1e-14);
  // Half of N(0; −1, 1) and half of N(0; 1, 1).
  EXPECT_NEAR(log_density({.kind = "mixture", .weights = {0.5, 0.5}, .means = {-1, 1}, .scales = {1, 1}}, 0, 0, 1),
              -0.5 - std::log(2 * M_PI) / 2, 1e-14);
}

TEST(Noise, OfEachElementsOwnScale) {
  const Noise noise({0.5, 2.0}, {.kind = "laplace"});
  const auto y = at::tensor({1.0, 2.0}, at::kDouble).reshape({1, 2});
  // √2 (0.5 / 0.5 + 2 / 2) below twice the mode.
  const auto observations = at::stack({y, y + at::tensor({0.5, 2.0}, at::kDouble)});
  const auto log_prob = noise.log_prob(y, observations);
  EXPECT_NEAR((log_prob[0] - log_prob[1]).item<double>(), 2 * std::sqrt(2.0), 1e-14);
  EXPECT_NEAR(log_prob[0].item<double>(), -std::log(2.0), 1e-14);  // 1 / (√2 σ) each
}

TEST(Noise, PartsDrawIndependentlyAndTheSameAgain) {
  const NoiseShape shape{.kind = "mixture", .weights = {0.5, 0.5}, .means = {-9, 9}, .scales = {1, 1}};
  const Tensor a = at::zeros({1, 2000}, at::kDouble);
  const Noise noise({1.0}, shape);
  const auto draw = [&](std::uint64_t step) {
    return noise.model().draw(a, number(1), {.seed = 1, .purpose = Purpose::observation_noise, .step = step});
  };
  EXPECT_TRUE(draw(0).equal(draw(0)));
  // Which Gaussian it is has nothing to do with where in it, or with another part's.
  const Tensor side = draw(0).sign(), place = draw(0) - 9 * side, other = draw(1).sign();
  for (const Tensor& b : {place, other}) EXPECT_LT((side * b).mean().abs().item<double>(), 4 / std::sqrt(2000.0));
}

TEST(Noise, RefusesWhatItsFormCannotBe) {
  const auto refusal = [](const NoiseShape& shape) -> std::string {
    try {
      Noise({1.0}, shape);
    } catch (const ValueError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(refusal({.kind = "guassian"}), HasSubstr("noise: bad parameter of the noise: found guassian"));
  EXPECT_THAT(refusal({.kind = "student_t", .degrees_of_freedom = 0.5}), HasSubstr("degrees_of_freedom"));
  EXPECT_THAT(refusal({.kind = "student_t", .degrees_of_freedom = std::nan("")}), HasSubstr("degrees_of_freedom"));
  EXPECT_THAT(refusal({.kind = "mixture"}), HasSubstr("weights"));
  EXPECT_THAT(refusal({.kind = "mixture", .weights = {0.5, 0.4}, .means = {0, 0}, .scales = {1, 1}}),
              HasSubstr("a sum of 0.9"));
  EXPECT_THAT(refusal({.kind = "mixture", .weights = {0.5, 0.5}, .means = {0}, .scales = {1, 1}}),
              HasSubstr("means: bad parameter of the noise: found 1, expected 2 numbers"));
  EXPECT_THAT(refusal({.kind = "mixture", .weights = {1}, .means = {0}, .scales = {0}}), HasSubstr("scales"));
  EXPECT_THAT(refusal({.kind = "mixture", .weights = {1.5, -0.5}, .means = {0, 0}, .scales = {1, 1}}),
              HasSubstr("-0.5"));
  EXPECT_THAT(refusal({.kind = "censored"}), HasSubstr("bounds"));
  EXPECT_THAT(refusal({.kind = "censored", .bounds = {1, 1}}), HasSubstr("the least below the most"));
  EXPECT_THAT(refusal({.kind = "gaussian", .bounds = {0, 1}}), HasSubstr("set noise = \"censored\""));
  EXPECT_THAT(refusal({.kind = "laplace", .weights = {1}}), HasSubstr("set noise = \"mixture\""));
  EXPECT_THAT(refusal({.kind = "laplace", .parameters = {1}}), HasSubstr("parameters: a parameter that noise"));
}

TEST(Noise, OfOnesOwnHasANameOfItsOwn) {
  EXPECT_TRUE(known);
  EXPECT_THAT(noise_kinds(), testing::Contains("gumbel"));
  for (const auto* name : {"poisson", "gumbel"}) {
    try {
      register_noise(name, {});
      ADD_FAILURE() << name;
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr(std::string(name) + ": a noise of this name is there already"));
    }
  }
}

TEST(Noise, RefusesObservationsThatItNeverGives) {
  const StateLayout layout{.event = {1}, .variables = {{"x", "x"}}, .space_names = {}};
  const auto refusal = [&](const NoiseShape& shape, double value) -> std::string {
    Observations y{.layout = layout, .normalisation = Normalisation::identity({1}), .length = 1, .parts = {}};
    y.parts = {{.name = "", .chain = {}, .noise = Noise({0.5}, shape)}};
    y.parts[0].op = make_operator({}, layout, y.normalisation);
    y.parts[0].values = at::full({1, 1}, value, at::kDouble);
    y.name = "gauge";
    try {
      y.check();
    } catch (const ValueError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal({.kind = "poisson"}, 1.5), "accepted");
  EXPECT_THAT(refusal({.kind = "poisson"}, 1.6),
              HasSubstr("observations gauge: an observation that is no number of counts"));
  EXPECT_THAT(refusal({.kind = "poisson"}, -0.5), HasSubstr("found -0.5"));
  EXPECT_EQ(refusal({.kind = "censored", .bounds = {0, 2}}, 2), "accepted");
  EXPECT_THAT(refusal({.kind = "censored", .bounds = {0, 2}}, 2.1), HasSubstr("within [0, 2]"));
  EXPECT_THAT(refusal({.kind = "censored", .bounds = {0, infinity}}, -1), HasSubstr("found -1"));
}

}  // namespace
}  // namespace sda
