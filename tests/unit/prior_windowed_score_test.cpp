/// Which window gives which state, by hand.
#include <gtest/gtest.h>

#include "sda/core/error.hpp"
#include "sda/prior/scores.hpp"

namespace sda {
namespace {

using Indices = std::vector<std::int64_t>;

TEST(WindowPlan, StrideOneGivesEachInnerWindowItsCentre) {
  const WindowPlan plan = plan_windows(2, 1, 8);
  EXPECT_EQ(plan.window, 5);
  EXPECT_EQ(plan.starts, (Indices{0, 1, 2, 3}));
  EXPECT_EQ(plan.owner, (Indices{0, 0, 0, 1, 2, 3, 3, 3}));
}

TEST(WindowPlan, StrideThreeGivesThreeCentralStates) {
  const WindowPlan plan = plan_windows(2, 3, 11);
  EXPECT_EQ(plan.starts, (Indices{0, 3, 6}));
  EXPECT_EQ(plan.owner, (Indices{0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2}));
}

TEST(WindowPlan, TheLastWindowEndsWithTheTrajectory) {
  const WindowPlan plan = plan_windows(1, 2, 8);
  EXPECT_EQ(plan.starts, (Indices{0, 2, 4, 5}));
  EXPECT_EQ(plan.owner, (Indices{0, 0, 0, 1, 1, 2, 2, 3}));
}

TEST(WindowPlan, OneWindowGivesAll) {
  const WindowPlan plan = plan_windows(2, 1, 5);
  EXPECT_EQ(plan.starts, (Indices{0}));
  EXPECT_EQ(plan.owner, Indices(5, 0));
}

TEST(WindowPlan, EveryStateLiesInTheWindowThatOwnsIt) {
  for (std::int64_t order = 1; order <= 4; ++order)
    for (std::int64_t stride = 1; stride <= 2 * order + 1; ++stride)
      for (std::int64_t length = 2 * order + 1; length < 30; ++length) {
        const WindowPlan plan = plan_windows(order, stride, length);
        for (std::int64_t i = 0; i < length; ++i) {
          const std::int64_t offset = i - plan.starts[plan.owner[i]];
          ASSERT_TRUE(offset >= 0 && offset < plan.window) << order << " " << stride << " " << length << " " << i;
        }
      }
}

TEST(WindowPlan, RefusesWhatCannotBe) {
  EXPECT_THROW(plan_windows(3, 1, 6), UsageError);
  EXPECT_THROW(plan_windows(0, 1, 6), UsageError);
  EXPECT_THROW(plan_windows(1, 4, 6), UsageError);
  try {
    plan_windows(4, 1, 5);
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("needs windows of 9 states"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace sda
