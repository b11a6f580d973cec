// χ² of departures: tails from SciPy, misfits worked out by hand, and what right analyses give.
#include "sda/evaluation/misfit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"

namespace sda {
namespace {

using testing::HasSubstr;

// scipy.stats.chi2.isf(p, n). libtorch sums an asymptotic series where n is large, to 1e-9.
TEST(Misfit, TailsAreThoseOfChiSquare) {
  struct Case {
    double quantile;
    std::int64_t n;
    double p;
  };
  for (const auto& [quantile, n, p] :
       {Case{10.827566170662733, 1, 1e-3}, Case{21.10751346616021, 3, 1e-4}, Case{161.7797493405323, 99, 7e-5},
        Case{597.4384607443186, 480, 2e-4}, Case{100530.23575082258, 100000, 0.118}}) {
    EXPECT_NEAR(chi_square_tail(quantile, n) / p, 1, 1e-8) << n;
  }
  EXPECT_EQ(chi_square_tail(std::numeric_limits<double>::infinity(), 5), 0);
  EXPECT_EQ(chi_square_tail(0, 5), 1);
}

/// Two variables at `length` times, σ = 0.5, all observed by one instrument.
Observations observed(const Tensor& values, const NoiseShape& noise = {}) {
  const std::int64_t length = values.size(0);
  StateLayout layout{.event = {2}, .variables = {{"u", "wind"}, {"t", "temperature"}}, .space_names = {}, .dt = 0.5};
  Observations y{.layout = layout, .normalisation = Normalisation::identity({2}), .length = length, .parts = {}};
  ObservationPart part{.name = "", .chain = {{"every", {1}}}, .noise = Noise({0.5}, noise)};
  part.op = make_operator(part.chain, layout, y.normalisation);
  part.values = values;
  y.parts.push_back(part);
  y.check();
  return y;
}

/// A member at 0, and observations of it with noise as it should be.
Tensor right(std::int64_t length) {
  return 0.5 * normal({length, 2}, {.seed = 3}, at::kDouble);
}
Tensor member_at_0(const Observations& y) {
  return at::zeros({1, y.length, 2}, at::kDouble);
}

// Departures 1, −2, 0, 1 over 0.5: z² is 4, 16, 0, 4. A second member at 1 has 0, −3, −1, 0: 0, 36, 4, 0.
TEST(Misfit, IsTheMeanSquareOfDeparturesOverErrorsAndMembers) {
  const Observations y = observed(at::tensor({1.0, -2.0, 0.0, 1.0}, at::kDouble).reshape({2, 2}));
  const Tensor zero = member_at_0(y);
  EXPECT_DOUBLE_EQ(misfit(y, zero).all.chi_square, 6);
  EXPECT_EQ(misfit(y, zero).all.observations, 4);
  EXPECT_DOUBLE_EQ(misfit(y, at::cat({zero, zero + 1})).all.chi_square, 8);
  EXPECT_EQ(misfit(y, at::cat({zero, zero + 1})).farthest, 1);
}

// Of a linear-Gaussian analysis members depart from y as the noise does, though their mean fits closer: x ~ N(0, 1)
// seen with σ = 0.5 has the posterior N(0.8 y, 0.2), and E(y − x)²/σ² = (0.04 · 1.25 + 0.2) / 0.25 = 1.
TEST(Misfit, OfARightAnalysisIsOneAndNoExcess) {
  constexpr std::int64_t length = 400, members = 64;
  const Tensor truth = normal({length, 2}, {.seed = 1}, at::kDouble), values = truth + right(length);
  const Observations y = observed(values);
  const Tensor draws = normal({members, length, 2}, {.seed = 2}, at::kDouble);
  const auto found = misfit(y, 0.8 * values + std::sqrt(0.2) * draws);
  EXPECT_NEAR(found.all.chi_square, 1, 4 * std::sqrt(2.0 / 800));
  EXPECT_FALSE(found.any_excess());
  EXPECT_EQ(in_words(found), "");
  EXPECT_LT(misfit(y, (0.8 * values).unsqueeze(0)).all.chi_square, 0.35);  // 0.04 · 1.25 / 0.25 = 0.2
  EXPECT_NO_THROW(require_explained(found, 10, ""));
}

// 480 observations missed by 2.8 of their errors, less than three, are far more than chance gives: 1 ± 0.065.
TEST(Misfit, BelowThreeDeviationsIsNoticedWhereObservationsAreMany) {
  const Observations y = observed(at::full({240, 2}, 2.8 * 0.5, at::kDouble));
  const auto found = misfit(y, member_at_0(y));
  EXPECT_TRUE(found.is_excess);
  EXPECT_THAT(in_words(found), HasSubstr("members miss 480 observations by 2.8"));
  EXPECT_THAT(in_words(found), HasSubstr("expected 1 ± 0.065"));
  EXPECT_THAT(in_words(found), HasSubstr("the errors are too small by a factor of 2.8"));
  // The same of three observations may be chance: P(χ²_3 > 3 · 7.8 / 1.5) is 1.4e-3.
  const Observations few = observed(at::full({2, 2}, std::sqrt(7.8) * 0.5, at::kDouble));
  EXPECT_FALSE(misfit(few, member_at_0(few)).is_excess);
  // A closer fit than expected is no fault.
  const Observations close = observed(0.1 * right(240));
  EXPECT_FALSE(misfit(close, member_at_0(close)).any_excess());
}

TEST(Misfit, SaysWhichVariableOrTimeIsWrong) {
  Tensor values = right(200);
  values.select(1, 1).mul_(6);
  const Observations of_variable = observed(values);
  EXPECT_THAT(in_words(misfit(of_variable, member_at_0(of_variable))), HasSubstr("all others fit but t (χ² "));

  values = right(200);
  values.select(0, 7).add_(8);
  const Observations of_time = observed(values);
  const auto found = misfit(of_time, member_at_0(of_time));
  EXPECT_THAT(in_words(found), HasSubstr("all others fit but time 3.5 (χ² "));
  EXPECT_THAT(in_words(found), HasSubstr("those times are likely wrong"));

  // One of three variables whose errors are of another unit.
  StateLayout layout{.event = {3}, .variables = {{"u", "u"}, {"v", "v"}, {"t", "t"}}, .space_names = {}};
  Observations three{.layout = layout, .normalisation = Normalisation::identity({3}), .length = 100, .parts = {}};
  ObservationPart part{.name = "", .chain = {{"select", {0, 1, 2}}}, .noise = Noise({1})};
  part.op = make_operator(part.chain, layout, three.normalisation);
  part.values = normal({100, 3}, {.seed = 5}, at::kDouble) * at::tensor({1.0, 1.0, 5.0}, at::kDouble);
  three.parts.push_back(part);
  EXPECT_THAT(in_words(misfit(three, at::zeros({1, 100, 3}, at::kDouble))), HasSubstr("all others fit but t (χ² "));
}

TEST(Misfit, OutliersThatTheNoiseForeseesAreNoExcess) {
  const NoiseShape student{.kind = "student_t", .degrees_of_freedom = 3};
  Tensor values = right(100);
  values[3][0] = 100.0;
  const Observations y = observed(values, student);
  EXPECT_FALSE(misfit(y, member_at_0(y)).any_excess());
  EXPECT_TRUE(misfit(observed(values), member_at_0(y)).any_excess());
}

TEST(Misfit, WhatIsNoAnalysisIsAnError) {
  const Observations y = observed(right(20));
  const auto error_of = [&](const Tensor& members) -> std::string {
    try {
      require_explained(misfit(y, members), 10, "take more steps");
    } catch (const NumericalError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(error_of(member_at_0(y)), "");
  EXPECT_THAT(error_of(member_at_0(y) + 3), HasSubstr("members do not explain the observations: found χ²"));
  EXPECT_THAT(error_of(member_at_0(y) + 3), HasSubstr("take more steps"));
  EXPECT_THAT(error_of(member_at_0(y) + 1e7), HasSubstr("members diverged"));
  EXPECT_THAT(error_of(member_at_0(y) * NAN), HasSubstr("members diverged"));
}

}  // namespace
}  // namespace sda
