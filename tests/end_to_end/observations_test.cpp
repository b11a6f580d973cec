/// Observations of instruments, from their files to an analysis; and every way such a file is wrong, each with its
/// line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "io_examples.hpp"
#include "tools.hpp"
#include "workshop.hpp"

namespace sda::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* python = "/usr/bin/python3 ";

/// Two masts on Lorenz 1963 (time step 0.025), with an observation between two states and one to be rejected.
constexpr const char* masts =
    "time,variable,value,error,flag\n"
    "0.1,x,-3.5,0.5,0\n"
    "0.1,z,22.25,1,0\n"
    "0.1625,y,-4,0.5,0\n"
    "0.2,x,-4,0.5,0\n"
    "0.2,z,,1,0\n"
    "0.25,x,99,0.5,3\n"
    "0.3,x,-5,0.5,0\n";

class InstrumentObservations : public testing::Test {
 protected:
  std::string file(const std::string& name) const { return folder_.file(name); }
  std::string written(const std::string& name, const std::string& bytes) const {
    write_bytes(file(name), bytes);
    return file(name);
  }
  Finished succeed(const std::vector<std::string>& arguments) const {
    const Finished finished = run_program(arguments);
    EXPECT_EQ(finished.code, 0) << arguments.front() << ": " << finished.err;
    return finished;
  }
  ScratchFolder folder_;
};

TEST_F(InstrumentObservations, GoFromACsvToAnAnalysis) {
  const auto csv = written("masts.csv", masts);
  const auto observed = succeed({"observe", "--from", csv, "--model", Workshop::shared().model(), "-o", file("y.nc")});
  EXPECT_THAT(observed.out, HasSubstr("observed masts: 5 observations of a trajectory of 9 states"));
  EXPECT_THAT(observed.err, AllOf(HasSubstr("masts.csv: 5 of 7 observations used: 3 of x, 1 of y, 1 of z"),
                                  HasSubstr("rejected: 1 with a quality flag above 0 (line 7)"),
                                  HasSubstr("rejected: 1 without a value (line 6)")));
  const auto inspected = succeed({"inspect", file("y.nc")}).out;
  EXPECT_THAT(inspected, AllOf(HasSubstr("5 observations in 9 states"),
                               HasSubstr("rejected: 1 without a value (line 6)"), HasSubstr("lorenz63")));
  succeed({"assimilate", "--keep-diverged", "--model", Workshop::shared().model(), "--obs", file("y.nc"), "-o",
           file("posterior.nc")});
  const auto scored = succeed({"evaluate", "--obs", file("y.nc"), file("posterior.nc")});
  EXPECT_THAT(scored.out, HasSubstr("masts"));
  succeed({"report", "--obs", file("y.nc"), file("posterior.nc"), "-o", file("report")});
  EXPECT_TRUE(std::filesystem::exists(file("report/masts.png")));

  // A filter goes from state to state.
  const auto between = run_program({"filter", "--obs", file("y.nc"), "-o", file("filter.nc")});
  EXPECT_EQ(between.code, 1);
  EXPECT_THAT(between.err, HasSubstr("an observation lies between two states"));
  succeed({"observe", "--from", csv, "--model", Workshop::shared().model(), "-o", file("y.nc"), "--set",
           "observation_file.time=nearest"});
  succeed({"filter", "--obs", file("y.nc"), "-o", file("filter.nc")});
}

