/// The same again: after a stop signal, with the same seed, with another thread count.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "core/torch.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/model.hpp"
#include "tolerance.hpp"
#include "tools.hpp"
#include "workshop.hpp"

namespace sda::test {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

Workshop& shop() {
  return Workshop::shared();
}

void expect_bitwise_equal_weights(const std::string& a, const std::string& b) {
  const auto p = read_model(a).prior.network->parameters(), q = read_model(b).prior.network->parameters();
  ASSERT_EQ(p.size(), q.size());
  for (std::size_t i = 0; i < p.size(); ++i) EXPECT_TRUE(at::equal(p[i].value, q[i].value)) << p[i].name;
}

class Stopped : public testing::TestWithParam<int> {};

TEST_P(Stopped, TrainingGoesOnBitForBit) {
  const ScratchFolder folder;
  // A second of training where nothing else runs, so that the signal finds it at work.
  const std::vector<std::string> recipe{"train", "--data", shop().data(),         "--epochs", "40000", "--seed",
                                        "3",     "--set",  "training.average=0.9"};
  const auto train = [&](const std::string& output, const std::vector<std::string>& more, RunOptions options = {}) {
    auto arguments = recipe;
    arguments.insert(arguments.end(), {"-o", folder.file(output)});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, options);
  };
  const auto stopped = train("m.nc", {}, {.signal = GetParam(), .signal_when = "training"});
  ASSERT_EQ(stopped.code, 128 + GetParam()) << stopped.out << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("sda: error: stopped by SIG"));
  EXPECT_THAT(stopped.err, HasSubstr("--resume"));
  EXPECT_EQ(stopped.out, "");
  EXPECT_THAT(folder.names(), UnorderedElementsAre("m.checkpoint.nc"));
  const auto epoch = read_model(folder.file("m.checkpoint.nc")).training->epoch;
  EXPECT_GT(epoch, 0);
  EXPECT_LT(epoch, 40000);

  const auto resumed = train("m.nc", {"--resume"});
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(folder.names(), UnorderedElementsAre("m.nc"));
  ASSERT_EQ(train("whole.nc", {}).code, 0);
  expect_bitwise_equal_weights(folder.file("m.nc"), folder.file("whole.nc"));
}
INSTANTIATE_TEST_SUITE_P(BySignal, Stopped, testing::Values(SIGTERM, SIGINT),
                         [](const auto& row) { return row.param == SIGTERM ? "Terminate" : "Interrupt"; });

TEST(Repeat, ResumeRefusesAnotherRecipe) {
  const ScratchFolder folder;
  const auto stopped = run_program({"train", "--data", shop().data(), "--epochs", "1000000", "-o", folder.file("m.nc")},
                                   {.signal = SIGTERM, .signal_when = "training"});
  ASSERT_EQ(stopped.code, 143) << stopped.err;
  const auto other = run_program({"train", "--data", shop().data(), "--epochs", "1000000", "-o", folder.file("m.nc"),
                                  "--resume", "--set", "training.batch=2"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("found batch = 2, expected batch = 4"));
  const auto seed = run_program(
      {"train", "--data", shop().data(), "--epochs", "1000000", "-o", folder.file("m.nc"), "--resume", "--seed", "9"});
  EXPECT_EQ(seed.code, 2);
  EXPECT_THAT(seed.err, HasSubstr("found --seed 9, expected 0"));
  EXPECT_THAT(folder.names(), UnorderedElementsAre("m.checkpoint.nc"));
}

TEST(Repeat, SimulationGoesOnBitForBitAfterAStop) {
  const ScratchFolder folder;
  // Seconds of simulation, a few trajectories at once, each of them saved.
  const auto simulate = [&](const std::string& output, const std::vector<std::string>& more, RunOptions options = {}) {
    std::vector<std::string> arguments{"simulate", "-o", folder.file(output), "--seed", "3"};
    for (const char* setting : {"dynamics.system=lorenz96", "dynamics.sites=16384", "simulation.trajectories=160",
                                "simulation.length=2", "simulation.spin_up=200", "simulation.save_minutes=1e-6"}) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, options);
  };
  const auto stopped = simulate("data", {}, {.signal = SIGTERM, .signal_when = "saved"});
  ASSERT_EQ(stopped.code, 128 + SIGTERM) << stopped.out << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("sda: error: stopped by SIG"));
  EXPECT_THAT(stopped.err, HasSubstr("--resume"));
  EXPECT_EQ(stopped.out, "");
  EXPECT_FALSE(std::filesystem::exists(folder.file("data/train.nc")));

  const auto other = simulate("data", {"--resume", "--set", "simulation.length=3"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("found length = 3, expected length = 2"));

  const auto resumed = simulate("data", {"--resume"});
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("going on after trajectory"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("data/partial")));
  ASSERT_EQ(simulate("whole", {"--threads", "3"}).code, 0);
  for (const char* part : {"train.nc", "valid.nc", "test.nc"}) {
    EXPECT_TRUE(at::equal(read_trajectories(folder.file(std::string("data/") + part)).trajectories.states,
                          read_trajectories(folder.file(std::string("whole/") + part)).trajectories.states))
        << part;
  }
}

