#include "sda/core/fields.hpp"

#include <gtest/gtest.h>

using sda::nearest_name;

TEST(NearestName, FindsWhatWasMeant) {
  const std::vector<std::string> known{"learning_rate", "batch", "epochs", "decay", "tau", "r"};
  EXPECT_EQ(nearest_name("batchs", known), "batch");
  EXPECT_EQ(nearest_name("epohcs", known), "epochs");  // two neighbours swapped: one edit
  EXPECT_EQ(nearest_name("learningrate", known), "learning_rate");
  EXPECT_EQ(nearest_name("tua", known), "tau");
}

TEST(NearestName, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearest_name("momentum", {"batch", "epochs"}), "");
  EXPECT_EQ(nearest_name("x", {"r"}), "");  // every one-letter name is one edit away: nothing of it is kept
  EXPECT_EQ(nearest_name("batch", {}), "");
}
