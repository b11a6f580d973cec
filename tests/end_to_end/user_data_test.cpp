/// A user's own trajectories, as xarray and CDO write them, from their files to an analysis that xarray and CDO open.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "io_examples.hpp"
#include "program.hpp"
#include "tools.hpp"

namespace sda::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* python = "/usr/bin/python3 ";

/// Waves that travel on a small ocean: two packed variables with land, dates without leap years, one member a row.
constexpr const char* make_ocean = R"(import sys
import numpy as np, xarray
t, y, x, m = np.arange(40), np.linspace(-60, 60, 4), np.arange(8) * 45.0, np.arange(3)
phase = t[None, None, :, None] * 0.3 - x[:, None, None, None] * np.pi / 180 + m[None, None, None, :]
wave = np.sin(phase + y[None, :, None, None] / 60)
wave[2, 1] = np.nan
data = xarray.Dataset(
    {"sst": (("lon", "lat", "time", "member"), 290 + 5 * wave,
             {"units": "K", "standard_name": "sea_surface_temperature", "long_name": "temperature"}),
     "ssh": (("lon", "lat", "time", "member"), wave**2, {"units": "m", "long_name": "height of the surface"}),
     "depth": (("lat", "lon"), np.outer(y, x) + 1.0)},
    {"time": ("time", 100 + 6.0 * t, {"units": "hours since 2004-02-28 12:00:00", "calendar": "noleap"}),
     "lat": ("lat", y, {"units": "degrees_north", "standard_name": "latitude"}),
     "lon": ("lon", x, {"units": "degrees_east", "standard_name": "longitude"}), "member": m})
data.to_netcdf(sys.argv[1], encoding={"sst": {"dtype": "int16", "scale_factor": 0.001, "add_offset": 290.0,
                                               "_FillValue": -32768}})
)";

constexpr const char* look = R"(import sys, warnings
warnings.simplefilter("error")
import xarray
data = xarray.open_dataset(sys.argv[1]).load()
print(data.sst.dims, data.sst_mean.dims, data.sst_spread.attrs["units"], data.sst.attrs["standard_name"])
print(data.time.values[0], data.time.values[1], data.lat.attrs["units"], data.lon.values[1])
print("land", int(data.sst[0, 0].isnull().sum()), int(data.ssh_mean[0].isnull().sum()))
member = xarray.open_dataset(sys.argv[2]).load()
print("member", member.sst.dims, bool((member.sst == data.sst[:, 1]).sum() == member.sst.notnull().sum()))
)";

std::string config(const std::string& files) {
  return R"([data]
files = ")" +
         files + R"("
variables = ["sst", "ssh"]
trajectory = "member"
space = ["lat", "lon"]
length = 10
missing = "mask"
context = ["depth"]
[network]
kind = "unet"
order = 1
embedding = 4
channels = [8]
blocks = [1]
padding = "circular"
[training]
epochs = 40
[observation.points]
operator = [{every = 2}, {select = [1]}]
sigma = 0.5
length = 7
[guidance]
rule = "sda"
gamma = 1
[sampler]
steps = 8
grid = "uniform"
churn = 0
corrections = 1
[assimilation]
members = 3
)";
}

class UserSystem : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_installed(std::string(python) + "-c 'import xarray, netCDF4, cftime'")) {
      GTEST_SKIP() << "Python's xarray is not installed";
    }
    write_bytes(file("make.py"), make_ocean);
    write_bytes(file("look.py"), look);
    const auto made = run(python + file("make.py") + " " + file("ocean.nc"));
    ASSERT_EQ(made.status, 0) << made.output;
    write_bytes(file("own.toml"), config(file("ocean.nc")));
  }
  std::string file(const std::string& name) const { return folder_.file(name); }
  Finished succeed(const std::vector<std::string>& arguments) const {
    const Finished finished = run_program(arguments);
    EXPECT_EQ(finished.code, 0) << arguments.front() << ": " << finished.err;
    return finished;
  }

  ScratchFolder folder_;
};