TEST_F(InstrumentObservations, AreScoredAgainstATruthThatIsNamed) {
  const std::string model = Workshop::shared().model(), trajectories = Workshop::shared().data() + "/train.nc";
  succeed({"observe", "--from", written("masts.csv", masts), "--model", model, "-o", file("y.nc"), "--begin", "0",
           "--end", "0.2"});
  succeed({"assimilate", "--keep-diverged", "--model", model, "--obs", file("y.nc"), "-o", file("posterior.nc")});
  const auto evaluate = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"evaluate", "--json", "--obs", file("y.nc"), file("posterior.nc")});
    return run_program(flags);
  };
  EXPECT_THAT(evaluate({}).out, HasSubstr("\"rmse\": null"));
  const auto second = evaluate({"--truth", trajectories, "--truth-trajectory", "1"});
  EXPECT_THAT(second.out, testing::ContainsRegex("\"rmse\": [0-9]")) << second.err;
  EXPECT_NE(evaluate({"--truth", trajectories}).out, second.out);
  EXPECT_THAT(evaluate({"--truth", trajectories, "--truth-trajectory", "1000"}).err,
              HasSubstr("--truth-trajectory: there is no such trajectory: found 1000"));
  EXPECT_EQ(evaluate({"--truth-trajectory", "1"}).code, 2);

  succeed(
      {"observe", "--from", file("masts.csv"), "--model", model, "-o", file("y.nc"), "--begin", "0.1", "--end", "10"});
  succeed({"assimilate", "--keep-diverged", "--model", model, "--obs", file("y.nc"), "-o", file("posterior.nc")});
  EXPECT_THAT(evaluate({"--truth", trajectories}).err,
              AllOf(HasSubstr("train.nc: trajectory 0"), HasSubstr("expected 397 states from 0.1")));
}

TEST_F(InstrumentObservations, OfDefinedVariablesAndAWindow) {
  const auto csv = written("r.csv",
                           "time,variable,value\n"
                           "0.1,x,-3.5\n"
                           "0.15,radius,25\n"
                           "0.9,x,1\n");
  const auto observed = succeed({"observe", "--from", csv, "--data", Workshop::shared().data() + "/test.nc", "-o",
                                 file("y.nc"), "--begin", "0", "--end", "0.4", "--error", "0.5", "--name", "two",
                                 "--set", "observation_file.define=\"radius = sqrt(x^2 + y^2 + z^2)\""});
  EXPECT_THAT(observed.out, HasSubstr("observed two: 2 observations of a trajectory of 17 states"));
  EXPECT_THAT(observed.err, HasSubstr("rejected: 1 outside the window, times from 0 to 0.4 (line 4)"));
  const Observations y = read_observations(file("y.nc")).observations;
  ASSERT_EQ(y.parts.size(), 2u);
  EXPECT_EQ(y.parts[1].name, "radius");
  const Tensor x = y.normalisation.normalise(at::tensor({3.0, 4.0, 12.0}, at::kDouble)).expand({1, 17, 3});
  EXPECT_TRUE(y.apply(x).allclose(at::tensor({3.0, 13.0}, at::kDouble).unsqueeze(0), 1e-12));
}

