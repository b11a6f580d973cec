/// Readings of instruments: what is taken of a file, where it lies among the states, and what is refused, by hand.
#include "sda/io/readings.hpp"

#include <gmock/gmock.h>

#include <map>

#include "core/torch.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/io/files.hpp"

namespace sda::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Numbers = std::vector<double>;

/// Two variables on lat −60, −20, 20, 60 and lon 0, 90, 180, 270, every 6 hours.
StateLayout ocean() {
  return {.event = {2, 4, 4},
          .variables = {{"sst", "temperature", "K"}, {"ssh", "height", "m"}},
          .space_names = {"lat", "lon"},
          .dt = 6,
          .time_units = "hours",
          .coordinates = {{{-60, -20, 20, 60}, "degrees_north"}, {{0, 90, 180, 270}, "degrees_east"}},
          .time_origin = "2004-02-28 12:00",
          .calendar = "noleap"};
}

Normalisation ocean_normalisation() {
  return {at::tensor({290.0, 0.0}, at::kDouble).view({2, 1, 1}), at::tensor({5.0, 0.5}, at::kDouble).view({2, 1, 1})};
}

class ReadingsTest : public testing::Test {
 protected:
  Observations read(const std::string& text) const {
    write_bytes(folder_.file("r.csv"), text);
    return read_readings(folder_.file("r.csv"), layout, normalisation, parameters, window);
  }
  std::string refusal(const std::string& text) const {
    try {
      read(text);
    } catch (const Error& error) {
      const std::string message = error.what();
      return message.substr(message.find("r.csv"));
    }
    return "accepted";
  }
  /// A column of the link `points`.
  static Numbers column(const Observations& y, const std::string& name) {
    const auto& points = y.parts.front().chain.back();
    const auto rows = std::ssize(points.numbers) / std::ssize(points.names);
    const auto at = std::find(points.names.begin(), points.names.end(), name) - points.names.begin();
    EXPECT_LT(at, std::ssize(points.names)) << name;
    return {points.numbers.begin() + at * rows, points.numbers.begin() + (at + 1) * rows};
  }
  static Numbers values(const Observations& y) {
    const Tensor flat = y.parts.front().values.flatten().contiguous();
    return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
  }

  StateLayout layout = ocean();
  Normalisation normalisation = ocean_normalisation();
  ReadingsParameters parameters;
  ReadingsWindow window;
  ScratchFolder folder_;
};

TEST_F(ReadingsTest, EachLineIsAPointInSpaceAndTime) {
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
  EXPECT_THAT(y.account, HasSubstr("3 of 3 readings used: 2 of sst, 1 of ssh, at times from 12 to 24 in hours since "
                                   "2004-02-28 12:00; 3 states from 12 on"));
  EXPECT_FALSE(y.truth.defined());

  // The state that has sst = 290 + 5 everywhere reads 295, in physical units, for x = 1.
  const Tensor x = at::ones({1, 3, 2, 4, 4}, at::kDouble);
  EXPECT_TRUE(y.apply(x).allclose(at::tensor({295.0, 0.5, 295.0}, at::kDouble).unsqueeze(0)));
  const double z0 = (291.5 - 295) / 0.5, z1 = (0.25 - 0.5) / 0.1, z2 = (289 - 295) / 0.4;
  EXPECT_NEAR(y.residual_over_sigma(x), std::sqrt((z0 * z0 + z1 * z1 + z2 * z2) / 3), 1e-12);
}

TEST_F(ReadingsTest, NearestPointsAndStates) {
  parameters = {.space = "nearest", .time = "nearest"};
  const auto y =
      read("time,lat,lon,variable,value,error\n0,-35,50,sst,290,1\n8,79,-44,sst,290,1\n9.5,-35,50,sst,290,1\n");
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 1, 2));
  EXPECT_THAT(column(y, "lat"), ElementsAre(1, 3, 1));
  EXPECT_THAT(column(y, "lon"), ElementsAre(1, 0, 1));
}

TEST_F(ReadingsTest, TheDomainReachesHalfACellBeyondTheOutermostPoints) {
  const auto y = read("time,lat,lon,variable,value,error\n0,75,-45,sst,290,1\n0,80.1,0,sst,290,1\n0,0,600,ssh,1,1\n");
  EXPECT_THAT(column(y, "lat"), ElementsAre(3, 1.5));
  EXPECT_THAT(column(y, "lon"), ElementsAre(0, testing::DoubleNear(240.0 / 90, 1e-12)));  // 600° east are 240°
  EXPECT_THAT(y.account, HasSubstr("left out: 1 outside the domain (line 3)"));
}