TEST_F(UserSystem, GoesFromItsFilesToAnAnalysis) {
  EXPECT_THAT(
      succeed({"import", file("own.toml"), "-o", file("data")}).out,
      AllOf(HasSubstr("imported 12 trajectories of 10 states, 6 [hours] apart, from 1 file: sst [K], ssh [m] on "
                      "lat 4, lon 8; train.nc (9), valid.nc (1), test.nc (2)")));
  const TrajectoryFile data = read_trajectories(file("data/test.nc"));
  EXPECT_EQ(data.start_times, (std::vector<double>{100 + 120, 100 + 180}));
  EXPECT_EQ(data.trajectories.layout.calendar, "noleap");
  EXPECT_EQ(data.trajectories.layout.mask.logical_not().sum().item<std::int64_t>(), 2);

  succeed({"train", "--data", file("data"), "-o", file("model.nc")});
  succeed({"observe", "--data", file("data/test.nc"), "--trajectory", "1", "--start", "2", "-o", file("obs.nc")});
  succeed({"assimilate", "--keep-diverged", "--model", file("model.nc"), "--obs", file("obs.nc"), "-o",
           file("analysis.nc"), "--split-members"});
  EXPECT_THAT(succeed({"evaluate", "--obs", file("obs.nc"), file("analysis.nc")}).out,
              HasSubstr("points: no log-prior, for states that were imported"));
  succeed({"report", "--obs", file("obs.nc"), file("analysis.nc"), "-o", file("report")});
  EXPECT_THAT(succeed({"inspect", file("analysis.nc")}).out,
              AllOf(HasSubstr("6 [hours since 2004-02-28 12:00:00]"), HasSubstr("2 of 64 values")));

  const auto seen = run(python + file("look.py") + " " + file("analysis.nc") + " " + file("analysis_0001.nc"));
  EXPECT_EQ(seen.status, 0) << seen.output;
  // State 2 of the piece that starts 280 h after noon of 28 February; the next day is 1 March.
  EXPECT_THAT(seen.output, AllOf(HasSubstr("('time', 'realization', 'lat', 'lon') ('time', 'lat', 'lon') K "
                                           "sea_surface_temperature"),
                                 HasSubstr("2004-03-12 16:00:00 2004-03-12 22:00:00 degrees_north 45.0"),
                                 HasSubstr("land 1 1"), HasSubstr("member ('time', 'lat', 'lon') True")));
  EXPECT_EQ(std::filesystem::exists(file("analysis_0002.nc")), true);
  EXPECT_EQ(std::filesystem::exists(file("analysis_0003.nc")), false);
  if (!is_installed("cdo --version")) GTEST_SKIP() << "CDO is not installed";
  for (const std::string name : {"analysis.nc", "analysis_0001.nc", "obs.nc", "data/train.nc"}) {
    const auto outcome = run("cdo -s infon " + file(name));
    EXPECT_EQ(outcome.status, 0) << name;
    EXPECT_THAT(outcome.output, is_quiet()) << name;
  }
}

TEST_F(UserSystem, ReadsWhatCdoMadeOfTheSameFile) {
  if (!is_installed("cdo --version")) GTEST_SKIP() << "CDO is not installed";
  // CDO knows no order but (time, …, lat, lon), and no more than one axis beside time and space.
  write_bytes(file("one.py"),
              "import sys, xarray\n"
              "data = xarray.open_dataset(sys.argv[1], decode_times=False, mask_and_scale=False)\n"
              "for i in range(3):\n"
              "  data.isel(member=i).drop_vars(['member', 'depth']).transpose('time', 'lat', 'lon')"
              ".to_netcdf(f'{sys.argv[2]}_{i}.nc')\n");
  const auto split = run(python + file("one.py") + " " + file("ocean.nc") + " " + file("plain"));
  ASSERT_EQ(split.status, 0) << split.output;
  for (const std::string i : {"0", "1", "2"}) {
    const auto copied = run("cdo -s -f nc4 -b F64 copy " + file("plain_" + i + ".nc") + " " + file("cdo_" + i + ".nc"));
    ASSERT_EQ(copied.status, 0) << copied.output;
  }
  auto text = config(file("cdo_*.nc"));
  for (const std::string line : {"trajectory = \"member\"\n", "context = [\"depth\"]\n"})
    text.erase(text.find(line), line.size());
  write_bytes(file("cdo.toml"), text);
  succeed({"import", file("own.toml"), "-o", file("data")});
  succeed({"import", file("cdo.toml"), "-o", file("cdo_data")});
  const TrajectoryFile ours = read_trajectories(file("data/train.nc")),
                       its = read_trajectories(file("cdo_data/train.nc"));
  EXPECT_TRUE(at::allclose(ours.trajectories.states, its.trajectories.states, 1e-6, 1e-4));
  EXPECT_TRUE(same(ours.trajectories.layout.mask, its.trajectories.layout.mask));
  EXPECT_EQ(ours.trajectories.layout.time_origin, its.trajectories.layout.time_origin);
  EXPECT_EQ(ours.start_times, its.start_times);
}