// Waves on a small ocean, as tests/end_to_end/user_data_test.cpp has them: what its own fields say is read without
// departure.
TEST_F(InstrumentObservations, FromIodaAndFromAGridByPython) {
  if (!is_installed(std::string(python) + "-c 'import xarray, netCDF4'"))
    GTEST_SKIP() << "Python's NetCDF is not installed";
  const auto script = written("make.py", R"(import sys
import numpy as np, netCDF4, xarray
t, y, x = np.arange(24), np.linspace(-60, 60, 4), np.arange(8) * 45.0
field = lambda t, y, x: 290 + 0.1 * t + 0.02 * y + 0 * x
data = xarray.Dataset({"sst": (("time", "lat", "lon"), field(t[:, None, None], y[:, None], x) + np.sin(t)[:, None, None],
                               {"units": "K"})},
    {"time": ("time", 6 * t, {"units": "hours since 2004-02-28 12:00:00"}), "lat": ("lat", y, {"units": "degrees_north"}),
     "lon": ("lon", x, {"units": "degrees_east"})})
data.to_netcdf(sys.argv[1] + "/own.nc")
file = netCDF4.Dataset(sys.argv[1] + "/ioda.nc", "w")
file.createDimension("Location", 5)
def put(group, name, kind, values, fill=None, **attributes):
    v = file.createGroup(group).createVariable(name, kind, ("Location",), fill_value=fill)
    v[:] = values
    v.setncatts(attributes)
epoch = 1077969600 # noon of 28 February 2004
put("MetaData", "dateTime", "i8", epoch + 3600 * np.array([0, 9, 6, 6, 600]), units="seconds since 1970-01-01T00:00:00Z")
put("MetaData", "latitude", "f4", [-60, 0, 20, 20, 20])
put("MetaData", "longitude", "f4", [0, -90, 30, 31, 0])
put("ObsValue", "sst", "f4", np.ma.masked_invalid([288.8, 290.15, 290.5, np.nan, 290]), fill=-999.0)
put("ObsValue", "salinity", "f4", [35, 35, 35, 35, 35])
put("ObsError", "sst", "f4", [0.5, 0.5, 0.25, 0.5, 0.5])
put("PreQC", "sst", "i4", [0, 0, 0, 0, 0])
file.close()
coarse = xarray.Dataset({"sst": (("time", "lat", "lon"), field(np.array([1.0, 2.0])[:, None, None], y[1:3, None], x[::2])),
                         "sst_error": (("time", "lat", "lon"), np.full((2, 2, 4), 0.5))},
    {"time": ("time", np.array(["2004-02-28T18:00", "2004-02-29T00:00"], "M8[ns]")), "lat": y[1:3], "lon": x[::2]})
coarse.sst[0, 0, :3] = np.nan
coarse.to_netcdf(sys.argv[1] + "/grid.nc")
)");
  const auto made = run(python + script + " " + file("."));
  ASSERT_EQ(made.status, 0) << made.output;
  succeed({"import",
           written("own.toml", "[data]\nfiles = \"" + file("own.nc") +
                                   "\"\nvariables = [\"sst\"]\nspace = [\"lat\", \"lon\"]\nlength = 8\ntrain = "
                                   "0.4\nvalid = 0.3\n"),
           "-o", file("data")});
  const auto ioda = succeed({"observe", "--from", file("ioda.nc"), "--data", file("data/train.nc"), "-o", file("y.nc"),
                             "--end", "2004-03-01"});
  EXPECT_THAT(ioda.err, AllOf(HasSubstr("ioda.nc: 3 of 5 observations used: 3 of sst"),
                              HasSubstr("1 without a value (location 3)"), HasSubstr("1 outside the window"),
                              HasSubstr("variables not used: salinity")));
  const Observations y = read_observations(file("y.nc")).observations;
  EXPECT_EQ(y.length, 7);
  EXPECT_THAT(y.parts.front().noise.values(), testing::ElementsAre(0.5, 0.5, 0.25));
  const auto plane = [&](const Observations& of) {  // the field without its sine, linear in time and latitude
    const Tensor t = at::arange(of.length, at::kDouble) + of.start_time / 6;
    const Tensor lat = at::tensor(of.layout.points_along(0), at::kDouble).view({-1, 1});
    return of.normalisation.normalise((290 + 0.1 * t.view({-1, 1, 1, 1}) + 0.02 * lat).expand({of.length, 1, 4, 8}))
        .unsqueeze(0);
  };
  EXPECT_LT(y.departure(plane(y)).abs().max().item<double>(), 1e-4);

  const auto grid =
      succeed({"observe", "--from", file("grid.nc"), "--data", file("data/train.nc"), "-o", file("g.nc")});
  EXPECT_THAT(grid.err,
              AllOf(HasSubstr("grid.nc: 13 of 16 observations used"), HasSubstr("3 without a value (values 0, 1, 2)")));
  const Observations g = read_observations(file("g.nc")).observations;
  EXPECT_EQ(g.start_time, 6);
  EXPECT_LT(g.departure(plane(g)).abs().max().item<double>(), 1e-9);
  if (!is_installed("cdo --version")) GTEST_SKIP() << "CDO is not installed";
  const auto outcome = run("cdo -s infon " + file("g.nc"));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.output, is_quiet());
}

// The table of bad files ---------------------------------------------------------------------------------------------

