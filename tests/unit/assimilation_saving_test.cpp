/// An assimilation that is stopped goes on as if it had not been.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "core/torch.hpp"
#include "scratch_folder.hpp"
#include "sda/assimilation/assimilate.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/stopped_assimilation.hpp"
#include "small_prior.hpp"

namespace sda {
namespace {

using testing::HasSubstr;

constexpr std::int64_t length = 9;

struct Subject {
  Prior prior = test::small_prior();
  Observations observations = test::seen(prior, length);
  PosteriorParameters parameters{
      .guidance = {.rule = "mmps"},
      .sampler = {.steps = 6, .order = 3, .churn = 0.5, .corrections = 1, .corrector = Corrector::leimkuhler_matthews},
      .assimilation = {.members = 5}};
};

/// The state after `stages` stages of all chunks, as a signal leaves it.
AssimilationState stopped_after(const Subject& subject, std::int64_t stages) {
  std::optional<AssimilationState> left;
  const AssimilationSaving saving{.save = [&](const AssimilationState& state) {
    left = state;  // and copies of what changes
    left->sampler.x = state.sampler.x.clone();
    if (state.finished.defined()) left->finished = state.finished.clone();
  }};
  const auto signal = [&](std::int64_t done, std::int64_t, const std::string&) {
    if (done == stages) StopToken::request(SIGTERM);
  };
  EXPECT_THROW(assimilate(subject.prior, subject.observations, subject.parameters, 4, signal, saving), Interrupted);
  StopToken::request(0);
  return left.value();
}

class StoppedAssimilationTest : public testing::TestWithParam<std::int64_t> {};

/// Two evaluations are remembered, noise is drawn, and chunks are two: through the file and back, the bits are the
/// same.
TEST_P(StoppedAssimilationTest, GoesOnBitForBit) {
  Subject subject;
  subject.parameters.assimilation.memory = 12000;
  ASSERT_EQ(plan_assimilation(subject.prior, subject.observations, subject.parameters.assimilation).chunks, 2);
  const Assimilation whole = assimilate(subject.prior, subject.observations, subject.parameters, 4);

  const test::ScratchFolder folder;
  write_stopped_assimilation(folder.file("p.checkpoint.nc"), {stopped_after(subject, GetParam()), "a = 1\n", {}});
  const StoppedAssimilation read = read_stopped_assimilation(folder.file("p.checkpoint.nc"));
  EXPECT_EQ(read.recipe, "a = 1\n");
  subject.parameters.assimilation.memory = 0;  // what is free may differ the second time; the chunks do not
  const Assimilation rest =
      assimilate(subject.prior, subject.observations, subject.parameters, 4, {}, {.from = read.state});
  EXPECT_TRUE(at::equal(rest.normalised, whole.normalised));
  EXPECT_EQ(rest.cost.evaluations, whole.cost.evaluations);
  EXPECT_THAT(describe_file(folder.file("p.checkpoint.nc")), HasSubstr("stages of the sampler"));
}
// Of 6 stages a chunk: early, before its end, at its end, and in the second.
INSTANTIATE_TEST_SUITE_P(After, StoppedAssimilationTest, testing::Values(1, 4, 5, 7, 10, 11));

TEST(AssimilationSaving, SavesNowAndThen) {
  Subject subject;
  subject.parameters.assimilation.save_minutes = 1e-9;
  std::int64_t saves = 0;
  const AssimilationSaving saving{.save = [&](const AssimilationState& state) {
    EXPECT_EQ(state.sampler.stages_done, ++saves);
    EXPECT_GT(state.passes, 0);
  }};
  assimilate(subject.prior, subject.observations, subject.parameters, 4, {}, saving);
  EXPECT_EQ(saves, 6);
}

TEST(AssimilationSaving, RefusesTheStateOfAnotherEnsemble) {
  Subject subject;
  const AssimilationState left = stopped_after(subject, 2);
  subject.parameters.assimilation.members = 4;
  EXPECT_THROW(assimilate(subject.prior, subject.observations, subject.parameters, 4, {}, {.from = left}), ShapeError);
  subject.parameters.assimilation.members = 5;
  subject.parameters.sampler.steps = 1;
  EXPECT_THROW(assimilate(subject.prior, subject.observations, subject.parameters, 4, {}, {.from = left}), ShapeError);
}

}  // namespace
}  // namespace sda
