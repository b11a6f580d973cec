/// Plans of steps, worked out by hand.
#include "sda/sampling/step_plan.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "sampling/churn.hpp"
#include "sampling/integration.hpp"

namespace sda {
namespace {

const NoiseSchedule schedule;

template <class Kind>
const Kind& step(const StepPlan& plan, std::size_t stage, std::size_t number = 0) {
  return std::get<Kind>(plan.at(stage).steps.at(number));
}

TEST(StepPlan, WithoutNoiseIsTheExponentialIntegrator) {
  const StepPlan plan = step_plan(schedule, {.steps = 4, .grid = TimeGrid::uniform, .churn = 0, .corrections = 0});
  ASSERT_EQ(plan.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    const double from = 1 - 0.25 * static_cast<double>(i), to = from - 0.25;
    EXPECT_EQ(plan[i].to, to);
    ASSERT_EQ(plan[i].steps.size(), 1U);
    const auto& s = step<AffineStep>(plan, i);
    const auto [r, c] = ExponentialStep::between(schedule, from, to);
    EXPECT_EQ(s.t, from);
    EXPECT_EQ(s.q, 1);
    EXPECT_FALSE(s.z);
    EXPECT_NEAR(s.a, r, 1e-13);
    ASSERT_EQ(s.w.size(), 1U);
    EXPECT_NEAR(s.w[0], c, 1e-12);
    EXPECT_EQ(s.kept, 0);
  }
}

TEST(StepPlan, RemembersAsManyEvaluationsAsTheOrderAsks) {
  const StepPlan plan =
      step_plan(schedule, {.steps = 4, .grid = TimeGrid::uniform, .order = 3, .churn = 0, .corrections = 1});
  const std::vector<std::size_t> weights{1, 2, 3, 3};
  const std::vector<std::int64_t> kept{1, 2, 2, 2};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto& s = step<AffineStep>(plan, i);
    EXPECT_EQ(s.w.size(), weights[i]);
    EXPECT_EQ(s.kept, kept[i]);
  }
  // The weights integrate a constant ε over ds exactly.
  const auto& last = step<AffineStep>(plan, 3).w;
  EXPECT_NEAR(last[0] + last[1] + last[2], schedule.mu(0) * (schedule.ratio(0) - schedule.ratio(0.25)), 1e-12);
}

TEST(StepPlan, ChurnAsksAtANoisierTimeAndHasADrawOfItsOwn) {
  const StepPlan plan = step_plan(schedule, {.steps = 4, .grid = TimeGrid::uniform, .churn = 0.5, .corrections = 0});
  const auto& s = step<AffineStep>(plan, 2);  // from 0.5 to 0.25
  const Churn churn = Churn::within(schedule, 0.5, 0.25, 0.5);
  ASSERT_GT(churn.delta, 0);
  ASSERT_TRUE(s.z);
  EXPECT_EQ(s.z->purpose, Purpose::sampler_churn);
  EXPECT_EQ(s.z->number, 2U);
  EXPECT_EQ(s.t, churn.time);
  EXPECT_GT(s.t, 0.5);
  // x_e = μ_e (u + ½ √(2δ) s_e z) and x ← … + μ' (√(2δ) s_e z − δ s_e ε)
  const double kick = std::sqrt(2 * churn.delta) * churn.ratio;
  EXPECT_NEAR(s.q, schedule.mu(churn.time) / schedule.mu(0.5), 1e-14);
  EXPECT_NEAR(s.p, schedule.mu(churn.time) * kick / 2, 1e-14);
  EXPECT_NEAR(s.b, schedule.mu(0.25) * kick, 1e-14);
  EXPECT_NEAR(s.c, -schedule.mu(0.25) * churn.delta * churn.ratio, 1e-14);
}

TEST(StepPlan, CorrectionsFollowEachStepAndCountTheirDraws) {
  const StepPlan langevin =
      step_plan(schedule, {.steps = 2, .grid = TimeGrid::uniform, .churn = 0, .corrections = 3, .tau = 0.4});
  ASSERT_EQ(langevin[1].steps.size(), 4U);
  const auto& second = step<LangevinStep>(langevin, 1, 2);
  EXPECT_EQ(second.t, 0);
  EXPECT_EQ(second.sigma, schedule.sigma(0));
  EXPECT_EQ(second.tau, 0.4);
  EXPECT_EQ(second.z.purpose, Purpose::sampler_correction);
  EXPECT_EQ(second.z.number, 4U);  // after the first stage's three and this one's first

  const SamplerParameters parameters{.steps = 2,
                                     .grid = TimeGrid::uniform,
                                     .churn = 0,
                                     .corrections = 1,
                                     .corrector = Corrector::leimkuhler_matthews,
                                     .tau = 1};
  const auto s = std::get<AffineStep>(step_plan(schedule, parameters)[0].steps.at(1));
  EXPECT_EQ(s.a, 1);
  EXPECT_TRUE(s.w.empty());
  EXPECT_NEAR(schedule.ratio(s.t), schedule.ratio(0.5) * std::sqrt(2), 1e-9);
}

TEST(StepPlan, HasNoiseWithinItsTimesAlone) {
  const StepPlan plan = step_plan(
      schedule,
      {.steps = 4, .grid = TimeGrid::uniform, .churn = 0.5, .corrections = 1, .noise_from = 0.5, .noise_until = 0.25});
  EXPECT_EQ(plan[0].steps.size(), 1U);        // to 0.75
  EXPECT_EQ(plan[1].steps.size(), 2U);        // to 0.5
  EXPECT_EQ(plan[2].steps.size(), 2U);        // to 0.25
  EXPECT_EQ(plan[3].steps.size(), 1U);        // to 0
  EXPECT_FALSE(step<AffineStep>(plan, 1).z);  // from 0.75
  EXPECT_TRUE(step<AffineStep>(plan, 2).z);   // from 0.5
  EXPECT_TRUE(step<AffineStep>(plan, 3).z);   // from 0.25
}

TEST(StepPlan, CountsEvaluations) {
  EXPECT_EQ(evaluations(step_plan(schedule, {.steps = 5, .grid = TimeGrid::uniform, .churn = 0, .corrections = 2})),
            15);
  EXPECT_EQ(evaluations(step_plan(
                schedule,
                {.steps = 5, .grid = TimeGrid::uniform, .predictor = Predictor::heun, .churn = 0, .corrections = 1})),
            15);
  EXPECT_EQ(evaluations(step_plan(schedule, {.steps = 5, .grid = TimeGrid::uniform, .churn = 1, .corrections = 0})), 5);
}

}  // namespace
}  // namespace sda
