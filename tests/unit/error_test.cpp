#include "sda/core/error.hpp"

#include <gtest/gtest.h>

TEST(Error, SaysWhereWhatFoundWantedAndMend) {
  const sda::UsageError error(
      {.what = "σ is negative", .where = "lo.toml", .found = "-1", .expected = "> 0", .hint = "drop the sign"});
  EXPECT_STREQ(error.what(), "lo.toml: σ is negative: found -1, expected > 0; drop the sign");
  EXPECT_EQ(error.exit_code(), 2);
}
