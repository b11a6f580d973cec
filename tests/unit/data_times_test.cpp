/// Times of observations in every notation, counted by hand: hours since noon of 28 February 2004, states 6 hours
/// apart.
#include <gmock/gmock.h>

#include <cmath>

#include "observation_files.hpp"

namespace sda::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ObservationTimes : public IodaTest {
 protected:
  /// A file whose observations have these times.
  static std::string at(const std::vector<std::string>& times) {
    std::string text = "time,lat,lon,variable,value,error\n";
    for (const auto& time : times) text += time + ",0,0,sst,290,1\n";
    return text;
  }
  /// In hours since the origin.
  Numbers hours(const std::vector<std::string>& times) const {
    const auto y = read(at(times));
    Numbers all;
    for (const double state : column(y, "time"))
      all.push_back(std::round(1e6 * (y.start_time + state * layout.dt)) / 1e6);
    return all;
  }
};

TEST_F(ObservationTimes, DatesWithoutSeparators) {
  EXPECT_THAT(hours({"20040228", "20040301"}), ElementsAre(-12, 12));  // no leap day
  EXPECT_THAT(hours({"2004022812", "2004022818"}), ElementsAre(0, 6));
  EXPECT_THAT(hours({"200402281230", "200402281800"}), ElementsAre(0.5, 6));
  EXPECT_THAT(hours({"20040228123000", "20040228180000"}), ElementsAre(0.5, 6));
  EXPECT_THAT(hours({"20040228T1230", "20040228T18Z"}), ElementsAre(0.5, 6));
  EXPECT_THAT(hours({"2004/02/28 12:30", "2004/2/28 18:00"}), ElementsAre(0.5, 6));
  EXPECT_THAT(read(at({"20040228"})).qc_summary,
              HasSubstr("note: times such as 20040228 are read as dates, 2004-02-28T00:00:00"));
  window.begin = "20040228";
  EXPECT_EQ(read(at({"0"})).start_time, -12);
}

TEST_F(ObservationTimes, NumbersInTheDataUnitsStayNumbers) {
  EXPECT_THAT(hours({"0", "7.5"}), ElementsAre(0, 7.5));
  layout.time_units = "seconds";
  layout.dt = 21600;
  // 20040228 s are 232 days, and 20040228 is a day: only other times can tell.
  EXPECT_THAT(
      refusal(at({"20040228"})),
      AllOf(HasSubstr("r.csv:2: column time: a time that can be meant as a number and as a date: found 20040228"),
            HasSubstr("write 2004-02-28T00:00:00 if that is meant")));
  EXPECT_THAT(hours({"20040228", "20040299"}), ElementsAre(20040228, 20040299));
  layout.time_origin.clear();
  layout.time_units = "1";
  EXPECT_THAT(hours({"20040228"}), ElementsAre(20040228));
}

TEST_F(ObservationTimes, ClocksOfComputers) {
  EXPECT_THAT(refusal(at({"1077969600"})), HasSubstr("times of another calendar: found standard, expected noleap"));
  layout.calendar = "standard";
  EXPECT_THAT(hours({"1077969600", "1077991200"}), ElementsAre(0, 6));
  EXPECT_THAT(hours({"1077969600000", "1077991200000"}), ElementsAre(0, 6));
  EXPECT_THAT(read(at({"1077969600"})).qc_summary,
              HasSubstr("note: times such as 1077969600 are read as seconds since 1970-01-01"));
  layout.time_units = "seconds";
  layout.time_origin = "1970-01-01";
  layout.dt = 21600;
  EXPECT_THAT(hours({"1077969600", "1077991200"}), ElementsAre(1077969600, 1077991200));
  EXPECT_THAT(read(at({"1077969600"})).qc_summary, Not(HasSubstr("are read as")));
}

