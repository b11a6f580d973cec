#include "sda/core/progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

using testing::HasSubstr;
using testing::Not;

TEST(ProgressLine, ShowsShareRateNoteAndTimeLeft) {
  const auto line = sda::progress_line("train", "epochs", 62, 124, 31, 10.0, "loss 0.0312", 100);
  EXPECT_THAT(line, HasSubstr("train"));
  EXPECT_THAT(line, HasSubstr(" 50 %"));
  EXPECT_THAT(line, HasSubstr("3.1 epochs/s"));  // 31 of the 62 in these 10 seconds: the others were resumed
  EXPECT_THAT(line, HasSubstr("loss 0.0312"));
  EXPECT_THAT(line, HasSubstr("20 s left"));
}

TEST(ProgressLine, FitsTheTerminal) {
  const auto narrow = sda::progress_line("assimilate", "steps", 1, 256, 1, 1.0, "", 20);
  EXPECT_EQ(narrow.substr(0, 10), "assimilate");
  EXPECT_LE(narrow.size(), 20u);
}

TEST(ProgressLine, KnowsNoRateBeforeAnythingIsDone) {
  EXPECT_THAT(sda::progress_line("train", "epochs", 0, 10, 0, 0.0, "", 80), Not(HasSubstr("left")));
}

TEST(Duration, IsReadByPeople) {
  EXPECT_EQ(sda::duration(7.6), "8 s");
  EXPECT_EQ(sda::duration(185), "3 min 05 s");
  EXPECT_EQ(sda::duration(7620), "2 h 07 min");
}

TEST(ProgressBar, DrawsNothingWhenDisabled) {
  testing::internal::CaptureStderr();
  {
    sda::ProgressBar bar("train", "epochs", sda::ProgressStyle::none);
    bar.update(1, 2);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(ProgressBar, EndsWithOneNewline) {
  testing::internal::CaptureStderr();
  {
    sda::ProgressBar bar("train", "epochs", sda::ProgressStyle::bar);
    bar.callback()(1, 2, "");
    bar.callback()(2, 2, "");
  }
  const auto drawn = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(drawn.begin(), drawn.end(), '\n'), 1);
  EXPECT_EQ(drawn.back(), '\n');
  EXPECT_THAT(drawn, HasSubstr("100 %"));
}

TEST(ProgressBar, WritesLinesWithoutControlsInALog) {
  testing::internal::CaptureStderr();
  {
    sda::ProgressBar log("train", "epochs", sda::ProgressStyle::lines, std::chrono::seconds(0));
    log.update(1, 4, "loss 0.5");
    log.update(2, 4, "loss 0.4");
    sda::ProgressBar brief("train", "epochs", sda::ProgressStyle::lines);
    brief.update(1, 1);
  }
  const std::string written = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(written.begin(), written.end(), '\n'), 2) << written;
  EXPECT_THAT(written, testing::StartsWith("train:  25 %"));
  EXPECT_THAT(written, HasSubstr("\ntrain:  50 %"));
  EXPECT_THAT(written, HasSubstr("loss 0.4"));
  EXPECT_THAT(written, Not(HasSubstr("\r")));
}
