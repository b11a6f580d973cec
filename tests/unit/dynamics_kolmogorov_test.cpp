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

TEST(Kolmogorov, MembersOfAnUnknownReynoldsNumberFlowAsThoseOfTheirOwn) {
  const KolmogorovParameters parameters{.reynolds_range = {50, 400}, .grid = 8, .solver_grid = 16};
  const auto unknown = make_dynamics({.system = "kolmogorov", .kolmogorov = parameters});
  EXPECT_EQ(unknown->layout().event, (Shape{3, 8, 8}));
  EXPECT_EQ(unknown->layout().variables.back().name, "log_reynolds");
  Tensor x = unknown->start(3, {.seed = 4}, at::kDouble);
  const Tensor first = x.clone(), numbers = first.select(1, 2).select(-1, 0).select(-1, 0).exp();
  EXPECT_GT(numbers.min().item<double>(), 50);
  EXPECT_LT(numbers.max().item<double>(), 400);
  EXPECT_GT((numbers.max() / numbers.min()).item<double>(), 1.1);
  unknown->advance(x, 5, {});
  EXPECT_TRUE(at::equal(x.select(1, 2), first.select(1, 2)));
  for (std::int64_t m = 0; m < 3; ++m) {
    auto own = parameters;
    own.reynolds_range = {};
    own.reynolds = numbers[m].item<double>();
    const auto known = make_dynamics({.system = "kolmogorov", .kolmogorov = own});
    Tensor velocity = first.narrow(0, m, 1).narrow(1, 0, 2).contiguous();
    known->advance(velocity, 5, {});
    EXPECT_LT((x.narrow(0, m, 1).narrow(1, 0, 2) - velocity).abs().max().item<double>(), 1e-12) << m;
  }
  const Tensor state = unknown->to_state(x), again = unknown->to_state(unknown->to_solver(state));
  EXPECT_TRUE(at::allclose(again.select(1, 2), state.select(1, 2), 1e-12));
  // Normalised, the logarithm has mean 0 and standard deviation 1 / (3 grid).
  const Tensor many =
      3 * 8 * unknown->normalisation().normalise(unknown->to_state(unknown->start(4000, {}, at::kDouble)));
  EXPECT_NEAR(many.select(1, 2).mean().item<double>(), 0, 0.06);
  EXPECT_NEAR(many.select(1, 2).square().mean().item<double>(), 1, 0.06);
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
           {"reynolds_range", {.system = "kolmogorov", .kolmogorov = {.reynolds_range = {100}}}},
           {"reynolds_range", {.system = "kolmogorov", .kolmogorov = {.reynolds_range = {100, 50}}}},
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