/// Files of a few states each stand for those of a gigabyte.
TEST_F(UserSystem, TrainsOnManyFilesAsOnOne) {
  succeed({"import", file("own.toml"), "-o", file("whole")});
  succeed({"import", file("own.toml"), "-o", file("parts"), "--set", "data.file_gigabytes=1e-6"});
  EXPECT_TRUE(std::filesystem::exists(file("parts/train_0001.nc")));
  EXPECT_FALSE(std::filesystem::exists(file("parts/train.nc")));
  for (const std::string data : {"whole", "parts"}) {
    succeed({"train", "--data", file(data), "-o", file(data + ".nc"), "--epochs", "2", "--order", "1", "--set",
             "network.channels=4", "--set", "network.blocks=1"});
  }
  const auto weights = [&](const std::string& name) { return read_model(file(name)).prior.network->flat_values(); };
  EXPECT_TRUE(at::equal(weights("parts.nc"), weights("whole.nc")));

  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& line) {
    const Finished finished = run_program(arguments);
    EXPECT_EQ(finished.code, 1);
    EXPECT_THAT(finished.err, HasSubstr(line));
  };
  refused({"import", file("own.toml"), "-o", file("parts")}, "files of an earlier run: found train_0000.nc");
  refused({"import", file("own.toml"), "-o", file("whole"), "--set", "data.file_gigabytes=1e-6"},
          "files of an earlier run: found train.nc");
  refused({"simulate", "-o", file("parts")}, "files of an earlier run: found train_0000.nc");
}

TEST_F(UserSystem, WritesNothingWhereSomethingIsWrong) {
  const auto refused = [&](const std::vector<std::string>& sets, int code, const std::string& line) {
    std::vector<std::string> arguments{"import", file("own.toml"), "-o", file("data")};
    for (const auto& set : sets) arguments.insert(arguments.end(), {"--set", set});
    const Finished finished = run_program(arguments);
    EXPECT_EQ(finished.code, code) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(line));
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
    EXPECT_FALSE(std::filesystem::exists(file("data")));
  };
  refused({"data.missing=refuse"}, 1, "ocean.nc: sst: values are missing in all states");
  refused({"data.time=date"}, 2, "variable sst has no dimension date");
  refused({"data.length=40"}, 2, "no trajectory is left for valid.nc");
  refused({"data.train=0.9", "data.valid=0.2"}, 2, "data.train and data.valid are shares of one whole");
  refused({"data.variables=[\"depth\"]"}, 2, "variable depth has no dimension time");
  write_bytes(file("own.toml"), config(file("nowhere_*.nc")));
  refused({}, 1, "nowhere_*.nc");
  write_bytes(file("own.toml"), "[network]\norder = 2\n");
  refused({}, 2, "what shall be imported?");
}

TEST_F(UserSystem, HasNoFilterAndNoContextForAResidualNetwork) {
  succeed({"import", file("own.toml"), "-o", file("data")});
  const Finished trained =
      run_program({"train", "--data", file("data"), "-o", file("model.nc"), "--set", "network.kind=resmlp"});
  EXPECT_EQ(trained.code, 2);
  EXPECT_THAT(trained.err,
              HasSubstr("the data have context fields, which only a local U-Net or a TorchScript module takes"));
  succeed({"observe", "--data", file("data/test.nc"), "-o", file("obs.nc")});
  const Finished filtered = run_program({"filter", "--obs", file("obs.nc"), "-o", file("filter.nc")});
  EXPECT_EQ(filtered.code, 2);
  EXPECT_THAT(filtered.err, HasSubstr("needs the system's simulator"));
}

}  // namespace
}  // namespace sda::test
