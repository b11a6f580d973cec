/// The programs that people open NetCDF files with take ours without a warning: ncdump, CDO and Python's xarray.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io_examples.hpp"
#include "scratch_folder.hpp"
#include "tools.hpp"

namespace sda::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class IoTools : public testing::Test {
 protected:
  void SetUp() override {
    write_trajectories(path("lorenz"), example_trajectories(), lorenz_normalisation(), "", example_provenance());
    const auto write = [&](const std::string& name, const StateLayout& layout) {
      write_trajectories(path(name), {.layout = layout, .states = example_states(layout, 5, 3)},
                         Normalisation::identity(layout.event), "", example_provenance());
    };
    write("flow", flow_layout());
    write("ring", ring_layout());
    write_ensemble(path("ensemble"), example_ensemble(), {}, example_provenance());
    const Ensemble of_fields{flow_layout(), example_states(flow_layout(), 4, 3), 0, "SDA"};
    write_ensemble(path("fields"), of_fields, {}, example_provenance());
    write_observations(path("observations"), example_observations(), "", example_provenance());
    write_observations(path("parts"), example_parts(), "", example_provenance());
    write_trajectories(path("ocean"), ocean_file());
    const Ensemble of_ocean{ocean_layout(), example_states(ocean_layout(), 4, 3), 24, "SDA"};
    write_ensemble(path("ocean_analysis"), of_ocean, {}, example_provenance());
    write_member(path("ocean_member"), of_ocean, 2, example_provenance());
  }
  std::string path(const std::string& name) const { return folder_.file(name + ".nc"); }
  const std::vector<std::string> names_{"lorenz",       "flow",  "ring",  "ensemble",       "fields",
                                        "observations", "parts", "ocean", "ocean_analysis", "ocean_member"};
  ScratchFolder folder_;
};

TEST_F(IoTools, CdoReadsEveryFileWithoutAWarning) {
  if (!is_installed("cdo --version")) GTEST_SKIP() << "CDO is not installed";
  for (const auto& name : names_) {
    for (const std::string command : {"sinfon", "infon"}) {
      const auto outcome = run("cdo -s " + command + " " + path(name));
      EXPECT_EQ(outcome.status, 0) << command << " " << name;
      EXPECT_THAT(outcome.output, is_quiet()) << command << " " << name;
    }
  }
}

TEST_F(IoTools, CdoSeesTheMembersAndKeepsTheTimes) {
  if (!is_installed("cdo --version")) GTEST_SKIP() << "CDO is not installed";
  EXPECT_THAT(run("cdo -s sinfon " + path("fields")).output,
              AllOf(HasSubstr("levels=4"), HasSubstr("realization : 0 to 3"), HasSubstr("points=24 (6x4)"),
                    HasSubstr("time : 3 steps")));
  const auto copied = run("cdo -s -b F64 copy " + path("fields") + " " + path("copy"));
  EXPECT_EQ(copied.status, 0) << copied.output;
  if (!is_installed("ncdump -k " + path("copy"))) GTEST_SKIP() << "ncdump is not installed";
  EXPECT_THAT(run("ncdump -v time " + path("copy")).output, HasSubstr("time = 0, 0.2, 0.4"));
}

TEST_F(IoTools, NcdumpShowsKindAndOrigin) {
  if (!is_installed("ncdump -k " + path("lorenz"))) GTEST_SKIP() << "ncdump is not installed";
  const auto outcome = run("ncdump -h " + path("lorenz"));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.output,
              AllOf(HasSubstr("time = UNLIMITED ; // (9 currently)"), HasSubstr("float x(time, realization)"),
                    HasSubstr(":sda_kind = \"trajectories\""), HasSubstr(":Conventions = \"CF-1.8\""),
                    HasSubstr(":sda_seed = 18446744073709551557ULL"), HasSubstr("realization:standard_name")));
}

TEST_F(IoTools, XarrayReadsEveryFileWithoutAWarning) {
  if (!is_installed("/usr/bin/python3 -c 'import xarray'")) GTEST_SKIP() << "Python's xarray is not installed";
  const std::string program =
      "import sys, warnings; warnings.simplefilter('error')\n"
      "import xarray\n"
      "for path in sys.argv[1:]: print(dict(xarray.open_dataset(path).load().sizes))\n";
  write_bytes(folder_.file("read.py"), program);
  std::string command = "/usr/bin/python3 " + folder_.file("read.py");
  for (const auto& name : names_) command.append(" ").append(path(name));
  const auto outcome = run(command);
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("'time': 9, 'realization': 5"), HasSubstr("'row': 4, 'column': 6")));
}

TEST_F(IoTools, NcoEditsAFileThatIsThenStillRead) {
  if (!is_installed("ncatted --version")) GTEST_SKIP() << "NCO is not installed";
  const auto outcome = run("ncatted -h -a comment,global,o,c,looked_at " + path("ensemble"));
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_TRUE(same(read_ensemble(path("ensemble")).ensemble.members, example_ensemble().members));
}

}  // namespace
}  // namespace sda::test
