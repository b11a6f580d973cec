/// What is read of files of many kinds is what xarray, and pandas of tables, read of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scratch_folder.hpp"
#include "tools.hpp"

namespace sda::test {
namespace {

constexpr const char* python = "/usr/bin/python3 ";

TEST(ReadingFiles, ValuesPlacesAndTimesAreThoseOfXarray) {
  if (!is_installed(std::string(python) + "-c 'import xarray, netCDF4, pandas'"))
    GTEST_SKIP() << "Python's xarray is not installed";
  const ScratchFolder folder;
  const auto outcome = run(std::string(python) + SDA_SOURCE_DIR + "/tests/end_to_end/reading_files.py " + SDA_PROGRAM +
                           " " + folder.file("."));
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_THAT(outcome.output, testing::HasSubstr("imported classic 960"));
}

}  // namespace
}  // namespace sda::test
