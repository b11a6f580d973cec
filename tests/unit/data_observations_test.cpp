/// Observations of instruments: what is taken of a file, where it lies among the states, and what is refused, by hand.
#include "sda/data/observations.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <map>

#include "core/torch.hpp"
#include "data/formats/netcdf_file.hpp"
#include "data/observations/missing.hpp"
#include "observation_files.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/data/files.hpp"

namespace sda::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST_F(ObservationFileTest, EachLineIsAPointInSpaceAndTime) {
  const auto y = read(
      "time,lat,lon,variable,value,error\n"
      "12,-20,90,sst,291.5,0.5\n"
      "15,0,45,ssh,0.25,0.1\n"
      "2004-03-01T12:00,60,270,sst,289,0.4\n");
  EXPECT_EQ(y.start_time, 12);
  EXPECT_EQ(y.length, 3);  // 24 h after noon of 28 February is 1 March: there is no 29th
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 0.5, 2));
  EXPECT_THAT(column(y, "lat"), ElementsAre(1, 1.5, 3));
  EXPECT_THAT(column(y, "lon"), ElementsAre(1, 0.5, 3));
  EXPECT_THAT(column(y, "variable"), ElementsAre(0, 1, 0));
  EXPECT_THAT(values(y), ElementsAre(291.5, 0.25, 289));
  EXPECT_THAT(y.parts.front().noise.values(), ElementsAre(0.5, 0.1, 0.4));
  EXPECT_THAT(y.qc_summary,
              HasSubstr("3 of 3 observations used: 2 of sst, 1 of ssh, at times from 12 to 24 in hours since "
                        "2004-02-28 12:00; 3 states from 12 on"));
  EXPECT_FALSE(y.truth.defined());

  // The state that has sst = 290 + 5 everywhere reads 295, in physical units, for x = 1.
  const Tensor x = at::ones({1, 3, 2, 4, 4}, at::kDouble);
  EXPECT_TRUE(y.apply(x).allclose(at::tensor({295.0, 0.5, 295.0}, at::kDouble).unsqueeze(0)));
  const double z0 = (291.5 - 295) / 0.5, z1 = (0.25 - 0.5) / 0.1, z2 = (289 - 295) / 0.4;
  EXPECT_NEAR(y.departure_over_sigma(x), std::sqrt((z0 * z0 + z1 * z1 + z2 * z2) / 3), 1e-12);
}

TEST_F(ObservationFileTest, NearestPointsAndStates) {
  parameters = {.space = PointChoice::nearest, .time = PointChoice::nearest};
  const auto y =
      read("time,lat,lon,variable,value,error\n0,-35,50,sst,290,1\n8,79,-44,sst,290,1\n9.5,-35,50,sst,290,1\n");
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 1, 2));
  EXPECT_THAT(column(y, "lat"), ElementsAre(1, 3, 1));
  EXPECT_THAT(column(y, "lon"), ElementsAre(1, 0, 1));
}

TEST_F(ObservationFileTest, TheDomainReachesHalfACellBeyondTheOutermostPoints) {
  const auto y = read("time,lat,lon,variable,value,error\n0,75,-45,sst,290,1\n0,80.1,0,sst,290,1\n0,0,600,ssh,1,1\n");
  EXPECT_THAT(column(y, "lat"), ElementsAre(3, 1.5));
  // 45° west lie midway between 270° and 0°; 600° east are 240°.
  EXPECT_THAT(column(y, "lon"), ElementsAre(3.5, testing::DoubleNear(240.0 / 90, 1e-12)));
  EXPECT_THAT(y.qc_summary, HasSubstr("rejected: 1 outside the domain (line 3)"));
}

TEST_F(ObservationFileTest, AxesThatDescend) {
  std::reverse(layout.coordinates[0].values.begin(), layout.coordinates[0].values.end());
  EXPECT_THAT(column(read("time,lat,lon,variable,value,error\n0,50,0,sst,290,1\n"), "lat"), ElementsAre(0.25));
}

