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

struct Target {
  std::string folder;
  void (*run)(const std::uint8_t*, std::size_t);
  int min;  ///< seeds
};

class FuzzSeeds : public testing::TestWithParam<Target> {};

TEST_P(FuzzSeeds, AreTakenOrRefused) {
  EXPECT_GE(run_seeds(GetParam().folder, GetParam().run), GetParam().min);
}

INSTANTIATE_TEST_SUITE_P(, FuzzSeeds,
                         testing::Values(Target{"csv", fuzz::csv, 13}, Target{"operator_text", fuzz::operator_text, 6},
                                         Target{"user_data", fuzz::user_data, 3},
                                         Target{"observations_netcdf", fuzz::observations_netcdf, 3},
                                         Target{"observations_swath", fuzz::observations_swath, 4},
                                         Target{"observations_ragged", fuzz::observations_ragged, 2},
                                         Target{"user_data_groups", fuzz::user_data_groups, 2},
                                         Target{"experiment", fuzz::experiment, 3},
                                         Target{"state_dict", fuzz::state_dict, 2}),
                         [](const auto& test) { return test.param.folder; });

}  // namespace
}  // namespace sda::test