struct BadFile {
  const char* name;
  std::string bytes;
  std::vector<std::string> fragments;  ///< of the one line
};

void PrintTo(const BadFile& bad, std::ostream* out) {
  *out << bad.name;
}

const std::string head = "time,variable,value,error\n0.1,x,-3.5,0.5\n";

const std::vector<BadFile> bad_files{
    {"MissingErrorColumn",
     "time,variable,value\n0.1,x,-3.5\n",
     {"bad.csv:1: column error is missing", "found time, variable, value", "expected a column error", "--error 0.1"}},
    {"MisspeltColumn", "time,variable,value,eror\n0.1,x,-3.5,1\n", {"column error is missing", "is it eror?"}},
    {"NoHead", "0.1,x,-3.5,0.5\n0.2,x,-3.5,0.5\n", {"bad.csv:1: column time is missing", "found 0.1, x, -3.5, 0.5"}},
    {"ThousandsSeparators",
     head + "0.2,x,\"1,234.5\",0.5\n",
     {"bad.csv:3: column value: not a number: found 1,234.5", "expected a number",
      "without thousands separators: 1234.5"}},
    {"ThousandsSeparatorsWithoutQuotes",
     head + "0.2,x,1,234.5,0.5\n",
     {"bad.csv:3: column 5: a row with too many fields", "found 5", "expected 4", "without thousands separators"}},
    {"DecimalCommas",
     "time;variable;value;error\n0,1;x;3;0,5\n",
     {"bad.csv:2: column error: not a number: found 0,5", "write a decimal point, not a comma"}},
    {"DuplicateTimes",
     head + "0.2,x,1,0.5\n0.1,x,-3,0.5\n",
     {"bad.csv:4: column time: two observations of one variable at the same time and place", "found 0.1, as in line 2",
      "keep one"}},
    {"Latin1",
     "time,variable,value,error,place\n0.1,x,-3.5,0.5,Besan\xE7on\n",
     {"bad.csv:2: column 5: not UTF-8, perhaps Latin-1", "found the byte 0xe7", "expected UTF-8", "iconv -f LATIN1"}},
    {"Utf16", std::string("\xFF\xFEt\0i\0", 6), {"bad.csv:1: not a table of text", "found UTF-16", "iconv -f UTF-16"}},
    {"NegativeError",
     head + "0.2,x,1,-0.5\n",
     {"bad.csv:3: column error: an observation's error is no standard deviation", "found -0.5",
      "expected a number > 0"}},
    {"ZeroError", head + "0.2,x,1,0\n", {"bad.csv:3: column error", "found 0", "no observation is exact"}},
    {"UnknownVariable",
     head + "0.2,xx,1,1\n",
     {"bad.csv:3: column variable: no such variable: found xx", "one of x, y, z", "did you mean x?"}},
    {"Infinite",
     head + "0.2,x,inf,1\n",
     {"bad.csv:3: column value: not a finite number: found inf", "leave the value empty"}},
    {"InfiniteError", head + "0.2,x,1,inf\n", {"bad.csv:3: column error: not a finite number: found inf"}},
    {"NoTime", head + "noon,x,1,1\n", {"bad.csv:3: column time: not a time: found noon", "expected a number in"}},
    {"DateWithoutCalendar",
     head + "2004-02-28,x,1,1\n",
     {"bad.csv:3: column time: a date, and the data are of no calendar"}},
    {"TimesInAnotherUnit",
     head + "1e9,x,1,1\n",
     {"bad.csv:3: column time: the observations' times are too far apart", "1e+09",
      "give times in the data's own units"}},
    {"ShortRow", head + "0.2,x,1\n", {"bad.csv:3: column 4: a row with too few fields"}},
    {"NoRows", "time,variable,value,error\n", {"bad.csv: there are no observations"}},
    {"Empty", "", {"bad.csv: empty file"}},
    {"NothingLeft",
     "time,variable,value,error,flag\n0.1,x,1,1,2\n",
     {"bad.csv: no observation is left", "1 with a quality flag above 0 (line 2)"}},
    {"OpenQuotes", head + "\"0.2,x,1,1\n", {"bad.csv:3: column 1: quotes are opened and not closed"}},
    {"HalfAnHdf5File", "\x89HDF\r\n\x1A\n", {"bad.csv: the file is damaged or truncated"}},
};