TEST_F(ObservationFileTest, WhatIsLeftOutIsTold) {
  layout.mask = at::ones({2, 4, 4}, at::kBool);
  layout.mask[0][1][1] = false;
  window.begin = "0";
  window.end = "2004-02-29T00:00";  // no such day
  EXPECT_THROW(read("time,lat,lon,variable,value,error\n0,0,0,sst,290,1\n"), UsageError);
  window.end = "12";
  const auto y = read(
      "flag;time;lat;lon;station;variable;value;error\n"
      "0;0;0;0;a;sst;290;1\n"
      "1;anything;is;passed;over;here;;\n"
      "0;6;-20;45;b;sst;290;1\n"  // beside the masked point
      "0;6;-20;90;c;ssh;0.1;1\n"  // ssh has none there
      "0;18;0;0;d;sst;290;1\n"
      "0;-6;0;0;e;sst;290;1\n"
      "0;6;0;0;f;sst;;\n"
      "2;6;0;0;g;sst;290;-1\n");
  EXPECT_THAT(column(y, "variable"), ElementsAre(0, 1));
  EXPECT_EQ(y.length, 3);
  EXPECT_THAT(y.qc_summary, HasSubstr("2 of 8 observations used: 1 of sst, 1 of ssh"));
  EXPECT_THAT(y.qc_summary, HasSubstr("rejected: 2 with a quality flag above 0 (lines 3, 9)"));
  EXPECT_THAT(y.qc_summary, HasSubstr("rejected: 1 without a value (line 8)"));
  EXPECT_THAT(y.qc_summary, HasSubstr("rejected: 2 outside the window, times from 0 to 12 (lines 6, 7)"));
  EXPECT_THAT(y.qc_summary, HasSubstr("rejected: 1 under the mask or beside it (line 4)"));
  EXPECT_THAT(y.qc_summary, HasSubstr("note: columns not used: station"));
  parameters.space = PointChoice::nearest;  // 45 lies as near to 0 as to 90, and goes there
  EXPECT_THAT(read("time,lat,lon,variable,value,error\n6,-20,44,sst,290,1\n").qc_summary, Not(HasSubstr("mask")));
}

TEST_F(ObservationFileTest, FlagsUpToAThreshold) {
  parameters.max_flag = 1;
  const auto y = read("time,lat,lon,variable,value,error,flag\n0,0,0,sst,290,1,1\n0,0,0,ssh,0,1,2\n");
  EXPECT_THAT(values(y), ElementsAre(290));
}

TEST_F(ObservationFileTest, StatesKeepToThoseOfTheData) {
  window.state_at = 2;
  const auto y = read("time,lat,lon,variable,value,error\n-5,0,0,sst,290,1\n21,0,0,sst,290,1\n");
  EXPECT_EQ(y.start_time, -10);
  EXPECT_EQ(y.length, 7);  // −10, −4, 2, 8, 14, 20, 26
  EXPECT_THAT(column(y, "time"),
              ElementsAre(testing::DoubleNear(5.0 / 6, 1e-12), testing::DoubleNear(31.0 / 6, 1e-12)));
  window.min_length = 9;
  EXPECT_EQ(read("time,lat,lon,variable,value,error\n2,0,0,sst,290,1\n").length, 9);
}

TEST_F(ObservationFileTest, SystemsWithoutSpaceOrWithOneVariable) {
  layout = {.event = {3}, .variables = {{"x", "x"}, {"y", "y"}, {"z", "z"}}, .space_names = {}, .dt = 0.025};
  normalisation = Normalisation::identity({3});
  parameters.background_check = 0;
  // In steps that are no binary fractions: 0.3 is twelve of them.
  auto y = read("time,variable,value,error\n0.1,z,20,1\n0.3,x,1,0.5\n");
  EXPECT_EQ(y.length, 9);
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 8));
  EXPECT_THAT(column(y, "variable"), ElementsAre(2, 0));
  layout = {.event = {8}, .variables = {{"x", "x"}}, .space_names = {"site"}};
  normalisation = Normalisation::identity({8});
  y = read("time,site,value,error\n0,3,1,1\n0,7.5,1,1\n0,-0.5,1,1\n");
  EXPECT_THAT(column(y, "site"), ElementsAre(3, 7, 0));
  EXPECT_EQ(y.parts.front().chain.back().names, (std::vector<std::string>{"site", "time"}));
}

