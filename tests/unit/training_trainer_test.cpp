/// AdamW against libtorch's, the decay laws by hand, and runs that stop and go on.
#include "sda/training/trainer.hpp"

#include <gtest/gtest.h>
#include <torch/optim/adamw.h>

#include <cmath>
#include <csignal>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/core/runtime.hpp"

namespace sda {
namespace {

TEST(LearningRate, FollowsItsLaw) {
  EXPECT_DOUBLE_EQ(learning_rate_factor("linear", 0, 4), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_factor("linear", 3, 4), 0.25);
  EXPECT_NEAR(learning_rate_factor("cosine", 2, 4), 0.5, 1e-15);
  EXPECT_NEAR(learning_rate_factor("exponential", 4, 4), std::exp(-7.0), 1e-15);
  EXPECT_THROW(learning_rate_factor("none", 0, 1), UsageError);
}

TEST(AdamW, EqualsLibtorchs) {
  Tensor ours = normal({1, 50}, {.seed = 1}).squeeze(0);
  Tensor m = at::zeros({50}), v = at::zeros({50});
  Tensor theirs = ours.clone().requires_grad_(true);
  torch::optim::AdamW optimiser({theirs}, torch::optim::AdamWOptions(1e-2).weight_decay(0.1));
  for (std::uint64_t step = 1; step <= 20; ++step) {
    const Tensor gradient = normal({1, 50}, {.seed = 2, .step = step}).squeeze(0);
    theirs.mutable_grad() = gradient.clone();
    optimiser.step();
    adamw_update(ours, gradient, m, v, static_cast<std::int64_t>(step), 1e-2, 0.1);
  }
  EXPECT_TRUE(at::allclose(ours, theirs.detach(), 1e-5, 1e-6));
}

class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() {
    data.layout = layout;
    // A smooth signal, so that there is something to learn.
    data.states = normal({20, 30, 2}, {.seed = 5}).cumsum(1) * 0.3;
    parameters.epochs = 6;
    parameters.batch = 7;
    parameters.validate_every = 2;
    parameters.average = 0.9;
  }
  Prior prior() const {
    Prior p;
    p.network_parameters = {.order = 1, .embedding = 8, .width = 16, .depth = 2};
    p.layout = layout;
    p.normalisation = Normalisation::identity(layout.event);
    p.network = make_network(p.network_parameters, layout.event, 3);
    return p;
  }
  Trainer trainer() const { return {prior(), parameters, data, data, 11}; }

  StateLayout layout{.event = {2}, .variables = {{"a", "a"}, {"b", "b"}}, .space_names = {}};
  Trajectories data;
  TrainingParameters parameters;
};

TEST_F(TrainerTest, LearnsAndReports) {
  parameters.epochs = 60;
  parameters.learning_rate = 5e-3;
  Trainer run = trainer();
  std::vector<double> losses;
  run.run({}, [&](const EpochReport& report) { losses.push_back(report.loss); });
  ASSERT_EQ(losses.size(), 60u);
  const TrainingState state = run.state();
  EXPECT_EQ(state.step, 60 * 3);
  EXPECT_EQ(state.losses, losses);
  EXPECT_LT(state.validation_losses.back(), 0.7 * losses.front());
}

TEST_F(TrainerTest, ResumedRunIsTheUninterruptedOneBitForBit) {
  Trainer whole = trainer();
  whole.run({}, {});

  Trainer first = trainer();
  TrainingState saved;
  const auto save = [&](const TrainingState& state) { saved = state; };
  const auto stop_after_three = [](const EpochReport& report) {
    if (report.epoch == 3) StopToken::raise_for_test(SIGTERM);
  };
  EXPECT_THROW(first.run(save, stop_after_three), Interrupted);
  StopToken::raise_for_test(0);
  ASSERT_EQ(saved.epoch, 3);
  Trainer second = trainer();
  second.resume(saved);
  second.run({}, {});

  EXPECT_TRUE(at::equal(second.state().weights, whole.state().weights));
  EXPECT_TRUE(at::equal(second.state().average, whole.state().average));
  EXPECT_TRUE(at::equal(second.state().second_moment, whole.state().second_moment));
  EXPECT_EQ(second.state().losses, whole.state().losses);
  EXPECT_EQ(second.state().validation_losses, whole.state().validation_losses);
}

TEST_F(TrainerTest, ResultHoldsTheAverage) {
  Trainer run = trainer();
  run.run({}, {});
  EXPECT_TRUE(at::equal(run.result().network->flat_values(), run.state().average));
  EXPECT_FALSE(at::equal(run.state().average, run.state().weights));
}

TEST_F(TrainerTest, RefusesAStateOfAnotherNetwork) {
  Trainer run = trainer();
  TrainingState state = run.state();
  state.weights = at::zeros({3});
  EXPECT_THROW(run.resume(state), ShapeError);
}

TEST_F(TrainerTest, RefusesWindowsLongerThanTrajectories) {
  data.states = data.states.narrow(1, 0, 2);
  EXPECT_THROW(trainer(), UsageError);
}

}  // namespace
}  // namespace sda
