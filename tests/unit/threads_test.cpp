/// One score asked by several threads at once, as a program that embeds the library may: each gets what it would alone.
/// Run under the thread sanitizer too (./check --sanitizers), for which suites are named Threads.
#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "core/torch.hpp"
#include "sda/core/random.hpp"
#include "sda/prior/network.hpp"
#include "sda/prior/scores.hpp"

namespace sda {
namespace {

constexpr std::int64_t plenty = std::int64_t{1} << 30;

/// ε and two VJPs at each time, of trajectories of its own.
std::vector<Tensor> work(const DifferentiableScore& score, std::uint64_t seed) {
  std::vector<Tensor> results;
  const Tensor x = normal({8, 12, 3}, {.seed = seed}), v = normal({8, 12, 3}, {.seed = seed + 100});
  for (const double t : {0.1, 0.5, 0.9}) {
    const auto linearisation = score.linearise(x, t);
    results.push_back(linearisation->epsilon());
    results.push_back(linearisation->vjp(v));
    results.push_back(linearisation->vjp(x));
  }
  return results;
}

TEST(Threads, OneFusedScoreServesThemAll) {
  const NetworkParameters parameters{.order = 2, .width = 64, .depth = 2};
  const auto score = make_network(parameters, {3}, 3)->fused_score(plenty, 1);
  ASSERT_NE(score, nullptr);
  std::vector<std::vector<Tensor>> alone, together(4);
  for (std::uint64_t seed = 0; seed < together.size(); ++seed) alone.push_back(work(*score, seed));
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 0; seed < together.size(); ++seed)
    threads.emplace_back([&, seed] { together[seed] = work(*score, seed); });
  for (auto& thread : threads) thread.join();
  for (std::size_t i = 0; i < together.size(); ++i) {
    ASSERT_EQ(together[i].size(), alone[i].size());
    for (std::size_t j = 0; j < alone[i].size(); ++j)
      EXPECT_TRUE(at::equal(together[i][j], alone[i][j])) << i << ", " << j;
  }
}

}  // namespace
}  // namespace sda