TEST_F(ObservationFileTest, SaysWhereTheUnitMayBeAnother) {
  const std::string head = "time,lat,lon,variable,value,error\n";
  EXPECT_THAT(refusal(head + "0,0,0,sst,17,1\n"),
              AllOf(HasSubstr("1 beyond 10 standard deviations from the data's mean (line 2)"),
                    HasSubstr("are they in another unit?")));
  // 290 ± 5 K: 341 is 10.2 deviations away, 339 is 9.8. Each value is judged, not their mean.
  const auto y = read(head + "0,0,0,sst,341,1\n0,20,0,sst,339,1\n0,0,0,ssh,99,1\n0,-20,0,sst,290,1\n");
  EXPECT_THAT(values(y), ElementsAre(339, 290));
  EXPECT_THAT(y.qc_summary, HasSubstr("rejected: 2 beyond 10 standard deviations from the data's mean (lines 2, 4)"));
  parameters.background_check = 0;
  EXPECT_THAT(values(read(head + "0,0,0,sst,341,1\n0,20,0,sst,17,1\n")).size(), 2U);
}

TEST_F(ObservationFileTest, WordsAndNumbersThatStandForNoneAreRejectedOneByOne) {
  const std::string head = "time,lat,lon,variable,value,error\n";
  auto y = read(head +
                "0,0,0,sst,MM,1\n0,0,0,sst,290,1\n6,0,0,sst,NA,1\n12,0,0,sst,NaN,1\n18,0,0,sst,1e20,1\n"
                "18,0,0,ssh,-9999,1\n");
  EXPECT_THAT(values(y), ElementsAre(290));
  EXPECT_THAT(y.qc_summary,
              AllOf(HasSubstr("rejected: 3 without a value (lines 2, 4, 5)"),
                    HasSubstr("rejected: 2 beyond 10 standard deviations from the data's mean (lines 6, 7)")));
  // 290 ± 25 K: 99 is 7.6 deviations away and stands for none, 98 is as far and does not; 299.9 is a temperature.
  normalisation.std.select(0, 0).fill_(25);
  y = read(head + "0,0,0,sst,99,1\n6,0,0,sst,98,1\n12,0,0,sst,299.9,1\n");
  EXPECT_THAT(values(y), ElementsAre(98, 299.9));
  EXPECT_THAT(y.qc_summary,
              HasSubstr("rejected: 1 that stand for none in many tables, far from the data's mean (line 2)"));
  ASSERT_EQ(y.rejected.size(), 1U);
  EXPECT_EQ(y.rejected.front().value, 99);
  EXPECT_EQ(y.rejected.front().origin, 2);
  EXPECT_EQ(y.rejected.front().variable, "sst");
  EXPECT_EQ(y.rejected.front().reason, "sentinel");
  write_observations(folder_.file("kept.nc"), y, "", {});
  EXPECT_EQ(read_observations(folder_.file("kept.nc")).observations.rejected, y.rejected);
}

TEST(Sentinels, AreNines) {
  for (const double value : {99.0, 999.0, -999.0, -9999.0, 99.9, 999.9, 99.99, 99999999.0, 1e20, -9.96921e36}) {
    EXPECT_TRUE(io::is_sentinel(value)) << value;
  }
  for (const double value : {0.0, 9.0, 98.0, 100.0, 990.0, 9.99, 1013.0, 299.9}) {
    EXPECT_FALSE(io::is_sentinel(value)) << value;
  }
}

TEST_F(ObservationFileTest, ConvertsUnitsOrRefusesThem) {
  // A row of units, as ERDDAP writes it; a column of units; and none.
  EXPECT_THAT(values(read("time,lat,lon,variable,value,error\nUTC,degrees_north,degrees_east,,degC,degC\n"
                          "0,0,0,sst,17,0.5\n")),
              ElementsAre(testing::DoubleEq(290.15)));
  const auto y =
      read("time,lat,lon,variable,value,error,units\n0,0,0,sst,62.6,0.9,degF\n0,0,0,ssh,25,2,cm\n0,20,0,sst,290,1,K\n");
  EXPECT_THAT(values(y), ElementsAre(testing::DoubleNear(290.15, 1e-9), testing::DoubleNear(0.25, 1e-15), 290));
  EXPECT_THAT(y.parts.front().noise.values(),
              ElementsAre(testing::DoubleNear(0.5, 1e-12), testing::DoubleNear(0.02, 1e-15), 1));
  EXPECT_THAT(y.qc_summary, AllOf(HasSubstr("note: sst converted from degF to K"),
                                  HasSubstr("note: ssh converted from cm to m"), Not(HasSubstr("not stated"))));
  const auto head = [](const std::string& units) {
    return "time,lat,lon,variable,value,error,units\n0,0,0,ssh,0.2,1," + units + "\n";
  };
  EXPECT_THAT(read(head("")).qc_summary, HasSubstr("note: units of ssh are not stated: taken for m"));
  EXPECT_THAT(refusal(head("s")), AllOf(HasSubstr("r.csv:2: units: units that do not convert to the data's: found s"),
                                        HasSubstr("expected m, or")));
  EXPECT_THAT(refusal(head("furlings")), HasSubstr("units that UDUNITS-2 does not know: found furlings"));
  EXPECT_THAT(refusal("time,lat,lon,variable,value,error,units\n0,0,0,sst,17,1,C\n"), HasSubstr("C is coulomb"));
  layout.variables[1].units = "1";
  EXPECT_THAT(read(head("mm")).qc_summary, HasSubstr("note: the data have no units for ssh: mm taken for theirs"));
  EXPECT_THAT(read(head("%")).qc_summary, HasSubstr("note: ssh converted from % to 1"));
}