TEST(Repeat, SimulationResumesOnlyWhatWasBegun) {
  const ScratchFolder folder;
  const auto run = run_program({"simulate", "-o", folder.file("data"), "--resume"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("data/partial: nothing to go on from"));
  EXPECT_THAT(folder.names(), UnorderedElementsAre());
}

class StoppedSampling : public testing::TestWithParam<int> {};

TEST_P(StoppedSampling, GoesOnBitForBit) {
  const ScratchFolder folder;
  const auto assimilate = [&](const std::string& output, const std::vector<std::string>& more,
                              RunOptions options = {}) {
    std::vector<std::string> arguments{"assimilate", "--keep-diverged",
                                       "--model",    shop().model(),
                                       "--obs",      shop().observations(),
                                       "-o",         folder.file(output),
                                       "--members",  "4",
                                       "--steps",    "4000",
                                       "--set",      "assimilation.save_minutes=1e-6"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, options);
  };
  const auto stopped = assimilate("p.nc", {}, {.signal = GetParam(), .signal_when = "saved"});
  ASSERT_EQ(stopped.code, 128 + GetParam()) << stopped.out << stopped.err;
  EXPECT_EQ(stopped.out, "");
  const bool killed = GetParam() == SIGKILL;
  if (!killed) {
    EXPECT_THAT(stopped.err, HasSubstr("--resume"));
    EXPECT_THAT(folder.names(), UnorderedElementsAre("p.checkpoint.nc"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder.file("p.nc")));

  const auto other = assimilate("p.nc", {"--resume", "--set", "sampler.churn=0.5"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("found churn = 0.5"));
  const auto seed = assimilate("p.nc", {"--resume", "--seed", "4"});
  EXPECT_EQ(seed.code, 2);
  EXPECT_THAT(seed.err, HasSubstr("found --seed 4, expected 0"));

  const auto resumed = assimilate("p.nc", {"--resume"});
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("going on after"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("p.checkpoint.nc")));
  ASSERT_EQ(assimilate("whole.nc", {}).code, 0);
  EXPECT_TRUE(at::equal(read_ensemble(folder.file("p.nc")).ensemble.members,
                        read_ensemble(folder.file("whole.nc")).ensemble.members));
}
INSTANTIATE_TEST_SUITE_P(BySignal, StoppedSampling, testing::Values(SIGTERM, SIGHUP, SIGKILL),
                         [](const auto& row) { return std::string(sigabbrev_np(row.param)); });

TEST(Repeat, AssimilationStopsByItselfAtTheTimeLimit) {
  const ScratchFolder folder;
  const auto run =
      run_program({"assimilate", "--keep-diverged", "--model", shop().model(), "--obs", shop().observations(), "-o",
                   folder.file("p.nc"), "--steps", "10000000", "--time-limit", "3s"});
  EXPECT_EQ(run.code, 75) << run.err;
  EXPECT_THAT(run.err, HasSubstr("stopped by the time limit; saved in"));
  EXPECT_THAT(folder.names(), UnorderedElementsAre("p.checkpoint.nc"));
  const auto nothing = run_program({"assimilate", "--keep-diverged", "--model", shop().model(), "--obs",
                                    shop().observations(), "-o", folder.file("q.nc"), "--resume"});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("q.checkpoint.nc: nothing to go on from"));
}

Tensor members(const ScratchFolder& folder, const std::string& name, const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"assimilate", "--keep-diverged",     "--model", shop().model(),
                                     "--obs",      shop().observations(), "-o",      folder.file(name)};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto run = run_program(arguments);
  EXPECT_EQ(run.code, 0) << run.err;
  return read_ensemble(folder.file(name)).ensemble.members;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
}

/// The values of an ensemble file with those beside its members, as text.
std::string values_of(const std::string& path) {
  const std::string all = run("ncdump -p 9,17 " + path).output;
  return all.substr(all.find("\ndata:"));
}

