/// Spectra, vorticity and scores of fields on a plane, against values worked out by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/dynamics/kolmogorov.hpp"
#include "sda/evaluation/field_scores.hpp"
#include "sda/evaluation/spectrum.hpp"
#include "tolerance.hpp"

namespace {

using sda::tolerance::exact_float64;
constexpr double two_pi = 2 * std::numbers::pi;

sda::StateLayout flow(std::int64_t ny, std::int64_t nx, double length_y = two_pi, double length_x = two_pi) {
  return {.event = {2, ny, nx},
          .variables = {{"u", "velocity along x", "1"}, {"v", "velocity along y", "1"}},
          .space_names = {"y", "x"},
          .dt = 0.2,
          .spacing = {length_y / static_cast<double>(ny), length_x / static_cast<double>(nx)}};
}

/// Coordinates y (ny, 1) and x (nx) of [0, 2π)².
at::Tensor coordinate(std::int64_t n) {
  return at::arange(n, at::kDouble) * (two_pi / static_cast<double>(n));
}

/// (2, n, n): u, v of one shape each.
at::Tensor velocity(std::int64_t n, const at::Tensor& u, const at::Tensor& v) {
  return at::stack({u.expand({n, n}), v.expand({n, n})});
}

TEST(EnergySpectrum, OfSingleModesByHand) {
  const auto y = coordinate(16).unsqueeze(1), x = coordinate(16);
  // ½ of the mean squares: 1.5² / 4 at |k| = 3, 0.5² / 4 at |(3, 4)| = 5, and ½ 2² of the mean.
  const auto fields = velocity(16, 2 + 1.5 * at::cos(3 * y), 0.5 * at::sin(3 * x + 4 * y));
  const auto spectrum = sda::energy_spectrum(fields, flow(16, 16));
  EXPECT_NEAR(spectrum.width, 1, exact_float64);
  EXPECT_EQ(spectrum.resolved, 8);
  ASSERT_EQ(spectrum.energy.numel(), 12);  // the corner's |k| = √128 is 11.3
  const std::vector<double> expected{2, 0, 0, 1.5 * 1.5 / 4, 0, 0.5 * 0.5 / 4, 0, 0, 0, 0, 0, 0};
  for (std::size_t m = 0; m < expected.size(); ++m) {
    EXPECT_NEAR(spectrum.wavenumbers[m], static_cast<double>(m), exact_float64);
    EXPECT_NEAR(spectrum.energy[static_cast<std::int64_t>(m)].item<double>(), expected[m], exact_float64) << m;
  }
}

TEST(EnergySpectrum, OfAnyGridSumsToTheMeanEnergy) {
  for (const auto& layout : {flow(12, 16), flow(15, 9, 3.0, 1.0), flow(8, 8, 1.0, 4.0)}) {
    const auto fields = sda::normal(sda::prepend({3, 2}, layout.event), {.seed = 4}, at::kDouble);
    const auto spectrum = sda::energy_spectrum(fields, layout);
    ASSERT_EQ(spectrum.energy.sizes().slice(0, 2), at::IntArrayRef({3, 2}));
    const auto energy = spectrum.energy.sum(-1) * spectrum.width;
    const auto expected = fields.square().sum(2).mean(at::IntArrayRef{-1, -2}) / 2;
    EXPECT_LT((energy - expected).abs().max().item<double>(), exact_float64);
  }
}

TEST(EnergySpectrum, TakesTheFirstTwoVariablesForTheVelocity) {
  const at::Tensor fields = at::randn({3, 8, 8}, at::kDouble);
  auto layout = flow(8, 8);
  layout.event = {3, 8, 8};
  layout.variables.push_back({"log_reynolds", "a constant"});
  EXPECT_TRUE(sda::is_velocity(layout));
  const at::Tensor velocity = fields.narrow(0, 0, 2);
  EXPECT_TRUE(
      at::equal(sda::energy_spectrum(fields, layout).energy, sda::energy_spectrum(velocity, flow(8, 8)).energy));
  EXPECT_TRUE(at::equal(sda::vorticity(fields, 1, 1), sda::vorticity(velocity, 1, 1)));
}

TEST(EnergySpectrum, RefusesWhatIsNoVelocity) {
  auto scalar = flow(8, 8);
  scalar.variables[0].name = "temperature";
  EXPECT_FALSE(sda::is_velocity(scalar));
  EXPECT_THROW(sda::energy_spectrum(at::zeros({2, 8, 8}, at::kDouble), scalar), sda::ShapeError);
  EXPECT_THROW(sda::energy_spectrum(at::zeros({2, 8, 9}, at::kDouble), flow(8, 8)), sda::ShapeError);
  EXPECT_THROW(sda::vorticity(at::zeros({1, 8, 8}, at::kDouble), 1, 1), sda::ShapeError);
}

TEST(Vorticity, OfSingleModesByHand) {
  for (const std::int64_t n : {16, 15}) {
    const auto y = coordinate(n).unsqueeze(1), x = coordinate(n);
    const auto fields = velocity(n, at::cos(2 * y) + 3, at::sin(3 * x - y));
    const auto spacing = two_pi / static_cast<double>(n);
    // ∂v/∂x − ∂u/∂y
    const auto expected = 3 * at::cos(3 * x - y) + 2 * at::sin(2 * y);
    EXPECT_LT((sda::vorticity(fields, spacing, spacing) - expected).abs().max().item<double>(), exact_float64) << n;
  }
}

/// Every second state of four seen, through the operator; the truth is a draw.
sda::Observations observed(const std::vector<sda::OperatorLink>& chain, double sigma) {
  const auto layout = flow(4, 4);
  const auto truth = sda::normal({4, 2, 4, 4}, {.seed = 1}, at::kDouble);
  return sda::observe(truth, layout, sda::Normalisation::identity(layout.event), chain, sda::GaussianNoise({sigma}),
                      "few", 3, 0);
}

TEST(FieldScores, ResidualIsTheObservationsMissOverTheNoise) {
  const auto y = observed({{"every", {2}}, {"coarsen", {2}}}, 0.1);
  // Members that differ from what was read by 1 and by 3 standard deviations everywhere: √((1 + 9) / 2).
  const auto exact = y.parts[0].values.repeat_interleave(2, -1).repeat_interleave(2, -2).repeat_interleave(2, 0);
  const auto members = at::stack({exact + 0.1, exact - 0.3});
  const auto found = sda::departures(y, members);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NEAR(found[0].over_noise.value, std::sqrt(5.0), exact_float64);
  // Of the squares 1 and 9: standard deviation √32, error √32 / √2 = 4, of the root 4 / (2 √5).
  EXPECT_NEAR(found[0].over_noise.standard_error, 2 / std::sqrt(5.0), exact_float64);
}

TEST(FieldScores, ObservedAreTheComponentsThatObservationsDependOn) {
  auto expected = at::zeros({4, 2, 4, 4}, at::kBool);
  for (const int state : {0, 2}) expected[state][1].fill_(true);
  EXPECT_TRUE(sda::observed_components(observed({{"every", {2}}, {"select", {1}}}, 0.1)).equal(expected));
  // Not by being linear: a square depends on all that it is the square of.
  EXPECT_TRUE(
      sda::observed_components(observed({{"every", {2}}, {"select", {1}}, {"square", {}}}, 0.1)).equal(expected));
  expected.select(1, 0).copy_(expected.select(1, 1));
  EXPECT_TRUE(sda::observed_components(observed({{"every", {2}}, {"coarsen", {4}}}, 0.1)).equal(expected));
}

TEST(FieldScores, SkillIsOfTheChosenComponents) {
  const auto truth = at::zeros({2, 2}, at::kDouble);
  const auto members = at::tensor({1.0, 5.0, 2.0, 9.0, 3.0, 7.0, 2.0, 9.0}, at::kDouble).reshape({2, 2, 2});
  const auto chosen = at::tensor({1, 0, 1, 0}, at::kLong).reshape({2, 2}).to(at::kBool);
  const auto found = sda::skill(members, truth, chosen, 0);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->components, 2);
  EXPECT_NEAR(found->rmse, 2, exact_float64);                 // means 2 and 2
  EXPECT_NEAR(*found->spread, 1, exact_float64);              // variances 2 and 0
  EXPECT_NEAR(*found->crps, (1.0 + 2.0) / 2, exact_float64);  // mean |x − y| = 2 and 2, less |1 − 3| / 2 and 0
  EXPECT_EQ(found->ranks, (std::vector<std::int64_t>{2, 0, 0}));
  EXPECT_FALSE(sda::skill(members, truth, at::zeros({2, 2}, at::kBool), 0));
  EXPECT_THROW(sda::skill(members, truth, at::zeros({3, 2}, at::kBool), 0), sda::ShapeError);
}