TEST_F(ObservationFileTest, ATimeFarFromAllOthersIsRefused) {
  const std::string head = "time,lat,lon,variable,value,error\n";
  EXPECT_THAT(refusal(head + "90000,0,0,sst,290,1\n0,0,0,sst,290,1\n90006,0,0,sst,290,1\n"),
              AllOf(HasSubstr("r.csv:3: column time: an observation's time is far from all others"),
                    HasSubstr("found 0 and then 90000, 1.5e+04 states later"), HasSubstr("--begin")));
  window.begin = "89994";
  EXPECT_EQ(read(head + "90000,0,0,sst,290,1\n0,0,0,sst,290,1\n90006,0,0,sst,290,1\n").length, 3);
}

TEST_F(ObservationFileTest, StatesFarFromTheOriginAreMetExactly) {
  layout.dt = 0.0416666666667;  // an hour in days, as version 0.1 kept it
  layout.time_units = "days";
  layout.time_origin = "0001-01-01";
  layout.calendar = "standard";
  const auto y = read(
      "time,lat,lon,variable,value,error\n2021-03-04T06:00,0,0,sst,290,1\n2021-03-04T07:00,0,0,sst,290,1\n"
      "2021-03-05T06:00,0,0,sst,290,1\n");
  EXPECT_EQ(y.length, 25);
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 1, 24));
}

TEST_F(ObservationFileTest, TablesOfOtherKindsAreToldWhatToDo) {
  EXPECT_THAT(refusal("#YY  MM DD WVHT\n#yr  mo dy    m\n2022 09 01 2.5\n"),
              AllOf(HasSubstr("column lat is missing: found YY, MM, DD, WVHT"),
                    HasSubstr("lines that begin with # are passed over, unless they name the columns")));
  EXPECT_THAT(refusal("station\nA\n"), HasSubstr("columns stand between commas, semicolons, tabs or blanks"));
}

TEST_F(ObservationFileTest, RefusesRowsInWords) {
  const std::string head = "time,lat,lon,variable,value,error,flag\n0,0,0,sst,290,1,0\n";
  const std::map<std::string, std::string> table{
      {"0,0,0,sst,\"1,290.5\",1,0",
       "r.csv:3: column value: not a number: found 1,290.5, expected a number; write it "
       "without thousands separators: 1290.5"},
      {"0,0,0,sst,\"290,5\",1,0", "write a decimal point, not a comma"},
      {"0,0,0,sst,\"1.290,5\",1,0", "without thousands separators and with a decimal point"},
      {"0,0,0,sst,1,290.5,1,0", "r.csv:3: column 8: a row with too many fields"},
      {"0,0,0,sst,inf,1,0",
       "r.csv:3: column value: not a finite number: found inf, expected a number; leave the value empty"},
      {"0,0,inf,sst,290,1,0", "r.csv:3: column lon: not a finite number: found inf"},
      {"0,0,0,sst,290,,0", "r.csv:3: column error: not a number: found nothing, expected a standard deviation > 0"},
      {"6,0,0,sst,290,0,0",
       "r.csv:3: column error: an observation's error is no standard deviation: found 0, expected a number > 0"},
      {"6,0,0,sst,290,-0.1,0", "found -0.1, expected a number > 0"},
      {"0,0,0,stt,290,1,0",
       "r.csv:3: column variable: no such variable: found stt, expected one of sst, ssh; did you mean sst?"},
      {"0,0,0,sst,291,1,0",
       "r.csv:3: column time: two observations of one variable at the same time and place: found 0, as in "
       "line 2, expected one"},
      {"noon,0,0,sst,290,1,0",
       "r.csv:3: column time: not a time: found noon, expected a number in hours since 2004-02-28 "
       "12:00, or a date"},
      {"2004-02-29,0,0,sst,290,1,0", "r.csv:3: column time: not a date: found 2004-02-29, expected a day from 1 to 28"},
      {"0,0,0,sst,290,1,good",
       "r.csv:3: column flag: not a number: found good, expected a number, 0 for a good observation"}};
  for (const auto& [row, message] : table) EXPECT_THAT(refusal(head + row + "\n"), HasSubstr(message)) << row;
}

