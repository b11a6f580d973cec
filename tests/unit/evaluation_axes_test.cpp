/// Scores on grids whose cells differ: by hand, of two points.
#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/evaluation/field_scores.hpp"
#include "sda/evaluation/metrics.hpp"
#include "sda/evaluation/spectrum.hpp"
#include "tolerance.hpp"

namespace sda::test {
namespace {

using tolerance::exact_float64;

/// Two members (member, time, point) of two points: 0 and 2, 1 and 5. The truth is 0.
Tensor two_members() {
  return at::tensor({0.0, 1.0, 2.0, 5.0}, at::kDouble).view({2, 1, 2});
}

/// One variable on two latitudes.
StateLayout two_latitudes() {
  return {.event = {1, 2, 2},
          .variables = {{"u", "u"}},
          .space_names = {"lat", "lon"},
          .coordinates = {{{0, 60}, "degrees_north"}, {{10, 20}, "degrees_east"}}};
}

}  // namespace

TEST(WeightedScores, EachComponentWeighsAsItsCell) {
  const Tensor members = two_members(), truth = at::zeros({1, 2}, at::kDouble);
  const Tensor weight = at::tensor({3.0, 1.0}, at::kDouble);
  EXPECT_NEAR(rmse(members, truth), std::sqrt((1.0 + 9.0) / 2), exact_float64);
  EXPECT_NEAR(rmse(members, truth, weight), std::sqrt((3 * 1.0 + 9.0) / 4), exact_float64);
  EXPECT_NEAR(spread(members, weight), std::sqrt((3 * 2.0 + 8.0) / 4), exact_float64);
  // Fair: |x − y| on average, less half of |x − x'|: 1 − 1 and 3 − 2.
  EXPECT_NEAR(crps(members, truth, weight).value, (3 * 0.0 + 1.0) / 4, exact_float64);
  EXPECT_NEAR(crps(members, truth).value, 0.5, exact_float64);
  const auto found = skill(members, truth, at::ones({1, 2}, at::kBool), 0, weight);
  EXPECT_NEAR(found->rmse, std::sqrt(3.0), exact_float64);
  EXPECT_NEAR(*found->crps, 0.25, exact_float64);
  const auto second = skill(members, truth, at::tensor({0, 1}).to(at::kBool).view({1, 2}), 0, weight);
  EXPECT_NEAR(second->rmse, 3, exact_float64);
}

TEST(WeightedScores, LatitudesWeighAsTheirZones) {
  const StateLayout layout = two_latitudes();
  // Cells of 60° about 0° and 60°, the latter up to the pole: sin 30° − sin −30° and 1 − sin 30°.
  const double a = 1, b = 0.5;
  const Tensor truth = normal({2, 1, 2, 2}, {.seed = 1}, at::kDouble);
  const auto y = observe(truth, layout, Normalisation::identity(layout.event), {}, GaussianNoise({0.5}), "all", 1, 0);
  const Tensor error = at::tensor({1.0, 1.0, 3.0, 3.0}, at::kDouble).view({1, 2, 2});
  const Ensemble ensemble{layout, at::stack({truth + error, truth + error}), 0.0, "SDA"};
  const auto scores = score_ensemble(ensemble, y, nullptr, {}, 0);
  EXPECT_NEAR(*scores.rmse, std::sqrt((a * 1 + b * 9) / (a + b)), exact_float64);
  const auto of_fields = score_fields(ensemble, y, {}, nullptr, 0, 0);
  EXPECT_NEAR(of_fields.observed->rmse, std::sqrt((a * 1 + b * 9) / (a + b)), exact_float64);
}

TEST(WeightedScores, AMaskTakesTheWeightsOut) {
  StateLayout layout = two_latitudes();
  layout.mask = at::tensor({1, 0, 1, 1}).to(at::kBool).view({1, 2, 2});
  const Tensor truth = at::zeros({1, 1, 2, 2}, at::kDouble);
  const auto y = observe(truth, layout, Normalisation::identity(layout.event), {}, GaussianNoise({0.5}), "all", 1, 0);
  const Tensor error = at::tensor({1.0, 100.0, 3.0, 5.0}, at::kDouble).view({1, 2, 2});
  const auto scores =
      score_ensemble({layout, at::stack({truth + error, truth + error}), 0.0, "SDA"}, y, nullptr, {}, 0);
  EXPECT_NEAR(*scores.rmse, std::sqrt((1 + 0.5 * 9 + 0.5 * 25) / 2), exact_float64);
}

TEST(WeightedScores, ThereIsNoSpectrumOfUnequalSteps) {
  StateLayout layout{.event = {2, 4, 4},
                     .variables = {{"u", "u"}, {"v", "v"}},
                     .space_names = {"y", "x"},
                     .coordinates = {{{0, 1, 3, 7}, "m"}, {{0, 1, 2, 3}, "m"}}};
  EXPECT_FALSE(has_spectrum(layout));
  EXPECT_THROW(energy_spectrum(at::zeros({2, 4, 4}), layout), ShapeError);
  layout.coordinates[0].values = {0, 2, 4, 6};
  EXPECT_TRUE(has_spectrum(layout));
}

}  // namespace sda::test