TEST_F(ReadingsTest, AxesThatDescend) {
  std::reverse(layout.coordinates[0].values.begin(), layout.coordinates[0].values.end());
  EXPECT_THAT(column(read("time,lat,lon,variable,value,error\n0,50,0,sst,290,1\n"), "lat"), ElementsAre(0.25));
}

TEST_F(ReadingsTest, WhatIsLeftOutIsTold) {
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
  EXPECT_THAT(y.account, HasSubstr("2 of 8 readings used: 1 of sst, 1 of ssh"));
  EXPECT_THAT(y.account, HasSubstr("left out: 2 with a quality flag above 0 (lines 3, 9)"));
  EXPECT_THAT(y.account, HasSubstr("left out: 1 without a value (line 8)"));
  EXPECT_THAT(y.account, HasSubstr("left out: 2 outside the window, times from 0 to 12 (lines 6, 7)"));
  EXPECT_THAT(y.account, HasSubstr("left out: 1 under the mask or beside it (line 4)"));
  EXPECT_THAT(y.account, HasSubstr("note: columns not used: station"));
  parameters.space = "nearest";  // 45 lies as near to 0 as to 90, and goes there
  EXPECT_THAT(read("time,lat,lon,variable,value,error\n6,-20,44,sst,290,1\n").account, Not(HasSubstr("mask")));
}

TEST_F(ReadingsTest, FlagsUpToAThreshold) {
  parameters.max_flag = 1;
  const auto y = read("time,lat,lon,variable,value,error,flag\n0,0,0,sst,290,1,1\n0,0,0,ssh,0,1,2\n");
  EXPECT_THAT(values(y), ElementsAre(290));
}

TEST_F(ReadingsTest, StatesKeepToThoseOfTheData) {
  window.state_at = 2;
  const auto y = read("time,lat,lon,variable,value,error\n-5,0,0,sst,290,1\n21,0,0,sst,290,1\n");
  EXPECT_EQ(y.start_time, -10);
  EXPECT_EQ(y.length, 7);  // −10, −4, 2, 8, 14, 20, 26
  EXPECT_THAT(column(y, "time"),
              ElementsAre(testing::DoubleNear(5.0 / 6, 1e-12), testing::DoubleNear(31.0 / 6, 1e-12)));
  window.least_length = 9;
  EXPECT_EQ(read("time,lat,lon,variable,value,error\n2,0,0,sst,290,1\n").length, 9);
}

