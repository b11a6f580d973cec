/// The use case by itself: what an ensemble hangs on, and what it does not.
#include "sda/assimilation/assimilate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "small_prior.hpp"
#include "tolerance.hpp"

namespace sda {
namespace {

using test::seen, test::small_prior;
using testing::HasSubstr;

constexpr std::int64_t length = 9;

PosteriorParameters short_sampling() {
  return {.guidance = {.rule = "sda", .gamma = {1}},
          .sampler =
              {.steps = 3, .grid = TimeGrid::uniform, .churn = 0, .corrections = 2, .corrector = Corrector::langevin},
          .assimilation = {.members = 5, .bound = 0}};
}

double largest_difference(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
}

TEST(Assimilate, GivesMembersInBothUnitsAndTheirCost) {
  const Prior prior = small_prior();
  const Observations y = seen(prior, length);
  const Assimilation result = assimilate(prior, y, short_sampling(), 4);
  EXPECT_EQ(result.ensemble.members.sizes(), (at::IntArrayRef{5, length, 2}));
  EXPECT_TRUE(at::equal(result.ensemble.members, prior.normalisation.denormalise(result.normalised)));
  EXPECT_EQ(result.ensemble.layout.dt, 0.5);
  EXPECT_EQ(result.ensemble.method, "SDA");
  // 3 steps of a predictor and 2 corrections, each a forward pass and a VJP.
  EXPECT_EQ(result.cost.evaluations, 18);
  EXPECT_GT(result.cost.seconds, 0);
  EXPECT_DOUBLE_EQ(result.departure_over_sigma, y.departure_over_sigma(result.normalised));
}

/// Little memory, and so many chunks, is no other ensemble and no other cost.
TEST(Assimilate, ChunksChangeNothingButRounding) {
  const Prior prior = small_prior();
  const Observations y = seen(prior, length);
  PosteriorParameters parameters = short_sampling();
  const Assimilation whole = assimilate(prior, y, parameters, 4);
  parameters.assimilation.memory = 6000;
  const AssimilationPlan plan = plan_assimilation(prior, y, parameters.assimilation);
  ASSERT_GE(plan.chunks, 3);
  const Assimilation parts = assimilate(prior, y, parameters, 4);
  EXPECT_LT(largest_difference(parts.normalised, whole.normalised), tolerance::exact_float32);
  EXPECT_EQ(parts.cost.evaluations, whole.cost.evaluations);
}

/// So an ensemble can be shared out over machines.
TEST(Assimilate, AnEnsembleDrawnInPartsIsTheEnsembleDrawnWhole) {
  const Prior prior = small_prior();
  const Observations y = seen(prior, length);
  PosteriorParameters parameters = short_sampling();
  const Tensor whole = assimilate(prior, y, parameters, 4).normalised;
  parameters.assimilation.members = 2;
  parameters.assimilation.first_member = 3;
  EXPECT_LT(largest_difference(assimilate(prior, y, parameters, 4).normalised, whole.narrow(0, 3, 2)),
            tolerance::exact_float32);
}

TEST(Assimilate, ProgressCountsStepsOfAllChunksAndCanStop) {
  const Prior prior = small_prior();
  const Observations y = seen(prior, length);
  PosteriorParameters parameters = short_sampling();
  parameters.assimilation.memory = 6000;
  const std::int64_t steps = 3 * plan_assimilation(prior, y, parameters.assimilation).chunks;
  std::vector<std::int64_t> seen_done;
  assimilate(prior, y, parameters, 4, [&](std::int64_t done, std::int64_t total, const std::string&) {
    EXPECT_EQ(total, steps);
    seen_done.push_back(done);
  });
  ASSERT_EQ(std::ssize(seen_done), steps);
  for (std::int64_t i = 0; i < steps; ++i) EXPECT_EQ(seen_done[static_cast<std::size_t>(i)], i + 1);

  struct Enough {};
  std::int64_t calls = 0;
  const auto stop = [&](std::int64_t, std::int64_t, const std::string&) {
    if (++calls == 2) throw Enough{};
  };
  EXPECT_THROW(assimilate(prior, y, parameters, 4, stop), Enough);
  EXPECT_EQ(calls, 2);
}

TEST(Assimilate, TakesTheMeanForWhatIsNoState) {
  const Prior prior = small_prior();
  const Observations y = seen(prior, length);
  PosteriorParameters parameters = short_sampling();
  const Tensor free = assimilate(prior, y, parameters, 4).normalised;
  parameters.assimilation.bound = 0.01;
  EXPECT_GT(largest_difference(assimilate(prior, y, parameters, 4).normalised, free), 0.01);
}

std::string refusal(const Prior& prior, const Observations& y) {
  try {
    assimilate(prior, y, short_sampling(), 4);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Assimilate, RefusesObservationsOfAnotherSystem) {
  Prior prior = small_prior();
  const Observations y = seen(prior, length);
  prior.layout.dt = 0.25;
  EXPECT_EQ(refusal(prior, y), "the prior: its time step is not the one of the observations: found 0.25, expected 0.5");
  prior.normalisation.std = at::full({1}, 4.0, at::kDouble);
  EXPECT_THAT(refusal(prior, y), HasSubstr("its normalisation is not the one of the observations"));
  prior.layout.event = {3};
  EXPECT_THAT(refusal(prior, y), HasSubstr("its states are not of the size that was observed"));
}

}  // namespace
}  // namespace sda
