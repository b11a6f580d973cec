/// The seeds of the fuzz targets, and what fuzzing found, as ordinary tests: each is taken, or refused by an error of
/// ours.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "../fuzz/targets.hpp"
#include "scratch_folder.hpp"

namespace sda::test {
namespace {

int run_seeds(const std::string& folder, const std::function<void(const std::uint8_t*, std::size_t)>& target) {
  int seeds = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(SDA_SOURCE_DIR) / "tests" /
                                                               "fuzz" / "seeds" / folder)) {
    const std::string bytes = read_bytes(entry.path());
    EXPECT_NO_THROW(target(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size())) << entry.path();
    ++seeds;
  }
  return seeds;
}

TEST(FuzzSeeds, Csv) {
  EXPECT_GE(run_seeds("csv", fuzz::csv), 6);
}
TEST(FuzzSeeds, OperatorText) {
  EXPECT_GE(run_seeds("operator_text", fuzz::operator_text), 6);
}
TEST(FuzzSeeds, UserData) {
  EXPECT_GE(run_seeds("user_data", fuzz::user_data), 3);
}
TEST(FuzzSeeds, ReadingsInNetcdf) {
  EXPECT_GE(run_seeds("readings_netcdf", fuzz::readings_netcdf), 3);
}
TEST(FuzzSeeds, Experiment) {
  EXPECT_GE(run_seeds("experiment", fuzz::experiment), 3);
}
TEST(FuzzSeeds, StateDict) {
  EXPECT_GE(run_seeds("state_dict", fuzz::state_dict), 2);
}

}  // namespace
}  // namespace sda::test
