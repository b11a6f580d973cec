// What a Kolmogorov flow is told and tells; what it does is in tests/verification.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/dynamics/systems.hpp"

namespace sda {
namespace {

using testing::HasSubstr;

TEST(Kolmogorov, ThePapersStates) {
  const auto flow = make_dynamics({.system = "kolmogorov"});
  const StateLayout layout = flow->layout();
  EXPECT_EQ(layout.event, (Shape{2, 64, 64}));
  EXPECT_EQ(flow->solver_event(), (Shape{2, 256, 256}));
  EXPECT_DOUBLE_EQ(layout.dt, 0.2);
  EXPECT_EQ(layout.space_names, (std::vector<std::string>{"x", "y"}));
  EXPECT_DOUBLE_EQ(layout.spacing_of(1), 2 * std::numbers::pi / 64);
  EXPECT_FALSE(flow->is_stochastic());
}

// Speed 5 crosses 0.2 × 5 / (2π / 256) = 40.7 cells in a transition.
TEST(Kolmogorov, StepsAreLimitedByCellsCrossed) {
  const auto steps = [](double cfl, double max_speed = 5) {
    return make_dynamics({.system = "kolmogorov", .kolmogorov = {.cfl = cfl, .max_speed = max_speed}})->solver_steps();
  };
  EXPECT_EQ(steps(0.5), 82);  // the paper's
  EXPECT_EQ(steps(1.0), 41);
  EXPECT_EQ(steps(0.5, 2.5), 41);
}

TEST(Kolmogorov, ContextIsTheForcingAtTheCentresOfCells) {
  const auto flow =
      make_dynamics({.system = "kolmogorov", .kolmogorov = {.forcing_wavenumber = 1, .grid = 4, .solver_grid = 8}});
  const float half = static_cast<float>(std::sqrt(0.5));
  const Tensor along_y = at::tensor({half, half, -half, -half}, at::kFloat);
  EXPECT_TRUE(at::allclose(flow->context(), along_y.expand({1, 4, 4}), 0, 1e-7));
}

TEST(Kolmogorov, BlockAverage) {
  const Tensor field = at::arange(16, at::kDouble).reshape({1, 2, 8}), expected = at::tensor({4.5, 6.5, 8.5, 10.5});
  EXPECT_TRUE(at::equal(block_average(field, 2), expected.to(at::kDouble).reshape({1, 1, 4})));
  EXPECT_TRUE(at::equal(block_average(field, 1), field));
  EXPECT_THROW(block_average(field, 3), ShapeError);
  EXPECT_THROW(block_average(at::zeros({4}), 1), ShapeError);
}

struct Refused {
  std::string key;
  DynamicsParameters parameters;
};

TEST(Kolmogorov, RefusesWhatDoesNotFit) {
  for (const auto& [key, parameters] : std::vector<Refused>{
           {"grid", {.system = "kolmogorov", .kolmogorov = {.grid = 7}}},
           {"solver_grid", {.system = "kolmogorov", .kolmogorov = {.grid = 64, .solver_grid = 96}}},
           {"solver_grid", {.system = "kolmogorov", .kolmogorov = {.grid = 64, .solver_grid = 32}}},
           {"forcing_wavenumber",
            {.system = "kolmogorov", .kolmogorov = {.forcing_wavenumber = 5, .grid = 8, .solver_grid = 8}}},
           {"reynolds", {.system = "kolmogorov", .kolmogorov = {.reynolds = 0}}},
           {"cfl", {.system = "kolmogorov", .kolmogorov = {.cfl = 2}}},
           {"noise", {.system = "kolmogorov", .noise = 0.1}},
           {"substeps", {.system = "kolmogorov", .substeps = 2}}}) {
    try {
      make_dynamics(parameters);
      ADD_FAILURE() << key << " was taken";
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr("dynamics." + key + ":"));
    }
  }
}

TEST(Kolmogorov, NobodyStaysNobody) {
  const auto flow = make_dynamics({.system = "kolmogorov", .kolmogorov = {.grid = 8, .solver_grid = 16}});
  Tensor nobody = flow->start(0, {});
  flow->advance(nobody, 1, {});
  EXPECT_EQ(flow->trajectories(nobody, 3, {}).sizes(), (Shape{0, 3, 2, 8, 8}));
}

}  // namespace
}  // namespace sda