TEST_F(ObservationFileTest, RefusesFilesInWords) {
  const auto without = [&](const std::string& names) { return refusal(names + "\n0,0,0,0,0,0\n"); };
  EXPECT_THAT(
      without("time,lat,lon,variable,value,sigma"),
      HasSubstr("r.csv:1: column error is missing: found time, lat, lon, variable, value, sigma, expected a column "
                "error: each observation's standard deviation, in its variable's units"));
  EXPECT_THAT(without("time,lat,long,variable,value,error"), HasSubstr("column lon is missing"));
  EXPECT_THAT(without("time,lat,long,variable,value,error"), HasSubstr("is it long?"));
  EXPECT_THAT(without("time,lat,lon,what,value,error"), HasSubstr("column variable is missing"));
  EXPECT_THAT(refusal("time,lat,lon,variable,value,error\n"), HasSubstr("r.csv: there are no observations"));
  EXPECT_THAT(
      refusal("time,lat,lon,variable,value,error\n0,-2000,0,sst,1,1\n0,3000,0,sst,1,1\n"),
      HasSubstr(
          "r.csv:2: column lat: no observation lies within the domain: found lat from -2000 to 3000, expected lat "
          "from -80 to 80 degrees_north; give coordinates in the data's own units"));
  EXPECT_THAT(refusal("time,lat,lon,variable,value,error\n0,0,0,sst,,1\n"),
              HasSubstr("no observation is left: found 1 rows: 1 without a value (line 2)"));
  EXPECT_THAT(
      refusal("time,lat,lon,variable,value,error\n0,0,0,sst,1,1\n1e8,0,0,sst,1,1\n"),
      HasSubstr("r.csv:3: column time: the observations' times are too far apart for one trajectory: found times "
                "from 0 to 100000000"));
  window.begin = "100";
  EXPECT_THAT(
      refusal("time,lat,lon,variable,value,error\n0,0,0,sst,1,1\n"),
      HasSubstr(
          "r.csv:2: column time: no observation lies within the window of time: found times from 0 to 0, expected "
          "times from 100 to 100"));
}

TEST_F(ObservationFileTest, OneErrorForAllAndDefinedVariables) {
  parameters.error = {0.5};
  const auto y = read("time,lat,lon,variable,value\n0,0,0,sst,290\n6,0,0,ssh,1\n");
  EXPECT_THAT(y.parts.front().noise.values(), ElementsAre(0.5, 0.5));
  parameters.error = {0.5, 0.1, 2};
  parameters.define = {"heat = 4 * sst + ssh"};
  const auto z = read("time,lat,lon,variable,value,error\n0,0,0,ssh,1,\n6,0,45,heat,1165,\n6,0,0,ssh,1,3\n");
  ASSERT_EQ(z.parts.size(), 2u);
  EXPECT_EQ(z.parts[0].name, "state");
  EXPECT_THAT(z.parts[0].noise.values(), ElementsAre(0.1, 3));
  EXPECT_EQ(z.parts[1].name, "heat");
  EXPECT_THAT(z.parts[1].noise.values(), ElementsAre(2));
  const Tensor x = at::ones({1, 2, 2, 4, 4}, at::kDouble);  // sst 295, ssh 0.5
  EXPECT_TRUE(z.apply(x).allclose(at::tensor({0.5, 0.5, 1180.5}, at::kDouble).unsqueeze(0)));
  EXPECT_THAT(z.qc_summary, HasSubstr("2 of ssh, 1 of heat"));
  const auto refused = [&](const std::string& definition) {
    parameters.define = {definition};
    return refusal("time,lat,lon,variable,value,error\n6,0,45,heat,1165,1\n");
  };
  EXPECT_THAT(refused("heat"),
              HasSubstr("observation_file.define: not a definition: found heat, expected NAME = FORMULA"));
  EXPECT_THAT(refused("sst = 3 * ssh"), HasSubstr("a name that is taken"));
  EXPECT_THAT(refused("heat = sst +"), HasSubstr("found sst +‸"));
}

