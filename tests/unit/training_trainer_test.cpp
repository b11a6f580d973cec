/// AdamW against libtorch's, the decay laws by hand, and runs that stop and go on.
#include "sda/training/trainer.hpp"

#include <gtest/gtest.h>
#include <torch/optim/adamw.h>

#include <cmath>
#include <csignal>
#include <filesystem>

#include "core/torch.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/core/runtime.hpp"
#include "sda/diffusion/denoising.hpp"
#include "sda/prior/denoising_gradient.hpp"

namespace sda {
namespace {

TEST(LearningRate, FollowsItsLaw) {
  EXPECT_DOUBLE_EQ(learning_rate_factor(Decay::linear, 0, 4), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_factor(Decay::linear, 3, 4), 0.25);
  EXPECT_NEAR(learning_rate_factor(Decay::cosine, 2, 4), 0.5, 1e-15);
  EXPECT_NEAR(learning_rate_factor(Decay::exponential, 4, 4), std::exp(-7.0), 1e-15);
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
    AdamW(static_cast<std::int64_t>(step), 1e-2, 0.1)
        .update(ours.data_ptr<float>(), gradient.data_ptr<float>(), m.data_ptr<float>(), v.data_ptr<float>(), 50);
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
    p.network_parameters = network;
    p.layout = layout;
    p.normalisation = Normalisation::identity(layout.event);
    p.network = make_network(p.network_parameters, layout.event, 3);
    return p;
  }
  Trainer trainer() const { return {prior(), parameters, data, data, 11}; }