TEST(FieldScores, SkillIsOfWhatHasValues) {
  auto y = observed({{"every", {2}}}, 0.1);
  y.layout.mask = at::ones({2, 4, 4}, at::kBool);
  y.layout.mask.select(0, 1).fill_(false);
  auto members = y.truth.unsqueeze(0).repeat({3, 1, 1, 1, 1});
  members.select(2, 1).fill_(1e6);  // whatever a member holds there
  const auto scores = sda::score_fields({y.layout, members, 0.0, "SDA"}, y, {}, nullptr, 0, 0);
  ASSERT_TRUE(scores.observed && scores.unobserved);
  EXPECT_EQ(scores.observed->components, 2 * 16);
  EXPECT_EQ(scores.unobserved->components, 2 * 16);
  EXPECT_NEAR(scores.observed->rmse + scores.unobserved->rmse, 0, exact_float64);
}

/// x → 2 x, with or without noise that is not drawn.
class Doubling final : public sda::Dynamics {
 public:
  explicit Doubling(bool stochastic = false) : stochastic_(stochastic) {}
  std::string name() const override { return "doubling"; }
  sda::StateLayout layout() const override { return flow(4, 4); }
  sda::Normalisation normalisation() const override { return sda::Normalisation::identity({2, 4, 4}); }
  sda::Tensor start(std::int64_t, const sda::StreamKey&, at::ScalarType) const override { return {}; }
  void advance(sda::Tensor& x, std::int64_t steps, const sda::StreamKey&) const override {
    x.mul_(std::pow(2.0, static_cast<double>(steps)));
  }
  bool is_stochastic() const override { return stochastic_; }
  sda::Tensor log_transition(const sda::Tensor&, const sda::Tensor&) const override { return {}; }

