/// An assimilation that is stopped goes on as if it had not been.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>

#include "core/torch.hpp"
#include "scratch_folder.hpp"
#include "sda/assimilation/assimilate.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/stopped_assimilation.hpp"
#include "sda/experiment/saved_drawing.hpp"
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

/// Puts members into their places.
MemberSink into(Tensor& members) {
  return [&](std::int64_t first, const Tensor& some) { members.narrow(0, first, some.size(0)).copy_(some); };
}
Tensor no_members(const Subject& subject) {
  return at::full({subject.parameters.assimilation.members, length, 2}, NAN, at::kFloat);
}

/// The state after `stages` stages of all chunks, as a signal leaves it, and the members that were drawn.
AssimilationState stopped_after(const Subject& subject, std::int64_t stages, Tensor& members) {
  std::optional<AssimilationState> left;
  const AssimilationSaving saving{.save = [&](const AssimilationState& state) {
    left = state;  // and copies of what changes
    if (state.sampler.x.defined()) left->sampler.x = state.sampler.x.clone();
  }};
  const auto signal = [&](std::int64_t done, std::int64_t, const std::string&) {
    if (done == stages) StopToken::request(SIGTERM);
  };
  EXPECT_THROW(draw_members(subject.prior, subject.observations, subject.parameters, 4, into(members), signal, saving),
               Interrupted);
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
  Tensor members = no_members(subject);
  write_stopped_assimilation(folder.file("p.checkpoint.nc"),
                             {stopped_after(subject, GetParam(), members), "a = 1\n", {}});
  const StoppedAssimilation read = read_stopped_assimilation(folder.file("p.checkpoint.nc"));
  EXPECT_EQ(read.recipe, "a = 1\n");
  subject.parameters.assimilation.memory = 0;  // what is free may differ the second time; the chunks do not
  const EnsembleCost cost =
      draw_members(subject.prior, subject.observations, subject.parameters, 4, into(members), {}, {.from = read.state});
  EXPECT_TRUE(at::equal(members, whole.normalised));
  EXPECT_EQ(cost.evaluations, whole.cost.evaluations);
  EXPECT_THAT(describe_file(folder.file("p.checkpoint.nc")), HasSubstr("stages of the sampler"));
}

/// Between two chunks there are no members under way; after the last none are left to draw.
TEST(AssimilationSaving, GoesOnFromTheEndOfAChunk) {
  Subject subject;
  subject.parameters.assimilation.memory = 12000;
  Tensor whole = no_members(subject);
  std::vector<AssimilationState> ends;
  const AssimilationSaving saving{.save = [&](const AssimilationState& state) {
    if (!state.sampler.x.defined()) ends.push_back(state);
  }};
  draw_members(subject.prior, subject.observations, subject.parameters, 4, into(whole), {}, saving);
  ASSERT_EQ(ends.size(), 2U);
  EXPECT_EQ(ends[0].chunk, 1);
  EXPECT_EQ(ends[1].chunk, 2);
  const test::ScratchFolder folder;
  for (const auto& end : ends) {
    write_stopped_assimilation(folder.file("p.checkpoint.nc"), {end, "", {}});
    EXPECT_THAT(describe_file(folder.file("p.checkpoint.nc")), HasSubstr(" of 2 done"));
    Tensor rest = no_members(subject);
    draw_members(subject.prior, subject.observations, subject.parameters, 4, into(rest), {},
                 {.from = read_stopped_assimilation(folder.file("p.checkpoint.nc")).state});
    const std::int64_t begin = begin_of_chunk(5, 2, end.chunk);
    EXPECT_TRUE(at::equal(rest.slice(0, begin), whole.slice(0, begin))) << end.chunk;
    EXPECT_TRUE(rest.slice(0, 0, begin).isnan().all().item<bool>()) << end.chunk;
  }
}

TEST(SavedDrawing, KeepsChunksInFilesUntilAllAreDrawn) {
  Subject subject;
  subject.parameters.assimilation.memory = 12000;
  const Tensor whole = assimilate(subject.prior, subject.observations, subject.parameters, 4).normalised;
  const test::ScratchFolder folder;
  Provenance provenance;
  provenance.seed = 4;
  const auto drawing = [&] { return SavedDrawing(folder.file("p.checkpoint.nc"), "a = 1\n", provenance); };
  const auto after = [](std::int64_t stages) {
    return [=](std::int64_t done, std::int64_t, const std::string&) {
      if (done == stages) StopToken::request(SIGTERM);
    };
  };
  auto first = drawing();
  EXPECT_THROW(first.draw(subject.prior, subject.observations, subject.parameters, {}, after(8)), Interrupted);
  StopToken::request(0);
  EXPECT_THAT(folder.names(), testing::UnorderedElementsAre("p.checkpoint.nc", "p.checkpoint"));

  auto second = drawing();
  second.draw(subject.prior, subject.observations, subject.parameters,
              read_stopped_assimilation(folder.file("p.checkpoint.nc")).state);
  Tensor members = no_members(subject);
  second.each(into(members));
  EXPECT_TRUE(at::equal(members, whole));
  second.remove();
  EXPECT_THAT(folder.names(), testing::IsEmpty());
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
  Tensor members = no_members(subject);
  draw_members(subject.prior, subject.observations, subject.parameters, 4, into(members), {}, saving);
  EXPECT_EQ(saves, 6);
}

TEST(AssimilationSaving, RefusesTheStateOfAnotherEnsemble) {
  Subject subject;
  Tensor members = no_members(subject);
  const AssimilationState left = stopped_after(subject, 2, members);
  const auto go_on = [&](AssimilationState from) {
    draw_members(subject.prior, subject.observations, subject.parameters, 4, into(members), {},
                 {.from = std::move(from)});
  };
  subject.parameters.assimilation.members = 4;
  EXPECT_THROW(go_on(left), ShapeError);
  subject.parameters.assimilation.members = 5;
  subject.parameters.sampler.steps = 1;
  EXPECT_THROW(go_on(left), ShapeError);
  // Order 3 remembers two evaluations; order 2 one.
  subject.parameters.sampler.steps = 6;
  AssimilationState forgetful = left;
  forgetful.sampler.epsilons.pop_back();
  EXPECT_THROW(go_on(forgetful), ShapeError);
  subject.parameters.sampler.order = 2;
  EXPECT_THROW(go_on(left), ShapeError);
}

}  // namespace
}  // namespace sda