class BadObservationFile : public testing::TestWithParam<BadFile> {};

TEST_P(BadObservationFile, GiveOneLineAndWriteNothing) {
  const ScratchFolder inputs, outputs;
  write_bytes(inputs.file("bad.csv"), GetParam().bytes);
  const auto finished = run_program({"observe", "--from", inputs.file("bad.csv"), "--data",
                                     Workshop::shared().data() + "/test.nc", "-o", outputs.file("y.nc")});
  EXPECT_EQ(finished.code, 1) << finished.err;
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  for (const auto& fragment : GetParam().fragments) EXPECT_THAT(finished.err, HasSubstr(fragment));
  EXPECT_THAT(finished.out, IsEmpty());
  EXPECT_THAT(outputs.names(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(, BadObservationFile, testing::ValuesIn(bad_files),
                         [](const auto& bad) { return bad.param.name; });

// Places are of fields: Lorenz 1996 on a ring has one axis.
TEST_F(InstrumentObservations, OutsideTheDomainSayBothRanges) {
  succeed({"simulate", Workshop::shared().config(), "--set", "dynamics.system=lorenz96", "--set", "dynamics.sites=8",
           "-o", file("ring")});
  const auto csv = written("ring.csv", "time,site,value,error\n0,450,1,1\n0.1,900,1,1\n");
  const auto finished = run_program({"observe", "--from", csv, "--data", file("ring/test.nc"), "-o", file("y.nc")});
  EXPECT_EQ(finished.code, 1);
  EXPECT_THAT(finished.err,
              HasSubstr("ring.csv:2: column site: no observation lies within the domain: found site from 450 to "
                        "900, expected site from -0.5 to 7.5; give coordinates in the data's own units"));
  EXPECT_FALSE(std::filesystem::exists(file("y.nc")));
}

TEST_F(InstrumentObservations, AByteOrderMarkIsTakenAndSaid) {
  const auto csv = written("r.csv", "\xEF\xBB\xBF" + head);
  const auto observed =
      succeed({"observe", "--from", csv, "--data", Workshop::shared().data() + "/test.nc", "-o", file("y.nc")});
  EXPECT_THAT(observed.err, HasSubstr("note: a byte-order mark at the beginning was passed over"));
}

TEST_F(InstrumentObservations, WantToKnowTheSystem) {
  const auto csv = written("r.csv", head);
  const auto refused = [&](std::vector<std::string> more, const std::string& line) {
    std::vector<std::string> arguments{"observe", "-o", file("y.nc")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto finished = run_program(arguments);
    EXPECT_EQ(finished.code, 2) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(line));
  };
  const auto data = Workshop::shared().data() + "/test.nc";
  refused({"--from", csv}, "observations of which system?");
  refused({"--from", csv, "--data", data, "--model", Workshop::shared().model()}, "either --model MODEL or --data");
  refused({}, "--data is required");
  refused({"--data", data, "--begin", "3"}, "--begin: a flag of observations alone");
  refused({"--from", csv, "--data", data, "--begin", "noon"}, "--begin: not a time: found noon");
  refused({"--from", csv, "--data", data, "--begin", "1", "--end", "0.5"}, "--end: the window ends before it begins");
  refused({"--from", csv, "--data", data, "--set", "observation_file.space=linaer"}, "observation_file.space");
  refused({"--from", csv, "--data", data, "--set", "observation_file.define=[\"r\"]"},
          "observation_file.define: not a definition: found r");
  refused({"--from", csv, "--data", data, "--set", "observation_file.error=[1, 2]"}, "expected 1 or 3");
}

}  // namespace
}  // namespace sda::test