 private:
  bool stochastic_;
};

TEST(FieldScores, OneStepErrorComparesTransitionsWithTheSimulators) {
  // 1, 2, 4, 8 doubles; 1, 2, 4, 11 misses the last of three transitions by 3: √(9 / 3); both: √(3 / 2).
  const auto values = at::tensor({1.0, 2.0, 4.0, 8.0, 1.0, 2.0, 4.0, 11.0}, at::kDouble);
  const auto members = values.reshape({2, 4, 1, 1, 1}).expand({2, 4, 2, 4, 4});
  EXPECT_NEAR(sda::one_step_error(Doubling(), members, 3).value, std::sqrt(1.5), exact_float64);
  EXPECT_NEAR(sda::one_step_error(Doubling(), members.narrow(0, 1, 1), 99).value, std::sqrt(3.0), exact_float64);
  // The first and the last transition.
  EXPECT_NEAR(sda::one_step_error(Doubling(), members, 2).value, std::sqrt(9.0 / 4), exact_float64);
  EXPECT_EQ(values[7].item<double>(), 11.0);  // members are left as they were
  EXPECT_THROW(sda::one_step_error(Doubling(true), members, 3), sda::UnsupportedError);
  EXPECT_THROW(sda::one_step_error(Doubling(), members.narrow(1, 0, 1), 3), sda::ValueError);
}

/// Solved on twice the points that states have: a state is the averages of its solver's, which tell a flow this viscous
/// nearly whole.
TEST(FieldScores, OneStepErrorOfAFlowGoesThroughItsSolver) {
  const sda::KolmogorovFlow system({.reynolds = 50, .grid = 16, .solver_grid = 32});
  auto x = system.start(1, {.seed = 5, .purpose = sda::Purpose::initial_state}, at::kDouble);
  system.advance(x, 20, {});
  const auto states = system.trajectories(x, 4, {});
  const auto error = sda::one_step_error(system, states, 3).value;
  EXPECT_GT(error, 0);
  EXPECT_LT(error, 0.05 * states.std().item<double>());
}

TEST(FieldScores, AreAllThereForAVelocity) {
  const auto y = observed({{"every", {2}}}, 0.1);
  const sda::Ensemble ensemble{flow(4, 4), 2 * y.truth.unsqueeze(0).repeat({3, 1, 1, 1, 1}), 0.0, "SDA"};
  const auto scores = sda::score_fields(ensemble, y, {}, nullptr, 0, 0);
  EXPECT_EQ(scores.departures.size(), 1U);
  ASSERT_TRUE(scores.observed && scores.unobserved && scores.spectrum);
  EXPECT_EQ(scores.observed->components, 2 * 32);
  EXPECT_EQ(scores.unobserved->components, 2 * 32);
  EXPECT_NEAR(scores.spectrum->min, 4, exact_float64);
  EXPECT_NEAR(scores.spectrum->largest, 4, exact_float64);
  EXPECT_FALSE(scores.one_step);

  const auto against = sda::score_fields(ensemble, y, 4 * y.truth, nullptr, 0, 0);
  EXPECT_NEAR(against.spectrum->largest, 0.25, exact_float64);
  const Doubling doubling;
  const auto stepped = sda::score_fields(ensemble, y, {}, &doubling, 3, 0);
  ASSERT_TRUE(stepped.one_step && stepped.truth_one_step);
  EXPECT_NEAR(stepped.one_step->value, 2 * stepped.truth_one_step->value, exact_float64);
}

/// The solver's steps grow with the speed: an interpolation that ran away would take hours.
TEST(FieldScores, WhatIsFarFromTheSystemHasNoOneStepError) {
  const auto y = observed({{"every", {2}}}, 0.1);
  const Doubling doubling;
  const sda::Ensemble far{flow(4, 4), 1e3 * y.truth.unsqueeze(0), 0.0, "bicubic interpolation"};
  EXPECT_FALSE(sda::score_fields(far, y, {}, &doubling, 3, 0).one_step);
}

}  // namespace