TEST(Repeat, PartsOfAnEnsembleAreJoinedToTheWhole) {
  const ScratchFolder folder;
  // The whole is drawn in two chunks of three members, as the parts are.
  members(folder, "whole.nc", {"--seed", "4", "--members", "6", "--memory", "14K"});
  members(folder, "a.nc", {"--seed", "4", "--members", "3"});
  members(folder, "b.nc", {"--seed", "4", "--members", "3", "--members-from", "3"});
  const auto join = [&](const std::vector<std::string>& parts, const std::string& output) {
    std::vector<std::string> arguments{"join", "-o", folder.file(output)};
    for (const auto& part : parts) arguments.push_back(folder.file(part));
    return run_program(arguments);
  };
  const auto joined = join({"b.nc", "a.nc"}, "joined.nc");
  ASSERT_EQ(joined.code, 0) << joined.err;
  EXPECT_THAT(joined.out, HasSubstr("joined 2 parts into 6 members"));
  EXPECT_EQ(values_of(folder.file("joined.nc")), values_of(folder.file("whole.nc")));
  const auto one = read_ensemble(folder.file("joined.nc")), whole = read_ensemble(folder.file("whole.nc"));
  EXPECT_EQ(one.provenance.seed, 4U);
  EXPECT_EQ(one.provenance.config, whole.provenance.config);
  EXPECT_EQ(one.cost.evaluations, whole.cost.evaluations);

  const auto refuse = [&](const std::vector<std::string>& parts, const std::string& message) {
    const auto run = join(parts, "no.nc");
    EXPECT_EQ(run.code, 1);
    EXPECT_THAT(run.err, HasSubstr(message));
    EXPECT_FALSE(std::filesystem::exists(folder.file("no.nc")));
  };
  members(folder, "c.nc", {"--seed", "4", "--members", "3", "--members-from", "6"});
  members(folder, "other.nc", {"--seed", "5", "--members", "3", "--members-from", "3"});
  refuse({"a.nc", "c.nc"}, "c.nc: members before it are missing: found members from 6 on, expected from 3 on");
  refuse({"a.nc", "b.nc", "a.nc"}, "members are there twice");
  refuse({"a.nc", "other.nc"}, "found seed = 5, expected seed = 4");
}

TEST(Repeat, TellsOfAnEarlierRunThatItDoesNotGoOnFrom) {
  const ScratchFolder folder;
  write_bytes(folder.file("p.checkpoint.nc"), "of an earlier run");
  write_bytes(folder.file("f.checkpoint.nc"), "of an earlier run");
  write_bytes(folder.file("m.checkpoint.nc"), "of an earlier run");
  for (const auto& [name, command] :
       {std::pair<std::string, std::vector<std::string>>{
            "p", {"assimilate", "--keep-diverged", "--model", shop().model(), "--obs", shop().observations()}},
        {"f", {"filter", "--obs", shop().observations()}},
        {"m", {"train", "--data", shop().data(), "--epochs", "2"}}}) {
    auto arguments = command;
    arguments.insert(arguments.end(), {"-o", folder.file(name + ".nc")});
    const auto run = run_program(arguments);
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_THAT(run.err,
                HasSubstr(name + ".checkpoint.nc is of an earlier run and will be replaced; --resume would have "
                                 "gone on from it"));
    arguments.push_back("--resume");
    std::filesystem::remove(folder.file(name + ".checkpoint.nc"));
    const auto nothing = run_program(arguments);
    EXPECT_EQ(nothing.code, 2) << name;
    EXPECT_THAT(nothing.err, HasSubstr(name + ".checkpoint.nc: nothing to go on from")) << name;
  }
}

TEST(Repeat, TheSameSeedGivesTheSameEnsemble) {
  const ScratchFolder folder;
  const Tensor first = members(folder, "a.nc", {"--seed", "4", "--threads", "1"});
  EXPECT_TRUE(at::equal(first, members(folder, "b.nc", {"--seed", "4", "--threads", "1"})));
  EXPECT_GT(largest_difference(members(folder, "c.nc", {"--seed", "5", "--threads", "1"}), first), 0.01);
}

TEST(Repeat, ThreadsAndMemoryChangeNothingButRounding) {
  const ScratchFolder folder;
  const Tensor one = members(folder, "a.nc", {"--threads", "1"});
  EXPECT_LT(largest_difference(members(folder, "b.nc", {"--threads", "3"}), one), tolerance::exact_float32);
  EXPECT_LT(largest_difference(members(folder, "c.nc", {"--threads", "1", "--memory", "6K"}), one),
            tolerance::exact_float32);
}

TEST(Repeat, SimulationIsTheSameForAnyThreads) {
  const ScratchFolder folder;
  for (const char* threads : {"1", "3"}) {
    ASSERT_EQ(run_program({"simulate", shop().config(), "-o", folder.file(threads), "--threads", threads}).code, 0);
  }
  EXPECT_TRUE(at::equal(read_trajectories(folder.file("1/train.nc")).trajectories.states,
                        read_trajectories(folder.file("3/train.nc")).trajectories.states));
}

}  // namespace
}  // namespace sda::test
