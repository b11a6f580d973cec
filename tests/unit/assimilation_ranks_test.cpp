/// Members that ranks draw together are those of one process.
#include <gmock/gmock.h>

#include <csignal>

#include "core/torch.hpp"
#include "sda/assimilation/assimilate.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "small_prior.hpp"
#include "threads_as_ranks.hpp"
#include "tolerance.hpp"

namespace sda {
namespace {

constexpr std::int64_t length = 23;

struct Subject {
  Prior prior = test::small_prior();
  Observations observations = test::seen(prior, length);
  PosteriorParameters parameters{
      .guidance = {.rule = "mmps", .iterations = 2},
      .sampler = {.steps = 6, .order = 3, .churn = 0.5, .corrections = 1, .corrector = Corrector::langevin},
      .assimilation = {.members = 5}};
  std::uint64_t seed = 4;

  Tensor whole() const { return assimilate(prior, observations, parameters, seed).normalised; }
};

/// All members, as a grid of ranks draws them; `saved` is what the first rank saved last.
Tensor drawn(const Subject& subject, int groups, int shards, const std::optional<AssimilationState>& from = {},
             const ProgressCallback& progress = {}, std::optional<AssimilationState>* saved = nullptr) {
  Tensor members = at::full({subject.parameters.assimilation.members, length, 2}, NAN, at::kFloat);
  testing::run_grid(groups, shards, [&](const RankGrid& ranks) {
    AssimilationSaving saving{.from = from};
    if (saved != nullptr && ranks.is_first()) {
      saving.save = [&](const AssimilationState& state) {
        *saved = state;
        if (state.sampler.x.defined()) (*saved)->sampler.x = state.sampler.x.clone();
      };
    }
    const auto sink = [&](std::int64_t first, const Tensor& some) {
      EXPECT_TRUE(ranks.is_first());
      members.narrow(0, first, some.size(0)).copy_(some);
    };
    draw_members(subject.prior, subject.observations, subject.parameters, subject.seed, sink,
                 ranks.is_first() ? progress : ProgressCallback(), saving, ranks);
  });
  return members;
}

double difference(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>();
}

struct Grid {
  int groups, shards;
};

class MembersOfRanks : public ::testing::TestWithParam<Grid> {};

TEST_P(MembersOfRanks, AreThoseOfOneProcess) {
  const Subject subject;
  const auto [groups, shards] = GetParam();
  EXPECT_LT(difference(drawn(subject, groups, shards), subject.whole()), 10 * tolerance::exact_float32);
}

/// Of several chunks, of which the last leaves groups without a member of their own.
TEST_P(MembersOfRanks, AreDrawnInChunks) {
  Subject subject;
  const auto [groups, shards] = GetParam();
  const Tensor whole = subject.whole();
  subject.parameters.assimilation.memory = 15000;
  EXPECT_LT(difference(drawn(subject, groups, shards), whole), 10 * tolerance::exact_float32);
}

/// Stopped with one grid, gone on with another.
TEST_P(MembersOfRanks, GoOnWithAnotherNumberOfRanks) {
  const Subject subject;
  const auto [groups, shards] = GetParam();
  std::optional<AssimilationState> saved;
  const auto signal = [](std::int64_t done, std::int64_t, const std::string&) {
    if (done == 3) StopToken::request(SIGTERM);
  };
  EXPECT_THROW(drawn(subject, groups, shards, {}, signal, &saved), Interrupted);
  StopToken::request(0);
  ASSERT_TRUE(saved.has_value());
  EXPECT_GE(saved->sampler.stages_done, 3);
  EXPECT_EQ(saved->sampler.x.sizes(), (at::IntArrayRef{5, length, 2}));
  const Tensor whole = subject.whole();
  EXPECT_LT(difference(drawn(subject, 1, 1, saved), whole), 10 * tolerance::exact_float32);
  EXPECT_LT(difference(drawn(subject, 2, 2, saved), whole), 10 * tolerance::exact_float32);
}

INSTANTIATE_TEST_SUITE_P(Grids, MembersOfRanks,
                         ::testing::Values(Grid{1, 1}, Grid{2, 1}, Grid{1, 2}, Grid{1, 3}, Grid{2, 2}, Grid{3, 1},
                                           Grid{7, 1}, Grid{1, 7}),
                         [](const auto& given) {
                           return "Groups" + std::to_string(given.param.groups) + "Shards" +
                                  std::to_string(given.param.shards);
                         });

TEST(MembersOfRanks, OfANetworkOverTimeAreRefused) {
  Subject subject;
  subject.prior.network_parameters.global = true;
  EXPECT_THAT([&] { drawn(subject, 1, 2); },
              ::testing::ThrowsMessage<UsageError>(::testing::HasSubstr("whole trajectories")));
}

}  // namespace
}  // namespace sda
