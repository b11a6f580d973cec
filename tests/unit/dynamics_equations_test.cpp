// Each system against its published equation, index by index and sign by sign: the tendency by hand, and one step of
// Runge and Kutta's method worked out apart from this library, by a dozen lines of Python.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/torch.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "sda/dynamics/systems.hpp"
#include "tolerance.hpp"

namespace {

using sda::DynamicsParameters;
using sda::Tensor;

Tensor row(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble).unsqueeze(0);
}

Tensor after_one_step(DynamicsParameters p, double dt, const Tensor& from) {
  p.dt = dt;
  p.noise = 0;
  Tensor x = from.clone();
  sda::make_dynamics(p)->advance(x, 1, {});
  return x;
}

/// dx/dt at `from`, of a short step and one twice as long: their errors of first order cancel.
Tensor tendency(const DynamicsParameters& p, const Tensor& from) {
  constexpr double h = 1e-5;
  const auto slope = [&](double dt) { return (after_one_step(p, dt, from) - from) / dt; };
  return 2 * slope(h) - slope(2 * h);
}

void expect_near(const Tensor& found, const Tensor& expected, double tolerance) {
  EXPECT_LT((found - expected).abs().max().item<double>(), tolerance) << found << expected;
}

/// Differences of states near 10 over 1e-5 have nine digits.
constexpr double of_differences = 1e-6;

// 8 everywhere is in balance with F = 8. With 8 + 1 at site 19 alone, ẋ_j = (x_{j+1} − x_{j−2}) x_{j−1} − x_j + 8 is
//   j = 18: (9 − 8) 8 = 8,   j = 19: (8 − 8) 8 − 9 + 8 = −1,   j = 20: (8 − 8) 9 = 0,   j = 21: (8 − 9) 8 = −8,
// and 0 elsewhere: of site 19, the neighbour before it grows and the second after it falls.
TEST(Equations, Lorenz96IsThePublishedOneAndNotItsMirrorImage) {
  const DynamicsParameters p{.system = "lorenz96", .lorenz96 = {.sites = 40, .forcing = 8}};
  Tensor pulse = at::full({1, 40}, 8.0, at::kDouble), expected = at::zeros({1, 40}, at::kDouble);
  pulse[0][19] = 9.0;
  expected[0][18] = 8.0, expected[0][19] = -1.0, expected[0][21] = -8.0;
  expect_near(tendency(p, pulse), expected, of_differences);

  auto mirrored = p;
  mirrored.lorenz96.mirrored = true;
  expect_near(tendency(mirrored, pulse.flip(1).contiguous()).flip(1), expected, of_differences);
}

TEST(Equations, Lorenz96AfterOneStepFromAPulse) {
  Tensor x = at::full({1, 40}, 8.0, at::kDouble), expected = x.clone();
  x[0][19] = 9.0;
  const std::vector<double> from_15{8.001066666666667, 8.010133333333334, 8.076281110166667, 8.377060934360417,
                                    8.917192472326049, 7.829914802200507, 7.629023832700944, 8.031717289914694,
                                    8.075967040315216, 7.995514396785417, 7.989866666666667};
  expected.slice(1, 15, 26).copy_(row(from_15));
  expected[0][27] = 8.001066666666667;
  const DynamicsParameters p{.system = "lorenz96", .lorenz96 = {.sites = 40, .forcing = 8}};
  expect_near(after_one_step(p, 0.05, x), expected, sda::tolerance::golden_float64);
}

// ẋ = 10 (2 − 1), ẏ = 1 (28 − 3) − 2, ż = 1 · 2 − 8/3 · 3.
TEST(Equations, Lorenz63) {
  expect_near(tendency({}, row({1, 2, 3})), row({10, 23, -6}), of_differences);
  expect_near(after_one_step({}, 0.025, row({1, 2, 3})),
              row({1.2936389377911885, 2.656189486484532, 2.870859837473035}), sda::tolerance::golden_float64);
}

// u = log 3 prey and v = log 2 predators: u̇ = 1.1 − 0.4 · 2, v̇ = 0.1 · 3 − 0.4. Prey grow where predators are few, and
// predators die where prey are few.
TEST(Equations, LotkaVolterraInLogarithms) {
  const DynamicsParameters p{
      .system = "lotka_volterra",
      .lotka_volterra = {.prey_growth = 1.1, .predation = 0.4, .reproduction = 0.1, .death = 0.4}};
  expect_near(tendency(p, row({std::log(3), std::log(2)})), row({0.3, -0.1}), of_differences);
  auto of_step = p;
  of_step.lotka_volterra.death = 0.3;
  expect_near(after_one_step(of_step, 0.1, row({0.5, -0.25})), row({0.5790506733544551, -0.2628441769362523}),
              sda::tolerance::golden_float64);
}

/// A x for the chain's mean.
Tensor mean_after(const sda::LinearGaussianChain& chain, const std::vector<double>& from) {
  return chain.parameters().transition.mv(row(from)[0]).unsqueeze(0);
}

// From position 2, velocity −1, acceleration 4 and wind 3 in dt = 0.1: x + v dt + a dt²/2 = 2 − 0.1 + 0.02, v + a dt =
// −0.6, the spring −0.5 · 2 and the drag −0.1 · −1 and the wind 0.2 · 3 make −0.3, and 0.99 of the wind stays.
TEST(Equations, DampedSpring) {
  expect_near(mean_after(sda::damped_spring(0.1), {2, -1, 4, 3}), row({1.92, -0.6, -0.3, 2.97}), 1e-15);
}

// By a quarter turn from the first axis to the second, and half as long.
TEST(Equations, RotationTurnsFromTheFirstAxisToTheSecond) {
  const auto chain = sda::rotation_chain(0.5, std::acos(0.0));
  expect_near(mean_after(chain, {1, 0}), row({0, 0.5}), 1e-15);
  expect_near(mean_after(chain, {0, 1}), row({-0.5, 0}), 1e-15);
  EXPECT_DOUBLE_EQ(chain.parameters().noise_covariance[0][0].item<double>(), 0.75);
}

// Numbers row by row: x_0 ← 0.5 · 2 + 0.2 · 10, x_1 ← −0.1 · 2 + 0.9 · 10.
TEST(Equations, LinearChainTakesItsMatrixRowByRow) {
  const auto chain = sda::make_dynamics(
      {.system = "linear", .linear = {.transition = {0.5, 0.2, -0.1, 0.9}, .innovation = {0.5, 0.3}}});
  expect_near(mean_after(dynamic_cast<const sda::LinearGaussianChain&>(*chain), {2, 10}), row({3, 8.8}), 1e-14);
}

}  // namespace