TEST_F(ObservationTimes, BeyondAnyCalendar) {
  EXPECT_THAT(refusal(at({"0", "9.96921e36"})),
              AllOf(HasSubstr("r.csv:3: column time: a time beyond any calendar: found 9.96921e+36"),
                    HasSubstr("leave the row out if it stands for a missing time")));
  EXPECT_THAT(refusal(at({"28.02.2004"})), HasSubstr("write dates with the year first"));
  EXPECT_THAT(refusal(at({"02/28/2004"})), HasSubstr("write dates with the year first"));
}

TEST_F(ObservationTimes, FarFromAllOthersOnBothSides) {
  EXPECT_THAT(
      refusal(at({"-900000", "0", "6", "12", "18", "700000"})),
      HasSubstr("r.csv:2: column time: an observation's time is far from all others: found -900000 and then 0"));
  EXPECT_THAT(refusal(at({"-700000", "0", "6", "12", "18", "900000"})), HasSubstr("r.csv:7: column time"));
  // Once in 1200 states, as a float comes up: nothing is lonely among such.
  EXPECT_EQ(read(at({"0", "7200", "14400", "21600"})).length, 3601);
}

TEST_F(ObservationTimes, InSeveralColumns) {
  const auto of = [&](const std::string& text) {
    const auto y = read(text);
    Numbers all;
    for (const double state : column(y, "time"))
      all.push_back(std::round(1e6 * (y.start_time + state * layout.dt)) / 1e6);
    return all;
  };
  EXPECT_THAT(of("date,time,lat,lon,variable,value,error\n2004-02-28,12:30,0,0,sst,290,1\n2004-03-01,00:00:30,0,0,sst,"
                 "290,1\n"),
              ElementsAre(0.5, testing::DoubleNear(12 + 1.0 / 120, 1e-6)));
  EXPECT_THAT(of("year,month,day,hour,lat,lon,variable,value,error\n2004,2,28,18,0,0,sst,290,1\n"), ElementsAre(6));
  EXPECT_THAT(of("datetime,lat,lon,variable,value,error\n2004-02-28T18:00,0,0,sst,290,1\n"), ElementsAre(6));
  EXPECT_THAT(refusal("year,month,day,lat,lon,variable,value,error\n2004,2.5,28,0,0,sst,290,1\n"),
              HasSubstr("r.csv:2: column month: no part of a date: found 2.5"));
  EXPECT_THAT(refusal("year,month,day,lat,lon,variable,value,error\n2004,2,29,0,0,sst,290,1\n"),
              HasSubstr("r.csv:2: column year: not a date: found 2004, expected a day from 1 to 28"));
}

TEST_F(ObservationTimes, InNetcdfWithoutUnitsAndInCapitals) {
  const auto hours_of = [&](const Numbers& times, const io::Attributes& attributes) {
    const auto y = read_ioda([&](auto& file) {
      put(file, "MetaData", "dateTime", times, attributes);
      put(file, "MetaData", "latitude", {-20, 0, 60});
      put(file, "MetaData", "longitude", {90, 45, -90});
      put(file, "ObsValue", "sst", {291, 290, 289});
      put(file, "ObsError", "sst", {1, 1, 1});
    });
    Numbers all;
    for (const double state : column(y, "time"))
      all.push_back(std::round(1e6 * (y.start_time + state * layout.dt)) / 1e6);
    return all;
  };
  EXPECT_THAT(hours_of({2004022812, 2004022818, 2004030100}, {}), ElementsAre(0, 6, 12));
  EXPECT_THAT(hours_of({20040228.5, 20040228.75, 20040301}, {{"units", "day as %Y%m%d.%f"}}), ElementsAre(0, 6, 12));
  EXPECT_THAT(hours_of({0, 6, 12}, {{"units", "Hours Since 2004-02-28 12:00"}, {"calendar", "NoLeap"}}),
              ElementsAre(0, 6, 12));
  EXPECT_THAT(hours_of({0, 0.25, 0.5}, {{"units", "DAYS since 2004-02-28 12:00:00"}, {"calendar", "365_day"}}),
              ElementsAre(0, 6, 12));
  EXPECT_THROW(hours_of({200402, 200403, 200404}, {{"units", "month as %Y%m.%f"}}), FileError);
}

}  // namespace
}  // namespace sda::test