TEST_F(IodaTest, EachLocationAndVariableIsAObservation) {
  const auto y = read_ioda([&](auto& file) {
    put_places(file);
    put(file, "ObsValue", "sst", {291, -999, 289}, {}, -999);
    put(file, "ObsValue", "ssh", {0.1, 0.2, 0.3});
    put(file, "ObsValue", "salinity", {35, 35, 35});
    put(file, "ObsError", "sst", {0.5, -999, 0.4}, {}, -999);
    put(file, "ObsError", "ssh", {0.1, 0.1, 0.2});
    put(file, "PreQC", "ssh", {0, 1, 0});
  });
  EXPECT_THAT(column(y, "variable"), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 2, 0, 2));
  EXPECT_THAT(column(y, "lat"), ElementsAre(1, 3, 1, 3));
  EXPECT_THAT(column(y, "lon"), ElementsAre(1, 3, 1, 3));  // 90° west are 270° east
  EXPECT_THAT(values(y), ElementsAre(291, 289, 0.1, 0.3));
  EXPECT_THAT(y.parts.front().noise.values(), ElementsAre(0.5, 0.4, 0.1, 0.2));
  EXPECT_THAT(y.qc_summary, HasSubstr("rejected: 1 with a quality flag above 0 (location 1)"));
  EXPECT_THAT(y.qc_summary, HasSubstr("rejected: 1 without a value (location 1)"));
  EXPECT_THAT(y.qc_summary, HasSubstr("note: variables not used: salinity"));
}

TEST_F(IodaTest, RefusesInWords) {
  EXPECT_THAT(refusal_of([&](auto& file) {
                put_places(file, "hours since 2004-02-28 12:00");
                put(file, "ObsValue", "sst", {291, 290, 289});
              }),
              HasSubstr("r.csv: ObsError/sst: observations have no errors"));
  EXPECT_THAT(
      refusal_of([&](auto& file) {
        put_places(file);
        put(file, "ObsValue", "sst", {291, 290, 289});
        put(file, "ObsError", "sst", {1, 0, 1});
      }),
      HasSubstr("r.csv: ObsError/sst, location 1 (counted from 0): an observation's error is no standard deviation"));
  EXPECT_THAT(
      refusal_of([&](auto& file) {
        put_places(file);
        put(file, "ObsValue", "stt", {291, 290, 289});
      }),
      HasSubstr(
          "no variable of the system is in the file: found stt, expected one of sst, ssh; stt: did you mean sst?"));
  EXPECT_THAT(refusal_of([&](auto& file) {
                put_places(file, "months since 2004-02-28");
                put(file, "ObsValue", "sst", {291, 290, 289});
              }),
              HasSubstr("r.csv: MetaData/dateTime: dates cannot be told in this unit of time: found months"));
  EXPECT_THAT(refusal_of([&](auto& file) {
                put(file, "MetaData", "dateTime", {0, 3, 12},
                    {{"units", "hours since 2004-02-28 12:00"}, {"calendar", "noleap"}});
                put(file, "MetaData", "latitude", {-20, 0, 60});
                put(file, "ObsValue", "sst", {291, 290, 289});
              }),
              HasSubstr("r.csv: MetaData/lon: there are no places along lon: found dateTime, latitude, expected a "
                        "variable lon or longitude"));
}