  StateLayout layout{.event = {2}, .variables = {{"a", "a"}, {"b", "b"}}, .space_names = {}};
  Trajectories data;
  TrainingParameters parameters;
  NetworkParameters network{.order = 1, .embedding = 8, .width = 16, .depth = 2};
};

/// The same for each kind of network.
class TrainerOfEach : public TrainerTest, public ::testing::WithParamInterface<const char*> {
 protected:
  TrainerOfEach() {
    if (std::string(GetParam()) == "resmlp") return;
    network = {.kind = NetworkKind::unet, .global = true, .window = 8, .embedding = 8};
    network.channels = {8, 16};
    network.blocks = {1, 1};
  }
};
INSTANTIATE_TEST_SUITE_P(, TrainerOfEach, ::testing::Values("resmlp", "unet"),
                         [](const auto& test) { return test.param; });

TEST_F(TrainerTest, StatesOnDiskAreAsGoodAsInMemory) {
  const test::ScratchFolder folder;
  const Normalisation normalisation{at::tensor({0.5, -1.0}, at::kDouble), at::tensor({2.0, 3.0}, at::kDouble)};
  StatesOnDisk parts(folder.file(""));
  for (const auto& [begin, n] : {std::pair{0, 13}, std::pair{13, 7}})
    parts.add({layout, data.states.narrow(0, begin, n)}, normalisation);
  TrainingStates mapped = parts.map();
  EXPECT_TRUE(std::filesystem::is_empty(folder.file(""))) << "the file has a name";
  const TrainingStates in_memory(data, normalisation);
  EXPECT_TRUE(at::equal(mapped.states(), in_memory.states()));
  mapped.expect(19, 25, 5);

  const auto weights_after = [&](const TrainingStates& states) {
    Trainer trainer(prior(), parameters, states, in_memory, 11);
    trainer.run([](const auto&) {}, [](const auto&) {});
    return trainer.state().weights.clone();
  };
  EXPECT_TRUE(at::equal(weights_after(mapped), weights_after(in_memory)));

  EXPECT_THROW(parts.add({layout, data.states.narrow(1, 0, 29)}, normalisation), ShapeError);
  EXPECT_THROW(StatesOnDisk(folder.file("none")), FileError);
}

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

TEST_P(TrainerOfEach, ResumedRunIsTheUninterruptedOneBitForBit) {
  Trainer whole = trainer();
  whole.run({}, {});

  Trainer first = trainer();
  TrainingState saved;
  const auto save = [&](const TrainingState& state) { saved = state; };
  const auto stop_after_three = [](const EpochReport& report) {
    if (report.epoch == 3) StopToken::request(SIGTERM);
  };
  EXPECT_THROW(first.run(save, stop_after_three), Interrupted);
  StopToken::request(0);
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

/// A long epoch is not waited for: stopped after each batch, and gone on each time, it is the same run.
TEST_P(TrainerOfEach, StopsWithinAnEpoch) {
  parameters.epochs = 2;
  Trainer whole = trainer();
  whole.run({}, {});

  TrainingState saved = trainer().state();
  int stops = 0;
  while (saved.epoch < parameters.epochs) {
    Trainer part = trainer();
    part.resume(saved);
    StopToken::request(SIGTERM);
    EXPECT_THROW(part.run([&](const TrainingState& state) { saved = state; }, {}), Interrupted);
    StopToken::request(0);
    ASSERT_EQ(saved.step, ++stops);
  }
  EXPECT_EQ(stops, 2 * 3);
  EXPECT_TRUE(at::equal(saved.weights, whole.state().weights));
  EXPECT_EQ(saved.losses, whole.state().losses);
}

TEST_P(TrainerOfEach, SameBitsForAnyNumberOfThreads) {
  data.states = normal({200, 30, 2}, {.seed = 5});
  parameters.batch = 150;
  parameters.epochs = 2;
  const int threads_before = at::get_num_threads();
  at::set_num_threads(1);
  Trainer one = trainer();
  one.run({}, {});
  at::set_num_threads(3);
  Trainer three = trainer();
  three.run({}, {});
  at::set_num_threads(threads_before);
  EXPECT_TRUE(at::equal(one.state().weights, three.state().weights));
  EXPECT_TRUE(at::equal(one.state().average, three.state().average));
  EXPECT_EQ(one.state().losses, three.state().losses);
}

// Draws are functions of (seed, purpose, row, step): what one step sees, made here by other means.
class DocumentedDraws : public TrainerTest {
 protected:
  DocumentedDraws() {
    parameters.epochs = 1;
    parameters.batch = 20;
    parameters.average = 0;
  }
  /// What the only step's loss must be; `move` is what is done to a window by the further draws of its trajectory.
  double expected_loss(const std::function<Tensor(Tensor, const double*)>& move) const {
    const StreamKey order_key{.seed = 11, .purpose = Purpose::training_window, .first_member = 20};
    const StreamKey place_key{.seed = 11, .purpose = Purpose::training_window};
    const auto axes = static_cast<std::int64_t>(parameters.shifts.size());
    const Tensor u = uniform({20, 1 + axes}, place_key, at::kDouble);
    std::vector<Tensor> windows;
    for (const std::int64_t i : permutation(20, order_key)) {
      const double* draws = u[i].data_ptr<double>();
      windows.push_back(move(data.states[i].narrow(0, static_cast<std::int64_t>(draws[0] * 28), 3), draws + 1));
    }
    const Tensor t = uniform({20, 1}, {.seed = 11, .purpose = Purpose::training_time}).squeeze(1);
    const Tensor x = at::stack(windows);
    const Tensor epsilon = normal(x.sizes(), {.seed = 11, .purpose = Purpose::training_noise});
    const Tensor times = t.to(at::kDouble).pow(parameters.time_exponent).to(at::kFloat);
    const Prior p = prior();
    const Tensor weights = p.network->flat_values();
    const auto gradient = make_denoising_gradient(p.network, weights, at::zeros_like(weights), Precision::automatic);
    return gradient->evaluate(perturb(NoiseSchedule(), x, times, epsilon), times, epsilon);
  }
  double loss_of_the_step() const {
    Trainer run = trainer();
    run.run({}, {});
    return run.state().losses.front();
  }
};

TEST_F(DocumentedDraws, OfAWindowATimeAndNoise) {
  EXPECT_EQ(loss_of_the_step(), expected_loss([](Tensor window, const double*) { return window; }));
}

TEST_F(DocumentedDraws, OfTimesNearerToZero) {
  parameters.time_exponent = 2.5;
  EXPECT_EQ(loss_of_the_step(), expected_loss([](Tensor window, const double*) { return window; }));
}

TEST_F(DocumentedDraws, OfHowFarAWindowIsMoved) {
  layout = {.event = {2, 3, 8}, .variables = {{"a", "a"}, {"b", "b"}}, .space_names = {"x", "y"}};
  data.layout = layout;
  data.states = normal({20, 30, 2, 3, 8}, {.seed = 5});
  parameters.shifts = {1, 2};
  EXPECT_EQ(loss_of_the_step(), expected_loss([](Tensor window, const double* draws) {
              const auto x = static_cast<std::int64_t>(draws[0] * 3), y = static_cast<std::int64_t>(draws[1] * 4) * 2;
              return at::roll(window, {x, y}, {2, 3});
            }));
  parameters.shifts = {1, 0};
  EXPECT_EQ(loss_of_the_step(), expected_loss([](Tensor window, const double* draws) {
              return at::roll(window, {static_cast<std::int64_t>(draws[0] * 3)}, {2});
            }));
}

TEST_F(DocumentedDraws, OfShiftsThatFitTheGrid) {
  parameters.shifts = {1};
  EXPECT_THROW(trainer(), UsageError);  // no axis of space
  layout = {.event = {2, 8}, .variables = {{"a", "a"}, {"b", "b"}}, .space_names = {"x"}};
  data.layout = layout;
  data.states = normal({20, 30, 2, 8}, {.seed = 5});
  parameters.shifts = {3};
  EXPECT_THROW(trainer(), UsageError);
  parameters.shifts = {4};
  EXPECT_NO_THROW(trainer());
}

TEST_F(TrainerTest, MovesOnlyWhatIsPeriodicAndLeavesTheContextAsItIs) {
  data.layout = {.event = {1, 8, 8}, .variables = {{"a", "a"}}, .space_names = {"x", "y"}};
  data.states = normal({4, 5, 1, 8, 8}, {.seed = 5});
  Prior p;
  p.network_parameters = {.kind = NetworkKind::unet, .order = 1, .embedding = 8, .padding = Padding::circular};
  p.network_parameters.channels = {4};
  p.network_parameters.blocks = {1};
  p.layout = data.layout;
  p.normalisation = Normalisation::identity(p.layout.event);
  p.context = at::arange(8).remainder(4).to(at::kFloat).view({1, 1, 8}).expand({1, 8, 8}).contiguous();
  p.network = make_network(p.network_parameters, p.layout.event, 3, p.context);
  const auto with_shifts = [&](const std::vector<std::int64_t>& shifts) {
    parameters.shifts = shifts;
    return Trainer(p, parameters, data, data, 11);
  };
  EXPECT_NO_THROW(with_shifts({1, 4}));
  EXPECT_THROW(with_shifts({1, 2}), UsageError);  // the context has period 4
  p.layout.mask = at::ones({1, 8, 8}, at::kBool);
  p.layout.mask.select(1, 3).fill_(false);  // land in a strip
  EXPECT_NO_THROW(with_shifts({0, 4}));
  EXPECT_THROW(with_shifts({1, 4}), UsageError);
  p.layout.mask = Tensor();
  p.network_parameters.padding = Padding::zeros;
  EXPECT_THROW(with_shifts({1, 4}), UsageError);
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