TEST_F(ReadingsTest, SystemsWithoutSpaceOrWithOneVariable) {
  layout = {.event = {3}, .variables = {{"x", "x"}, {"y", "y"}, {"z", "z"}}, .space_names = {}, .dt = 0.025};
  normalisation = Normalisation::identity({3});
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

TEST_F(ReadingsTest, SaysWhereTheUnitMayBeAnother) {
  EXPECT_THAT(read("time,lat,lon,variable,value,error\n0,0,0,sst,17,1\n").account,
              HasSubstr("note: readings of sst have a mean of 17, 55 standard deviations from the data's 290 K"));
}

TEST_F(ReadingsTest, RefusesRowsInWords) {
  const std::string head = "time,lat,lon,variable,value,error,flag\n0,0,0,sst,290,1,0\n";
  const std::map<std::string, std::string> table{
      {"0,0,0,sst,\"1,290.5\",1,0",
       "r.csv:3: column value: not a number: found 1,290.5, wanted a number; write it "
       "without thousands separators: 1290.5"},
      {"0,0,0,sst,\"290,5\",1,0", "write a decimal point, not a comma"},
      {"0,0,0,sst,\"1.290,5\",1,0", "without thousands separators and with a decimal point"},
      {"0,0,0,sst,1,290.5,1,0", "r.csv:3: column 8: a row with too many fields"},
      {"0,0,0,sst,nan,1,0",
       "r.csv:3: column value: not a finite number: found nan, wanted a number; leave the value empty"},
      {"0,0,inf,sst,290,1,0", "r.csv:3: column lon: not a finite number: found inf"},
      {"0,0,0,sst,290,,0", "r.csv:3: column error: not a number: found nothing, wanted a standard deviation > 0"},
      {"6,0,0,sst,290,0,0",
       "r.csv:3: column error: a reading's error is no standard deviation: found 0, wanted a number > 0"},
      {"6,0,0,sst,290,-0.1,0", "found -0.1, wanted a number > 0"},
      {"0,0,0,stt,290,1,0",
       "r.csv:3: column variable: no such variable: found stt, wanted one of sst, ssh; did you mean sst?"},
      {"0,0,0,sst,291,1,0",
       "r.csv:3: column time: two readings of one variable at the same time and place: found 0, as in "
       "line 2, wanted one"},
      {"noon,0,0,sst,290,1,0",
       "r.csv:3: column time: not a time: found noon, wanted a number in hours since 2004-02-28 "
       "12:00, or a date"},
      {"2004-02-29,0,0,sst,290,1,0", "r.csv:3: column time: not a date: found 2004-02-29, wanted a day from 1 to 28"},
      {"0,0,0,sst,290,1,good",
       "r.csv:3: column flag: not a number: found good, wanted a number, 0 for a good reading"}};
  for (const auto& [row, message] : table) EXPECT_THAT(refusal(head + row + "\n"), HasSubstr(message)) << row;
}

TEST_F(ReadingsTest, RefusesFilesInWords) {
  const auto without = [&](const std::string& names) { return refusal(names + "\n0,0,0,0,0,0\n"); };
  EXPECT_THAT(
      without("time,lat,lon,variable,value,sigma"),
      HasSubstr("r.csv:1: column error is missing: found time, lat, lon, variable, value, sigma, wanted a column "
                "error: each reading's standard deviation, in its variable's units"));
  EXPECT_THAT(without("time,lat,long,variable,value,error"), HasSubstr("column lon is missing"));
  EXPECT_THAT(without("time,lat,long,variable,value,error"), HasSubstr("is it long?"));
  EXPECT_THAT(without("time,lat,lon,what,value,error"), HasSubstr("column variable is missing"));
  EXPECT_THAT(refusal("time,lat,lon,variable,value,error\n"), HasSubstr("r.csv: there are no readings"));
  EXPECT_THAT(
      refusal("time,lat,lon,variable,value,error\n0,-2000,0,sst,1,1\n0,3000,0,sst,1,1\n"),
      HasSubstr("r.csv:2: column lat: no reading lies within the domain: found lat from -2000 to 3000, wanted lat "
                "from -80 to 80 degrees_north; give coordinates in the data's own units"));
  EXPECT_THAT(refusal("time,lat,lon,variable,value,error\n0,0,0,sst,,1\n"),
              HasSubstr("no reading is left: found 1 rows: 1 without a value (line 2)"));
  EXPECT_THAT(refusal("time,lat,lon,variable,value,error\n0,0,0,sst,1,1\n1e9,0,0,sst,1,1\n"),
              HasSubstr("too far apart for one trajectory: found times from 0 to 1e+09"));
  window.begin = "100";
  EXPECT_THAT(
      refusal("time,lat,lon,variable,value,error\n0,0,0,sst,1,1\n"),
      HasSubstr("r.csv:2: column time: no reading lies within the window of time: found times from 0 to 0, wanted "
                "times from 100 to 100"));
}

// A hundred thousand readings of fields that are linear in time and space, so that interpolation is exact.
TEST_F(ReadingsTest, ManyReadingsThereAndBack) {
  constexpr std::int64_t n = 64, length = 33, readings = 100000;
  layout = {.event = {2, n, n}, .variables = {{"u", "u"}, {"v", "v"}}, .space_names = {"y", "x"}, .dt = 0.5};
  layout.spacing = {0.25, 0.125};
  normalisation = Normalisation::identity({2, 1, 1});
  const Tensor draws = uniform({readings, 4}, {.seed = 5}, at::kDouble);
  const auto* draw = draws.data_ptr<double>();
  std::string text = "time,y,x,variable,value,error\n";
  for (std::int64_t r = 0; r < readings; ++r, draw += 4) {
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
  EXPECT_LT(y.residual(x).abs().max().item<double>(), 1e-5);  // of six digits in the file
  // ⟨H x, w⟩ = ⟨x, Hᵀ w⟩
  const Tensor w = normal({1, readings}, {.seed = 6}, at::kDouble);
  EXPECT_NEAR((y.apply(x) * w).sum().item<double>() / (x * y.pull_back(x, w)).sum().item<double>(), 1, 1e-9);

  const std::string path = folder_.file("y.nc");
  write_observations(path, y, "", make_provenance("test", "", 0));
  const Observations again = read_observations(path).observations;
  EXPECT_EQ(again.parts.front().chain, y.parts.front().chain);
  EXPECT_EQ(again.parts.front().noise.values(), y.parts.front().noise.values());
  EXPECT_TRUE(again.parts.front().values.equal(y.parts.front().values));
  EXPECT_EQ(again.account, y.account);
  EXPECT_TRUE(again.apply(x).equal(y.apply(x)));
  EXPECT_THAT(describe_file(path), HasSubstr("100000 readings in 33 states"));
}

}  // namespace
}  // namespace sda::test