TEST_F(IodaTest, TimesInOtherUnitsAndCalendars) {
  const auto with = [&](const std::string& units, const std::string& calendar) {
    return [this, units, calendar](io::WritableGroup& file) {
      put(file, "MetaData", "time", {0, 0.25, 0.5}, {{"units", units}, {"calendar", calendar}});
      put(file, "MetaData", "lat", {-20, 0, 60});
      put(file, "MetaData", "lon", {90, 45, 270});
      put(file, "ObsValue", "sst", {291, 290, 289});
      put(file, "ObsError", "sst", {1, 1, 1});
    };
  };
  const auto y = read_ioda(with("days since 2004-02-28T18:00:00Z", "noleap"));
  EXPECT_EQ(y.start_time, 6);
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 1, 2));
  EXPECT_THAT(refusal_of(with("days since 2004-02-28T18:00:00Z", "standard")),
              HasSubstr("r.csv: MetaData/time: times of another calendar: found standard, expected noleap"));
  layout.time_origin.clear();
  EXPECT_THAT(refusal_of(with("days since 2004-02-28", "standard")), HasSubstr("the data are of no calendar"));
  EXPECT_THAT(column(read_ioda(with("days since 1970-01-01", "standard")), "time"), ElementsAre(0, 1, 2));
}

class GridTest : public IodaTest {};

TEST_F(GridTest, EachValueOfAFieldIsAnObservation) {
  const auto fill = [&](bool errors) {
    return [errors](io::WritableGroup& file) {
      file.dimension("time", 2);
      file.dimension("lat", 2);
      file.dimension("lon", 1);
      file.variable("time", {"time"}, at::tensor({6.0, 12.0}, at::kDouble));
      file.variable("lat", {"lat"}, at::tensor({40.0, 0.0}, at::kDouble), {{"units", "degrees_north"}});
      file.variable("lon", {"lon"}, at::tensor({-90.0}, at::kDouble).to(at::kFloat));
      file.variable("ssh", {"lon", "time", "lat"}, at::tensor({1.0, 2.0, -9.0, 4.0}, at::kDouble).view({1, 2, 2}), {},
                    -9);
      if (errors)
        file.variable("ssh_error", {"lon", "time", "lat"},
                      at::tensor({1.0, 2.0, 3.0, 4.0}, at::kDouble).view({1, 2, 2}));
    };
  };
  const auto y = read_ioda(fill(true));
  EXPECT_EQ(y.start_time, 6);
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 0, 1));
  EXPECT_THAT(column(y, "lat"), ElementsAre(2.5, 1.5, 1.5));
  EXPECT_THAT(column(y, "lon"), ElementsAre(3, 3, 3));
  EXPECT_THAT(column(y, "variable"), ElementsAre(1, 1, 1));
  EXPECT_THAT(values(y), ElementsAre(1, 2, 4));
  EXPECT_THAT(y.parts.front().noise.values(), ElementsAre(1, 2, 4));
  EXPECT_THAT(y.qc_summary, HasSubstr("1 without a value (value 2)"));
  EXPECT_THAT(refusal_of(fill(false)),
              HasSubstr("r.csv: ssh: observations have no errors: expected a variable ssh_error"));
  parameters.error = {0.25};
  EXPECT_THAT(read_ioda(fill(false)).parts.front().noise.values(), ElementsAre(0.25, 0.25, 0.25));
}

TEST_F(GridTest, RefusesInWords) {
  parameters.error = {1};
  EXPECT_THAT(refusal_of([](auto& file) {
                file.dimension("lat", 4);
                file.dimension("lon", 2);
                file.variable("sst", {"lat", "lon"}, at::ones({4, 2}, at::kDouble));
              }),
              HasSubstr("r.csv: lon: a grid that is not the system's, without coordinates: found 2 points"));
  EXPECT_THAT(refusal_of([](auto& file) {
                file.dimension("lat", 4);
                file.variable("sst", {"lat"}, at::ones({4}, at::kDouble));
              }),
              HasSubstr("r.csv: sst: a field without all axes of space: found sst(lat), expected lat, lon"));
  EXPECT_THAT(refusal_of([](auto& file) {
                file.dimension("lat", 4);
                file.dimension("lon", 4);
                file.variable("sst", {"lat", "lon"}, at::ones({4, 4}, at::kDouble));
              }),
              HasSubstr("r.csv: sst: a field without a time"));
  EXPECT_THAT(refusal_of([](auto& file) {
                file.dimension("lat", 4);
                file.dimension("lon", 4);
                file.dimension("depth", 2);
                file.variable("sst", {"depth", "lat", "lon"}, at::ones({2, 4, 4}, at::kDouble));
              }),
              HasSubstr("r.csv: sst: a dimension is not accounted for: found depth of 2"));
}

