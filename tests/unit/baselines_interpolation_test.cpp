/// Interpolation of gridded observations: exact where it should be, refused where it cannot be done.
#include "sda/baselines/interpolation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/observation/operator_toml.hpp"
#include "tolerance.hpp"

namespace {

using sda::tolerance::exact_float64;
constexpr double two_pi = 2 * std::numbers::pi;

/// Sides and units that differ, so that none is taken for another.
const sda::StateLayout layout{.event = {2, 12, 16},
                              .variables = {{"u", "", "1"}, {"v", "", "1"}},
                              .space_names = {"y", "x"},
                              .dt = 1.0,
                              .spacing = {two_pi / 12, two_pi / 16}};
const sda::Normalisation normalisation{at::tensor({1.0, -2.0}, at::kDouble).reshape({2, 1, 1}),
                                       at::tensor({2.0, 0.5}, at::kDouble).reshape({2, 1, 1})};

/// Waves that turn with time linearly in amplitude: (length, 2, 12, 16), terms up to k = 1 along y and 1 along x.
at::Tensor waves(std::int64_t length) {
  const auto t = at::arange(length, at::kDouble).reshape({length, 1, 1});
  const auto y = (at::arange(12, at::kDouble) * (two_pi / 12)).unsqueeze(1),
             x = at::arange(16, at::kDouble) * (two_pi / 16);
  const auto u = 0.3 + (1 + 0.1 * t) * at::cos(y - x) + 0.4 * at::sin(x), v = (2 - 0.2 * t) * at::sin(y + 0.5) - 1;
  return at::stack({u.expand({length, 12, 16}), v.expand({length, 12, 16})}, 1);
}

/// `truth` read without noise.
sda::Observations read(const at::Tensor& truth, const std::vector<sda::OperatorLink>& chain) {
  auto y = sda::observe(truth, layout, normalisation, chain, sda::GaussianNoise({0.1}), "waves", 1, 0);
  y.parts[0].values = y.parts[0].op->apply(normalisation.normalise(truth).unsqueeze(0))[0];
  return y;
}

double largest(const at::Tensor& error) {
  return error.abs().max().item<double>();
}

TEST(Interpolation, TrigonometricPolynomialsComeBackFromTheirAverages) {
  const auto truth = waves(9);
  for (const auto& chain :
       std::vector<std::vector<sda::OperatorLink>>{{{"every", {4}}, {"coarsen", {4}}},
                                                   {{"every", {4}}, {"physical", {}}, {"coarsen", {2}}},
                                                   {{"coarsen", {4}}, {"scale", {-3}}}}) {
    const auto found = sda::interpolate(read(truth, chain), sda::Interpolation::trigonometric);
    EXPECT_EQ(found.members.size(0), 1);
    EXPECT_LT(largest(found.members[0] - truth), exact_float64) << sda::to_toml(chain);
  }
}

TEST(Interpolation, ConstantsComeBackByBothMethods) {
  const auto truth = at::tensor({3.0, -7.0}, at::kDouble).reshape({1, 2, 1, 1}).expand({6, 2, 12, 16}).contiguous();
  for (const auto method : {sda::Interpolation::bicubic, sda::Interpolation::trigonometric}) {
    const auto found = sda::interpolate(read(truth, {{"times", {1, 3}}, {"coarsen", {4}}}), method);
    EXPECT_LT(largest(found.members[0] - truth), exact_float64) << found.method;
  }
}

TEST(Interpolation, BicubicErrsLessTheFinerTheObservations) {
  const auto truth = waves(1);
  const auto error = [&](double n) {
    return largest(sda::interpolate(read(truth, {{"coarsen", {n}}}), sda::Interpolation::bicubic).members[0] - truth);
  };
  // Averages over a block differ from its middle by a second power of its size.
  EXPECT_LT(error(2), error(4) / 3);
  EXPECT_LT(error(1), exact_float64);
}

TEST(Interpolation, HoldsTheFirstAndTheLastObservation) {
  const auto truth = waves(8);
  const auto found = sda::interpolate(read(truth, {{"times", {2, 4}}}), sda::Interpolation::trigonometric).members[0];
  EXPECT_LT(largest(found[0] - truth[2]), exact_float64);
  EXPECT_LT(largest(found[3] - truth[3]), exact_float64);
  EXPECT_LT(largest(found[7] - truth[4]), exact_float64);
}

TEST(Interpolation, RefusesObservationsThatAreNotOnAGrid) {
  const auto truth = waves(2);
  for (const auto& chain :
       std::vector<std::vector<sda::OperatorLink>>{{{"saturate", {}}}, {{"select", {0}}}, {{"select", {1, 0}}}}) {
    EXPECT_THROW(sda::interpolate(read(truth, chain), sda::Interpolation::bicubic), sda::UnsupportedError)
        << sda::to_toml(chain);
  }
}

TEST(Spline, NaturalThroughThreePointsByHand) {
  // Knots 0, 1, 2, values 0, 1, 0: 4 M₁ = 6 (−1 − 1), M₁ = −3; at ½: ½ + (1/6)(⅛ − ½)(−3) = 11/16.
  const auto weights = sda::spline_weights({0, 1, 2}, {0.5, 1, 1.5, 5}, 0);
  const auto values = weights.mv(at::tensor({0.0, 1.0, 0.0}, at::kDouble));
  EXPECT_NEAR(values[0].item<double>(), 11.0 / 16, exact_float64);
  EXPECT_NEAR(values[1].item<double>(), 1, exact_float64);
  EXPECT_NEAR(values[2].item<double>(), 11.0 / 16, exact_float64);
  EXPECT_NEAR(values[3].item<double>(), 0, exact_float64);
}

TEST(Spline, PeriodicIsTheSameWhereverThePeriodBegins) {
  const auto values = sda::normal({5}, {.seed = 2}, at::kDouble);
  const std::vector<double> points{0.1, 0.9, 2.5, 4.7, 5.9};
  const auto here = sda::spline_weights({0.5, 1, 2.5, 4, 5.5}, points, 6).mv(values);
  // A turn by one knot: its value now stands last, at 0.5 + 6.
  const auto turned = sda::spline_weights({1, 2.5, 4, 5.5, 6.5}, points, 6).mv(values.roll(-1));
  EXPECT_LT(largest(here - turned), exact_float64);
  // Two knots: M₀ = −M₁ from 2 · 6 M₀ + 2 · 3 M₁ = 6 (Δ/3 + Δ/3), Δ = 2: M₀ = 4/3; midway the mean of both.
  const auto two = sda::spline_weights({0, 3}, {1.5, 0.75}, 6).mv(at::tensor({-1.0, 1.0}, at::kDouble));
  EXPECT_NEAR(two[0].item<double>(), 0, exact_float64);
  EXPECT_NEAR(two[1].item<double>(), -0.5 + 9.0 / 6 * 4 / 3 * ((27.0 / 64 - 0.75) - (1.0 / 64 - 0.25)), exact_float64);
}

TEST(Spline, RefusesKnotsThatDoNotAscend) {
  EXPECT_THROW(sda::spline_weights({}, {0}, 0), sda::ValueError);
  EXPECT_THROW(sda::spline_weights({0, 0}, {0}, 0), sda::ValueError);
  EXPECT_THROW(sda::spline_weights({0, 7}, {0}, 6), sda::ValueError);
}

}  // namespace
