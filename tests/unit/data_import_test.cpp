#include "sda/data/import.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "data/formats/netcdf_file.hpp"
#include "io_examples.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"

namespace sda::test {
namespace {

using io::Attributes;
using io::WritableGroup;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// All that [data] names, in one piece.
struct Imported {
  Trajectories trajectories;
  std::vector<double> start_times;
  Tensor context;
  std::size_t files;
  std::int64_t left_over;
};

Imported read_user_data(const DataParameters& p) {
  UserData data(p);
  data.survey(data.size());
  return {{data.layout(), data.read(0, data.size()), data.start_times().front()},
          data.start_times(),
          data.context(),
          data.files(),
          data.left_over()};
}

/// Files of another program, and what is read of them.
class UserDataTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::function<void(WritableGroup&)>& fill) const {
    io::NetcdfWriter writer(folder_.file(name));
    WritableGroup file = writer.root();
    fill(file);
    writer.commit();
    return folder_.file(name);
  }
  /// `values` under dimensions of its sizes.
  static void put(WritableGroup& file, const std::string& name, const std::vector<std::string>& dimensions,
                  const Tensor& values, const Attributes& attributes = {}, std::optional<double> fill = {}) {
    for (std::size_t i = 0; i < dimensions.size(); ++i) {
      file.dimension(dimensions[i], values.size(static_cast<std::int64_t>(i)));
    }
    file.variable(name, dimensions, values, attributes, fill);
  }
  static void put_times(WritableGroup& file, const std::vector<double>& times, const std::string& units = "s") {
    put(file, "time", {"time"}, at::tensor(times, at::kDouble), {{"units", units}});
  }
  /// One variable `u(time)` that counts from `first` on.
  std::string series(const std::string& name, const std::vector<double>& times, double first = 0,
                     const std::string& units = "s") const {
    return write(name, [&](WritableGroup& file) {
      put(file, "u", {"time"}, at::arange(static_cast<std::int64_t>(times.size()), at::kFloat) + first);
      put_times(file, times, units);
    });
  }
  DataParameters parameters(std::vector<std::string> files, std::vector<std::string> variables = {"u"}) const {
    for (auto& file : files) file = folder_.file(file);
    return {.files = files, .variables = std::move(variables)};
  }
  static std::string refusal(const DataParameters& p) {
    try {
      read_user_data(p);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  ScratchFolder folder_;
};

TEST_F(UserDataTest, OrderOfDimensionsDoesNotMatter) {
  const Tensor u = normal({2, 5, 3, 4}, {.seed = 1});  // member, time, y, x
  const auto in_order = [&](const std::string& name, const std::vector<std::int64_t>& order) {
    const std::vector<std::string> names{"member", "time", "y", "x"};
    std::vector<std::string> dimensions;
    for (const auto axis : order) dimensions.push_back(names[static_cast<std::size_t>(axis)]);
    write(name, [&](WritableGroup& file) {
      put(file, "u", dimensions, u.permute(order));
      put(file, "height", {"height"}, at::tensor({2.0}, at::kDouble));  // not asked for
      put_times(file, {0, 1, 2, 3, 4});
    });
    DataParameters p = parameters({name});
    p.trajectory = "member";
    p.space = {"y", "x"};
    return read_user_data(p).trajectories;
  };
  const Trajectories expected = in_order("a.nc", {0, 1, 2, 3});
  ASSERT_EQ(expected.states.sizes(), (Shape{2, 5, 1, 3, 4}));
  EXPECT_TRUE(same(expected.states.select(2, 0), u));
  for (const auto& order : std::vector<std::vector<std::int64_t>>{{3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}}) {
    EXPECT_TRUE(same(in_order("b.nc", order), expected));
  }
}

TEST_F(UserDataTest, KeepsNamesUnitsCoordinatesAndCalendarAndUnpacks) {
  write("packed.nc", [](WritableGroup& file) {
    put(file, "t2m", {"valid_time", "height", "lat"}, at::tensor({0, 1, 2, 300, 4, 5}, at::kInt).view({3, 1, 2}),
        {{"long_name", "temperature"},
         {"standard_name", "air_temperature"},
         {"units", "K"},
         {"scale_factor", 0.5},
         {"add_offset", 250.0}});
    put(file, "valid_time", {"valid_time"}, at::tensor({3.0, 3.25, 3.5}, at::kDouble),
        {{"units", "days since 2001-02-03 00:00:00"}, {"calendar", "noleap"}});
    put(file, "lat", {"lat"}, at::tensor({10.0, -10.0}, at::kDouble),
        {{"units", "degrees_north"}, {"standard_name", "latitude"}});
  });
  DataParameters p = parameters({"packed.nc"}, {"t2m"});
  p.time = "valid_time";
  p.space = {"lat"};
  const Imported data = read_user_data(p);
  const StateLayout& layout = data.trajectories.layout;
  EXPECT_EQ(layout.event, (Shape{1, 2}));
  EXPECT_TRUE(same(data.trajectories.states.flatten(), at::tensor({250.F, 250.5F, 251.F, 400.F, 252.F, 252.5F})));
  EXPECT_EQ(layout.variables[0].standard_name, "air_temperature");
  EXPECT_EQ(layout.variables[0].long_name, "temperature");
  EXPECT_EQ(layout.variables[0].units, "K");
  EXPECT_EQ(layout.dt, 0.25);
  EXPECT_EQ(layout.time_units, "days");
  EXPECT_EQ(layout.time_origin, "2001-02-03");
  EXPECT_EQ(layout.calendar, "noleap");
  EXPECT_EQ(data.trajectories.start_time, 3.0);
  EXPECT_EQ(layout.coordinates[0].values, (std::vector<double>{10, -10}));
  EXPECT_EQ(layout.coordinates[0].units, "degrees_north");
  EXPECT_EQ(layout.spacing, std::vector<double>{20});
}

TEST_F(UserDataTest, CutsLongTrajectoriesIntoPieces) {
  series("long.nc", {10, 10.5, 11, 11.5, 12, 12.5, 13, 13.5});
  DataParameters p = parameters({"long.nc"});
  p.skip = 1;
  p.length = 3;
  const Imported data = read_user_data(p);
  EXPECT_TRUE(same(data.trajectories.states.flatten(1), at::tensor({1.F, 2.F, 3.F, 4.F, 5.F, 6.F}).view({2, 3})));
  EXPECT_THAT(data.start_times, ElementsAre(10.5, 12.0));
  EXPECT_EQ(data.left_over, 1);
}

TEST_F(UserDataTest, FilesAreTrajectoriesOrGoOnInTime) {
  series("run_a.nc", {4, 6}, 20);
  series("run_b.nc", {0, 2}, 10);
  DataParameters p = parameters({"run_*.nc"});
  const Imported apart = read_user_data(p);
  EXPECT_EQ(apart.files, 2u);
  EXPECT_TRUE(same(apart.trajectories.states.flatten(1), at::tensor({20.F, 21.F, 10.F, 11.F}).view({2, 2})));
  EXPECT_THAT(apart.start_times, ElementsAre(4, 0));
  p.join = FileJoin::time;  // the names are in another order than the times
  EXPECT_TRUE(same(read_user_data(p).trajectories.states.flatten(), at::tensor({10.F, 11.F, 20.F, 21.F})));
}

TEST_F(UserDataTest, CutsAtGapsIfAllowed) {
  series("gap.nc", {0, 1, 2, 7, 8, 9, 10});
  DataParameters p = parameters({"gap.nc"});
  EXPECT_THAT(refusal(p), testing::AllOf(HasSubstr("gap.nc: time: times are not equally spaced"),
                                         HasSubstr("2 and then 7, at 2 and 3"), HasSubstr("data.gaps = \"cut\"")));
  p.gaps = GapRule::cut;
  EXPECT_THAT(refusal(p), HasSubstr("data.length = 3 cuts all to one length"));
  p.length = 3;
  const Imported data = read_user_data(p);
  EXPECT_TRUE(same(data.trajectories.states.flatten(1), at::tensor({0.F, 1.F, 2.F, 3.F, 4.F, 5.F}).view({2, 3})));
  EXPECT_THAT(data.start_times, ElementsAre(0, 7));
}

TEST_F(UserDataTest, LevelsBecomeVariables) {
  write("levels.nc", [](WritableGroup& file) {
    put(file, "T", {"time", "lev"}, at::arange(6, at::kFloat).view({2, 3}), {{"long_name", "temperature"}});
    put(file, "p", {"time"}, at::tensor({7.F, 8.F}));
    put(file, "lev", {"lev"}, at::tensor({850.0, 500.0, 0.5}, at::kDouble), {{"units", "hPa"}});
    put_times(file, {0, 1});
  });
  DataParameters p = parameters({"levels.nc"}, {"T", "p"});
  p.level = "lev";
  const Imported data = read_user_data(p);
  std::vector<std::string> names;
  for (const auto& variable : data.trajectories.layout.variables) names.push_back(variable.name);
  EXPECT_THAT(names, ElementsAre("T_850", "T_500", "T_2", "p"));
  EXPECT_EQ(data.trajectories.layout.variables[0].long_name, "temperature at lev 850 hPa");
  EXPECT_TRUE(same(data.trajectories.states[0], at::tensor({0.F, 1.F, 2.F, 7.F, 3.F, 4.F, 5.F, 8.F}).view({2, 4})));
}

TEST_F(UserDataTest, MasksWhatIsMissingAlwaysAndRefusesTheRest) {
  const auto with = [&](const std::string& name, const Tensor& values) {
    write(name, [&](WritableGroup& file) {
      put(file, "u", {"time", "x"}, values, {}, -999);
      put_times(file, {0, 1});
    });
    DataParameters p = parameters({name});
    p.space = {"x"};
    return p;
  };
  DataParameters land = with("land.nc", at::tensor({1.F, -999.F, 3.F, 5.F, nan, 7.F}).view({2, 3}));
  EXPECT_THAT(refusal(land), testing::AllOf(HasSubstr("land.nc: u: values are missing in all states"),
                                            HasSubstr("variable 0, x 1"), HasSubstr("data.missing = \"mask\"")));
  land.missing = MissingRule::mask;
  const Trajectories trajectories = read_user_data(land).trajectories;
  EXPECT_TRUE(same(trajectories.layout.mask, at::tensor({1, 0, 1}).to(at::kBool).view({1, 3})));
  EXPECT_TRUE(same(trajectories.states[0].select(1, 0), at::tensor({1.F, 4.F, 3.F, 5.F, 4.F, 7.F}).view({2, 3})));

  DataParameters cloud = with("cloud.nc", at::tensor({1.F, 2.F, 3.F, 5.F, -999.F, 7.F}).view({2, 3}));
  cloud.missing = MissingRule::mask;
  EXPECT_THAT(refusal(cloud), testing::AllOf(HasSubstr("cloud.nc: u: values are missing in some states"),
                                             HasSubstr("the first at time 1, x 1")));
}

TEST_F(UserDataTest, ValuesOutsideTheValidRangeAreMissingAndCounted) {
  write("land.nc", [](WritableGroup& file) {
    put(file, "u", {"time", "x"}, at::tensor({1.F, 999.F, 3.F, 5.F, 999.F, 7.F}).view({2, 3}), {{"valid_max", 100.0}});
    put_times(file, {0, 1});
  });
  DataParameters p = parameters({"land.nc"});
  p.space = {"x"};
  p.missing = MissingRule::mask;
  UserData data(p);
  data.survey(1);
  EXPECT_THAT(data.remarks(), ElementsAre("2 values of u outside its valid range are missing"));
  EXPECT_TRUE(same(data.layout().mask, at::tensor({1, 0, 1}).to(at::kBool).view({1, 3})));
}

TEST_F(UserDataTest, ContextIsNormalisedAndSpreadOverSpace) {
  write("fields.nc", [](WritableGroup& file) {
    put(file, "u", {"time", "y", "x"}, normal({3, 2, 2}, {.seed = 1}));
    put(file, "height", {"x", "y"}, at::tensor({0.F, 4.F, 2.F, 2.F}).view({2, 2}));
    put(file, "y", {"y"}, at::tensor({3.0, 5.0}, at::kDouble));
    put(file, "flat", {"x"}, at::tensor({2.0, 2.0}, at::kDouble));
    put_times(file, {0, 1, 2});
  });
  DataParameters p = parameters({"fields.nc"});
  p.space = {"y", "x"};
  p.context = {"height", folder_.file("fields.nc") + ":y"};
  const float root = std::sqrt(2.F);
  EXPECT_TRUE(at::allclose(read_user_data(p).context,
                           at::tensor({-root, 0.F, root, 0.F, -1.F, -1.F, 1.F, 1.F}).view({2, 2, 2})));
  p.context = {"flat"};
  EXPECT_THAT(refusal(p), HasSubstr("flat: a context field has the same value everywhere"));
  p.context = {"u"};
  EXPECT_THAT(refusal(p), HasSubstr("u changes in time"));
}

TEST_F(UserDataTest, StepsAreExactThoughTimesAreRounded) {
  std::vector<float> times;
  for (int i = 0; i < 4000; ++i) times.push_back(1000.F + 0.1F * static_cast<float>(i));
  write("rounded.nc", [&](WritableGroup& file) {
    put(file, "u", {"time"}, at::arange(4000, at::kFloat));
    put(file, "time", {"time"}, at::tensor(times));
  });
  EXPECT_EQ(read_user_data(parameters({"rounded.nc"})).trajectories.layout.dt, 0.1);
}

TEST_F(UserDataTest, HoursInDaysAreAWholeNumberOfSeconds) {
  std::vector<double> times;
  for (int i = 0; i < 96; ++i) times.push_back(738000 + i / 24.0);
  series("hourly.nc", times, 0, "days since 0001-01-01");
  EXPECT_EQ(read_user_data(parameters({"hourly.nc"})).trajectories.layout.dt, 3600.0 / 86400);
}

TEST_F(UserDataTest, FilesInOtherUnitsAreConverted) {
  const auto one = [&](const std::string& name, const std::string& units, double value, const std::string& time_units) {
    write(name, [&](WritableGroup& file) {
      put(file, "t", {"time"}, at::tensor({value, value + 1}, at::kDouble), {{"units", units}});
      put_times(file, {0, 1}, time_units);
    });
  };
  one("kelvin.nc", "K", 280, "days since 2000-01-01");
  one("celsius.nc", "degC", 10, "days since 2000-02-01");
  one("hours.nc", "degrees_C", 20, "hours since 2000-03-01");
  one("none.nc", "1", 281, "days since 2000-04-01");
  one("metres.nc", "m", 281, "days since 2000-04-01");
  one("months.nc", "K", 281, "months since 2000-04-01");
  UserData data(parameters({"kelvin.nc", "celsius.nc", "none.nc"}, {"t"}));
  EXPECT_TRUE(data.read(0, 3).flatten().allclose(at::tensor({280.F, 281.F, 283.15F, 284.15F, 281.F, 282.F})));
  EXPECT_THAT(data.start_times(), ElementsAre(0, 31, 91));  // days of January, then of February 2000 and March too
  EXPECT_EQ(data.layout().variables.front().units, "K");
  ASSERT_EQ(data.remarks().size(), 2U);
  EXPECT_THAT(data.remarks()[0], HasSubstr("celsius.nc: t converted from degC to K"));
  EXPECT_THAT(data.remarks()[1], HasSubstr("none.nc: t has the units 1, other files K: taken for the same"));
  // One hour is no day, so that steps differ, once times are days.
  EXPECT_THAT(refusal(parameters({"kelvin.nc", "hours.nc"}, {"t"})),
              testing::AllOf(HasSubstr("times are not equally spaced"), HasSubstr("60.0416667")));
  EXPECT_THAT(refusal(parameters({"kelvin.nc", "metres.nc"}, {"t"})),
              HasSubstr("metres.nc: names or units differ from those in"));
  EXPECT_THAT(refusal(parameters({"kelvin.nc", "months.nc"}, {"t"})), HasSubstr("the units of time differ"));
}

TEST_F(UserDataTest, RefusesInOneLineThatNamesFilePlaceAndMend) {
  series("good.nc", {0, 1, 2});
  series("twice.nc", {0, 1, 1, 2});
  series("back.nc", {0, 1, 2, 1.5});
  series("uneven.nc", {0, 1, 1.5, 3});
  series("overlap.nc", {2, 3, 4});
  series("other_units.nc", {3, 4, 5}, 0, "m");
  series("longer.nc", {0, 1, 2, 3});
  series("one_state.nc", {0});
  write("odd.nc", [](WritableGroup& file) {
    put(file, "u", {"t", "lev"}, at::zeros({3, 2}));
    put(file, "nan", {"time"}, at::tensor({1.F, nan, 2.F}));
    put(file, "infinite", {"time"}, at::tensor({1.F, 2.F, std::numeric_limits<float>::infinity()}));
    put(file, "good", {"time"}, at::tensor({1.F, 2.F, 4.F}));
    put(file, "deep", {"time", "lev"}, at::ones({3, 2}));
  });
  write_bytes(folder_.file("text.nc"), "a,b\n1,2\n");
  const auto p = [&](std::vector<std::string> files, const std::function<void(DataParameters&)>& change = {}) {
    DataParameters one = parameters(std::move(files));
    if (change) change(one);
    return refusal(one);
  };
  using P = DataParameters;
  EXPECT_THAT(refusal({}), HasSubstr("data.variables: which variables make a state?"));
  EXPECT_THAT(refusal({.variables = {"u"}}), HasSubstr("data.files: which files?"));
  EXPECT_THAT(p({"none_*.nc"}), HasSubstr("none_*.nc"));
  EXPECT_THAT(p({"text.nc"}), HasSubstr("text.nc: not a NetCDF file"));
  EXPECT_THAT(p({"good.nc"}, [](P& d) { d.variables = {"v"}; }),
              HasSubstr("good.nc: variable v is missing: found u, time"));
  EXPECT_THAT(p({"twice.nc"}),
              HasSubstr("twice.nc: time: two states have the same time: found 1 and then 1, at 1 and 2"));
  EXPECT_THAT(p({"back.nc"}), HasSubstr("back.nc: time: times run backwards"));
  EXPECT_THAT(p({"uneven.nc"}), HasSubstr("uneven.nc: time: times are not equally spaced: found 1 and then 1.5"));
  EXPECT_THAT(p({"good.nc", "overlap.nc"}, [](P& d) { d.join = FileJoin::time; }),
              testing::AllOf(HasSubstr("good.nc and "), HasSubstr("overlap.nc: time: two states have the same time")));
  EXPECT_THAT(p({"good.nc", "other_units.nc"}),
              testing::AllOf(HasSubstr("other_units.nc: the units of time differ"), HasSubstr("setreftime")));
  EXPECT_THAT(p({"good.nc", "longer.nc"}), HasSubstr("data.length = 3 cuts all to one length"));
  EXPECT_THAT(p({"one_state.nc"}), HasSubstr("no trajectory has two states"));
  EXPECT_THAT(p({"good.nc"}, [](P& d) { d.length = 4; }), HasSubstr("data.length: no trajectory is long enough"));
  EXPECT_THAT(p({"good.nc"}, [](P& d) { d.step = 2; }), HasSubstr("data.step: states are another time apart"));
  EXPECT_THAT(p({"good.nc"}, [](P& d) { d.space = {"x"}; }), HasSubstr("variable u has no dimension x"));
  EXPECT_THAT(p({"good.nc"}, [](P& d) { d.space = {"time"}; }),
              HasSubstr("data.space: a name is given twice: found time"));
  EXPECT_THAT(p({"odd.nc"}), testing::AllOf(HasSubstr("variable u has no dimension time"), HasSubstr("u(t, lev)")));
  EXPECT_THAT(p({"odd.nc"}, [](P& d) { d.time = "tt"; }), HasSubstr("did you mean t?"));
  EXPECT_THAT(p({"odd.nc"}, [](P& d) { d.variables = {"deep"}; }),
              HasSubstr("dimension lev of deep is not accounted for: found deep(time, lev)"));
  EXPECT_THAT(p({"odd.nc"}, [](P& d) { d.variables = {"good"}; }),
              HasSubstr("data.step = the time between two states"));
  EXPECT_THAT(p({"odd.nc"}, [](P& d) { d.variables = {"nan"}, d.step = 1; }),
              testing::AllOf(HasSubstr("odd.nc: nan: values are NaN"), HasSubstr("1 of 3, the first at time 1"),
                             HasSubstr("ncatted -a _FillValue,nan")));
  EXPECT_THAT(p({"odd.nc"}, [](P& d) { d.variables = {"infinite"}, d.step = 1; }), HasSubstr("the first at time 2"));
  EXPECT_EQ(p({"odd.nc"}, [](P& d) { d.variables = {"good"}, d.step = 0.5; }), "");
}

TEST_F(UserDataTest, TimesInOtherWords) {
  const auto layout_of = [&](const std::vector<double>& times, const Attributes& attributes,
                             const std::string& dimension = "time") {
    write("t.nc", [&](WritableGroup& file) {
      put(file, "u", {dimension}, at::arange(static_cast<std::int64_t>(times.size()), at::kFloat));
      put(file, dimension, {dimension}, at::tensor(times, at::kDouble), attributes);
    });
    const UserData data(parameters({"t.nc"}));
    EXPECT_EQ(data.start_times(), std::vector{times.front() > 1e6 ? 0.5 : times.front()});
    return data.layout();
  };
  EXPECT_EQ(layout_of({1, 2, 3}, {{"units", "Hours Since 2000-01-01"}}).time_units, "hours");
  const auto ecmwf = layout_of({1, 2, 3}, {{"units", "hours since 2000-01-01 00:00:00"}}, "valid_time");
  EXPECT_EQ(ecmwf.time_origin, "2000-01-01");
  // CDO's absolute axis: from noon of 28 February to noon of 1 March 2004 are two days.
  const auto absolute = layout_of({20040228.5, 20040229.5, 20040301.5}, {{"units", "day as %Y%m%d.%f"}});
  EXPECT_EQ(absolute.time_units, "days");
  EXPECT_EQ(absolute.time_origin, "2004-02-28");
  EXPECT_EQ(absolute.dt, 1);
  EXPECT_THAT(
      [&] {
        layout_of({1, 2, 3}, {{"units", "days since 2000-01-01"}, {"calendar", "lunar"}});
      },
      testing::ThrowsMessage<FileError>(HasSubstr("t.nc: time: dates of an unknown calendar: found lunar")));
  EXPECT_THAT(
      [&] {
        layout_of({1, 2, 3}, {{"units", "levels since 2000-01-01"}});
      },
      testing::ThrowsMessage<FileError>(HasSubstr("found levels since 2000-01-01")));
}

TEST_F(UserDataTest, SecondsThatFloat32CannotTellApart) {
  write("f.nc", [](WritableGroup& file) {
    put(file, "u", {"time"}, at::arange(4, at::kFloat));
    // Near 1.7e9 float32 knows every 128th second.
    put(file, "time", {"time"}, (at::arange(4, at::kDouble) * 60 + 1.7e9).to(at::kFloat),
        {{"units", "seconds since 1970-01-01"}});
  });
  EXPECT_THAT(
      [&] { UserData data(parameters({"f.nc"})); },
      testing::ThrowsMessage<FileError>(HasSubstr("times are stored as float32, which cannot tell them apart")));
}

TEST_F(UserDataTest, EachVariableIsNormalisedByItself) {
  StateLayout layout{.event = {2}, .variables = {{"a", "a"}, {"b", "b"}}, .space_names = {}};
  const Tensor states = at::tensor({1.F, 10.F, 3.F, 30.F}).view({1, 2, 2}).repeat({2, 1, 1});
  const auto normalisation_of = [&](const Tensor& some) {
    ChannelStatistics statistics;
    for (std::int64_t i = 0; i < some.size(0); ++i) statistics.add(some.narrow(0, i, 1));
    return statistics.result(layout);
  };
  const Normalisation normalisation = normalisation_of(states);
  EXPECT_TRUE(same(normalisation.mean, at::tensor({2.0, 20.0}, at::kDouble)));
  EXPECT_TRUE(same(normalisation.std, at::tensor({1.0, 10.0}, at::kDouble)));
  try {
    normalisation_of(at::ones({2, 3, 2}));
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_THAT(error.what(), HasSubstr("a: a variable has the same value everywhere"));
  }
}

TEST_F(UserDataTest, FilesKeepAllThatWasImported) {
  const TrajectoryFile file = ocean_file();
  write_trajectories(folder_.file("ocean.nc"), file);
  EXPECT_TRUE(same(read_trajectories(folder_.file("ocean.nc")), file));
}

TEST_F(UserDataTest, AnalysesHaveNothingUnderTheMaskAndMomentsBeside) {
  const Ensemble ensemble{ocean_layout(), example_states(ocean_layout(), 4, 3), 24, "SDA"};
  write_ensemble(folder_.file("ocean.nc"), ensemble, {}, example_provenance());
  const Ensemble found = read_ensemble(folder_.file("ocean.nc")).ensemble;
  EXPECT_TRUE(same(found.layout, ensemble.layout));
  const Tensor nothing = ensemble.layout.mask.logical_not();
  EXPECT_TRUE(same(found.members, ensemble.members.masked_fill(nothing, 0)));

  const io::NetcdfReader reader(folder_.file("ocean.nc"));
  const io::ReadableGroup root = reader.root();
  EXPECT_EQ(root.dimensions("sst"), (std::vector<std::string>{"time", "realization", "lat", "cell"}));
  EXPECT_EQ(root.text_of("sst", "standard_name"), "sea_surface_temperature");
  EXPECT_EQ(root.text_of("time", "units"), "hours since 1999-12-31 18:00:00");
  EXPECT_EQ(root.text_of("time", "calendar"), "noleap");
  const auto fill_value = root.numbers_of("sst", "_FillValue");
  ASSERT_TRUE(fill_value && fill_value->values.size() == 1);
  const float fill = static_cast<float>(fill_value->values.front());
  EXPECT_EQ(root.read("sst")[2][3][1][2].item<float>(), fill);
  EXPECT_EQ(root.read("sst_mean")[2][1][2].item<float>(), fill);
  const Tensor one = ensemble.members.select(1, 1).select(1, 0).select(1, 0).select(1, 0).to(at::kDouble);
  EXPECT_NEAR(root.read("sst_mean")[1][0][0].item<double>(), one.mean().item<double>(), 1e-5);
  EXPECT_NEAR(root.read("sst_spread")[1][0][0].item<double>(), one.std().item<double>(), 1e-5);
}

TEST_F(UserDataTest, VariablesOfGroups) {
  const auto fill = [](WritableGroup& file, double latitude) {
    put_times(file, {0, 1, 2});
    put(file, "lat", {"lat"}, at::tensor({0.0, 10.0}, at::kDouble), {{"units", "degrees_north"}});
    WritableGroup product = file.make_group("PRODUCT"), other = file.make_group("OTHER");
    product.variable("u", {"time", "lat"}, at::arange(6, at::kFloat).view({3, 2}));
    put(other, "lat", {"lat"}, at::tensor({0.0, latitude}, at::kDouble), {{"units", "degrees_north"}});
    put(other, "v", {"time", "lat"}, at::arange(6, at::kFloat).view({3, 2}) + 10);
    put(other, "w", {"time", "lat"}, at::arange(6, at::kFloat).view({3, 2}));
    product.variable("w", {"time", "lat"}, at::arange(6, at::kFloat).view({3, 2}));
  };
  write("groups.nc", [&](WritableGroup& file) { fill(file, 10); });
  write("elsewhere.nc", [&](WritableGroup& file) { fill(file, 11); });
  auto p = parameters({"groups.nc"}, {"u", "OTHER/v"});
  p.space = {"lat"};
  const auto read = read_user_data(p).trajectories;
  EXPECT_EQ(read.layout.variables[0].name, "u");
  EXPECT_EQ(read.layout.variables[1].name, "v");
  EXPECT_THAT(read.layout.coordinates[0].values, ElementsAre(0, 10));
  const Tensor u = at::arange(6, at::kFloat).view({1, 3, 1, 2});
  EXPECT_TRUE(read.states.equal(at::cat({u, u + 10}, 2))) << read.states;
  p.files = {folder_.file("elsewhere.nc")};
  EXPECT_THAT(refusal(p), HasSubstr("OTHER/v: variables of several groups lie at other places or times"));
  p.variables = {"w"};
  EXPECT_THAT(refusal(p),
              HasSubstr("several groups have a variable w: found PRODUCT/w, OTHER/w, expected the one that is "
                        "meant: data.variables = [\"PRODUCT/w\"], say"));
  p.variables = {"PRODUCT/x"};
  EXPECT_THAT(refusal(p), HasSubstr("variable PRODUCT/x is missing: found time, lat, PRODUCT/u, PRODUCT/w, OTHER/lat, "
                                    "OTHER/v, OTHER/w; did you mean PRODUCT/u?"));
}

TEST_F(UserDataTest, StatesInPartsAreTheSameStates) {
  // Each state holds 1 MB, so that a piece is read in several parts: as one of the whole would be.
  const std::int64_t n = 40, points = 1 << 18;
  Tensor u = at::arange(n, at::kFloat).view({n, 1}) + 1e-3 * at::arange(points, at::kFloat).remainder(97);
  write("large.nc", [&](WritableGroup& file) {
    put(file, "u", {"time", "x"}, u);
    put(file, "time", {"time"}, at::arange(n, at::kDouble), {{"units", "s"}});
  });
  auto p = parameters({"large.nc"});
  p.space = {"x"}, p.length = 20;
  UserData data(p);
  const auto normalisation = data.survey(1);
  const Tensor states = data.read(0, 2);
  EXPECT_TRUE(states.equal(u.view({2, 20, 1, points})));
  const Tensor first = u.narrow(0, 0, 20).to(at::kDouble);
  EXPECT_NEAR(normalisation.mean.item<double>(), first.mean().item<double>(), 1e-12);
  EXPECT_NEAR(normalisation.std.item<double>(), first.std(/*unbiased=*/false).item<double>(), 1e-11);  // sums of 5e6
  // What is missing in a later part is told with its place.
  u[25][7] = nan;
  write("large.nc", [&](WritableGroup& file) {
    put(file, "u", {"time", "x"}, u, {}, nan);
    put(file, "time", {"time"}, at::arange(n, at::kDouble), {{"units", "s"}});
  });
  p.length = 40;
  EXPECT_THAT(refusal(p),
              HasSubstr("values are missing in some states and not in others: found 1 of 4194304, the first at "
                        "time 25, x 7 (counted from 0)"));
}

}  // namespace
}  // namespace sda::test