// A hundred thousand observations of fields that are linear in time and space, so that interpolation is exact.
TEST_F(ObservationFileTest, ManyObservationsThereAndBack) {
  constexpr std::int64_t n = 64, length = 33, observations = 100000;
  layout = {.event = {2, n, n}, .variables = {{"u", "u"}, {"v", "v"}}, .space_names = {"y", "x"}, .dt = 0.5};
  layout.spacing = {0.25, 0.125};
  normalisation = Normalisation::identity({2, 1, 1});
  parameters.background_check = 0;
  const Tensor draws = uniform({observations, 4}, {.seed = 5}, at::kDouble);
  const auto* draw = draws.data_ptr<double>();
  std::string text = "time,y,x,variable,value,error\n";
  for (std::int64_t r = 0; r < observations; ++r, draw += 4) {
    const double t = 16 * draw[0], y = 0.125 + 15.75 * draw[1], x = 0.0625 + 7.875 * draw[2];
    const bool v = draw[3] > 0.5;
    const double value = (v ? -1 : 1) * (t + 2 * y - x);
    text += std::to_string(t) + "," + std::to_string(y) + "," + std::to_string(x) + (v ? ",v," : ",u,") +
            std::to_string(value) + ",0.1\n";
  }
  window.begin = "0";
  const auto y = read(text);
  EXPECT_EQ(y.length, length);
  const Tensor t = at::arange(length, at::kDouble) * 0.5, up = (at::arange(n, at::kDouble) + 0.5) * 0.25,
               right = (at::arange(n, at::kDouble) + 0.5) * 0.125;
  const Tensor plane = t.view({-1, 1, 1}) + 2 * up.view({-1, 1}) - right;
  const Tensor x = at::stack({plane, -plane}, 1).unsqueeze(0);
  EXPECT_LT(y.departure(x).abs().max().item<double>(), 1e-5);  // of six digits in the file
  // ⟨H x, w⟩ = ⟨x, Hᵀ w⟩
  const Tensor w = normal({1, observations}, {.seed = 6}, at::kDouble);
  EXPECT_NEAR((y.apply(x) * w).sum().item<double>() / (x * y.vjp(x, w)).sum().item<double>(), 1, 1e-9);

  const std::string path = folder_.file("y.nc");
  write_observations(path, y, "", make_provenance("test", "", 0));
  const Observations again = read_observations(path).observations;
  EXPECT_EQ(again.parts.front().chain, y.parts.front().chain);
  EXPECT_EQ(again.parts.front().noise.values(), y.parts.front().noise.values());
  EXPECT_TRUE(again.parts.front().values.equal(y.parts.front().values));
  EXPECT_EQ(again.qc_summary, y.qc_summary);
  EXPECT_TRUE(again.apply(x).equal(y.apply(x)));
  EXPECT_THAT(describe_file(path), HasSubstr("100000 observations in 33 states"));
}

TEST_F(ObservationFileTest, FormulasAreHeldToWhatStatesGive) {
  // Of ssh, 0 ± 0.5: at most (20 · 0.5)² = 100 at twenty deviations, and 2.25 at three.
  parameters.error = {1};
  parameters.background_check = 20;
  parameters.define = {"square = ssh^2", "anomaly = sst - mean(sst)", "step = grad_lon(sst)"};
  const auto y = read(
      "time,lat,lon,variable,value\n0,0,0,square,2\n0,0,90,square,99\n6,0,0,square,60\n"
      "6,0,90,square,101\n0,0,0,anomaly,80\n6,0,0,anomaly,999\n6,0,90,anomaly,-999\n");
  EXPECT_THAT(y.qc_summary,
              testing::AllOf(HasSubstr("3 of 7 observations used: 2 of square, 1 of anomaly"),
                             HasSubstr("1 that stand for none in many tables, far from the data's mean "
                                       "(line 3)"),
                             HasSubstr("3 beyond 20 standard deviations from the data's mean (lines 5, 7, "
                                       "8)")));
  // Neighbours 90 degrees apart that differ by up to 40 deviations of 5.
  const auto z = read("time,lat,lon,variable,value\n0,0,0,step,0.5\n0,0,90,step,99\n");
  EXPECT_THAT(z.qc_summary, HasSubstr("1 of 2 observations used"));
}

}  // namespace
}  // namespace sda::test
