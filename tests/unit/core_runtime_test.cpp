#include "sda/core/runtime.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "sda/core/error.hpp"

namespace {

/// Sets an environment variable for one test.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    const char* before = std::getenv(name);
    had_ = before != nullptr;
    if (had_) before_ = before;
    value == nullptr ? unsetenv(name) : setenv(name, value, 1);
  }
  ~Environment() { had_ ? setenv(name_, before_.c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  bool had_;
  std::string before_;
};

TEST(ChooseThreads, AsksTheUserThenTheEnvironmentThenTheMachine) {
  const Environment omp("OMP_NUM_THREADS", "3,2");
  const Environment slurm("SLURM_CPUS_PER_TASK", "5");
  EXPECT_EQ(sda::choose_threads(7), 7);
  EXPECT_EQ(sda::choose_threads(), 3);
  {
    const Environment unset("OMP_NUM_THREADS", nullptr);
    EXPECT_EQ(sda::choose_threads(), 5);
    const Environment nonsense("SLURM_CPUS_PER_TASK", "many");
    EXPECT_GE(sda::choose_threads(), 1);
  }
}

TEST(OthersRunning, CountsAThreadThatWorks) {
  std::atomic<bool> done{false};
  std::thread worker([&] {
    while (!done) {
    }
  });
  EXPECT_GE(sda::others_running(), 1);
  done = true;
  worker.join();
}

TEST(StopToken, TurnsASignalIntoInterruptedWithItsExitCode) {
  EXPECT_NO_THROW(sda::StopToken::throw_if_stopped(""));
  sda::StopToken::install();
  ASSERT_EQ(std::raise(SIGTERM), 0);
  EXPECT_EQ(sda::StopToken::signal(), SIGTERM);
  try {
    sda::StopToken::throw_if_stopped("checkpoint in run/last.nc");
    ADD_FAILURE() << "did not throw";
  } catch (const sda::Interrupted& error) {
    EXPECT_EQ(error.exit_code(), 143);
    EXPECT_STREQ(error.what(), "stopped by SIGTERM; checkpoint in run/last.nc");
  }
  sda::StopToken::request(0);
  EXPECT_NO_THROW(sda::StopToken::throw_if_stopped(""));
}

TEST(StopToken, IsRaisedWhileThereIsTimeForTwoStepsAndASave) {
  sda::StopToken::limit_time(3600);
  EXPECT_FALSE(sda::StopToken::is_raised());
  sda::StopToken::limit_time(1.2);  // a second is kept to save
  EXPECT_FALSE(sda::StopToken::is_raised());
  std::this_thread::sleep_for(std::chrono::milliseconds(70));
  // A step took 70 ms at least: two more and a second end after 1.21 s.
  EXPECT_TRUE(sda::StopToken::is_raised());
  try {
    sda::StopToken::throw_if_stopped("saved in p.checkpoint.nc");
    ADD_FAILURE() << "did not throw";
  } catch (const sda::Interrupted& error) {
    EXPECT_EQ(error.exit_code(), 75);
    EXPECT_STREQ(error.what(), "stopped by the time limit; saved in p.checkpoint.nc");
    const sda::Interrupted same(error, "elsewhere");
    EXPECT_EQ(same.exit_code(), 75);
    EXPECT_STREQ(same.what(), "stopped by the time limit; elsewhere");
  }
  sda::StopToken::limit_time(0);
  EXPECT_FALSE(sda::StopToken::is_raised());
}

TEST(ParseDuration, TakesWhatSlurmAndSleepTake) {
  const auto seconds = [](const std::string& text) { return sda::parse_duration(text, "--time-limit"); };
  EXPECT_EQ(seconds("90"), 90);
  EXPECT_EQ(seconds("90s"), 90);
  EXPECT_EQ(seconds("1.5h"), 5400);
  EXPECT_EQ(seconds("2d"), 172800);
  EXPECT_EQ(seconds("10:00"), 600);
  EXPECT_EQ(seconds("03:50:00"), 13800);
  EXPECT_EQ(seconds("2-12:00:00"), 216000);
  for (const char* wrong : {"", "0", "-5", "h", "1:2:3:4", "1::2", "3 h", "1-", "90x", "nan", "inf"}) {
    EXPECT_THROW(seconds(wrong), sda::UsageError) << wrong;
  }
}

TEST(ParseBytes, TakesBinaryUnits) {
  EXPECT_EQ(sda::parse_bytes("800000", "--memory"), 800000);
  EXPECT_EQ(sda::parse_bytes("512M", "--memory"), std::int64_t{512} << 20);
  EXPECT_EQ(sda::parse_bytes("2g", "--memory"), std::int64_t{2} << 30);
  EXPECT_EQ(sda::parse_bytes("1.5KiB", "--memory"), 1536);
}

TEST(ParseBytes, RefusesWhatIsNoAmount) {
  for (const char* text : {"", "lots", "-1G", "0", "2X", "2GG", "nan", "1e30T"}) {
    EXPECT_THROW(sda::parse_bytes(text, "--memory"), sda::UsageError) << text;
  }
}

TEST(DefaultMemoryBudget, IsAtLeastAQuarterOfAGibibyte) {
  EXPECT_GE(sda::default_memory_budget(), std::int64_t{256} << 20);
}

}  // namespace
