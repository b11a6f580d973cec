/// Dates as numbers, counted by hand; days from year 1 as Python's datetime and cftime have them.
#include "core/calendar.hpp"

#include <gmock/gmock.h>

#include "sda/core/error.hpp"

namespace sda::test {
namespace {

using testing::HasSubstr;

double days(const std::string& date, const std::string& origin, const std::string& calendar = "") {
  return time_of_date(date, "days", origin, calendar);
}

std::string refusal(const std::string& date, const std::string& units = "days", const std::string& calendar = "") {
  try {
    time_of_date(date, units, "2000-01-01", calendar);
  } catch (const ValueError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Calendar, DaysAcrossTheEndOfFebruary) {
  const auto february = [](int year, const std::string& calendar) {
    return days(std::to_string(year) + "-03-01", std::to_string(year) + "-02-28", calendar);
  };
  EXPECT_EQ(february(2004, ""), 2);
  EXPECT_EQ(february(2003, "standard"), 1);
  EXPECT_EQ(february(1900, "gregorian"), 1);
  EXPECT_EQ(february(1900, "julian"), 2);
  EXPECT_EQ(february(2000, "proleptic_gregorian"), 2);
  EXPECT_EQ(february(2004, "noleap"), 1);
  EXPECT_EQ(february(2003, "366_day"), 2);
  EXPECT_EQ(february(2004, "360_day"), 3);
}

TEST(Calendar, LongTimes) {
  EXPECT_EQ(days("1970-01-01", "1800-01-01"), 62091);
  EXPECT_EQ(days("1970-01-01", "0001-01-01", "proleptic_gregorian"), 719162);
  EXPECT_EQ(days("1970-01-01", "1-1-1 00:00:0.0"), 719164);  // the Julian calendar had two days more
  EXPECT_EQ(days("1582-10-15", "1582-10-04"), 1);
  EXPECT_EQ(days("1582-10-15", "1582-10-04", "proleptic_gregorian"), 11);
  EXPECT_EQ(days("2001-01-01", "2000-01-01", "noleap"), 365);
  EXPECT_EQ(days("2001-01-01", "2000-01-01", "all_leap"), 366);
  EXPECT_EQ(days("2001-03-01", "2000-03-01", "all_leap"), 366);
  EXPECT_EQ(days("2001-01-01", "2000-01-01", "360_day"), 360);
  EXPECT_EQ(days("1999-12-31", "2000-01-01"), -1);
}

TEST(Calendar, DatesOfTimesComeBack) {
  for (const std::string calendar :
       {"", "gregorian", "proleptic_gregorian", "julian", "noleap", "all_leap", "360_day"}) {
    for (int day = -200'000; day <= 200'000; day += 61) {
      const std::string date = date_of_time(day, "days", "1850-03-01", calendar);
      ASSERT_EQ(days(date, "1850-03-01", calendar), day) << date << " " << calendar;
    }
  }
  EXPECT_EQ(date_of_time(1, "days", "1582-10-04", "standard"), "1582-10-15");
  EXPECT_EQ(date_of_time(36, "hours", "2004-02-28 12:00", "noleap"), "2004-03-02");
  EXPECT_EQ(date_of_time(-0.25, "hours", "2004-03-01", ""), "2004-02-29 23:45");
  EXPECT_EQ(date_of_time(15.4, "s", "2004-02-28 12:00", ""), "2004-02-28 12:00:15");
  EXPECT_EQ(date_of_time(1e300, "days", "2000-01-01", ""), "1e+300 days since 2000-01-01");
}

TEST(Calendar, ClocksZonesAndUnits) {
  const std::string origin = "2004-02-28 12:00";
  EXPECT_EQ(time_of_date("2004-02-28T13:30", "hours", origin, ""), 1.5);
  EXPECT_EQ(time_of_date("2004-02-28 12:00:15.25", "s", origin, ""), 15.25);
  EXPECT_EQ(time_of_date("2004-02-29T00:00:00Z", "hours", origin, ""), 12);
  EXPECT_EQ(time_of_date("2004-02-28T12:00+02:00", "hours", origin, ""), -2);
  EXPECT_EQ(time_of_date("2004-02-28T12:00-0130", "minutes", origin, ""), 90);
  EXPECT_EQ(time_of_date("2004-03-06T12:00", "weeks", origin, ""), 1);
  EXPECT_EQ(time_of_date("2004-2-28 24:00", "hours", origin + ":00 UTC", ""), 12);
}

TEST(Calendar, StepsAreWholeSecondsButForRounding) {
  EXPECT_EQ(whole_seconds(0.0416666666667, "days"), 3600.0 / 86400);
  EXPECT_EQ(whole_seconds(0.00694444444444, "days"), 600.0 / 86400);
  EXPECT_EQ(whole_seconds(0.025, "days"), 0.025);
  EXPECT_EQ(whole_seconds(0.0001234, "days"), 0.0001234);
  EXPECT_EQ(whole_seconds(0.0416666666667, "1"), 0.0416666666667);
  EXPECT_EQ(whole_seconds(0.0416666666667, "months"), 0.0416666666667);
}

TEST(Calendar, DatesInOtherNotations) {
  const std::string origin = "2004-02-28 12:00";
  EXPECT_EQ(time_of_date("20040228T1330", "hours", origin, ""), 1.5);
  EXPECT_EQ(time_of_date("20040229", "hours", origin, ""), 12);
  EXPECT_EQ(time_of_date("20040228T12", "hours", origin, ""), 0);
  EXPECT_EQ(time_of_date("20040228T120015Z", "s", origin, ""), 15);
  EXPECT_EQ(time_of_date("2004/02/28 13:30", "hours", origin, ""), 1.5);
  EXPECT_TRUE(looks_like_date("20040228T12"));
  EXPECT_TRUE(looks_like_date("2004/02/28"));
  EXPECT_FALSE(looks_like_date("20040228"));
  EXPECT_FALSE(looks_like_date("02/28/2004"));
}

TEST(Calendar, DigitsOfDates) {
  EXPECT_EQ(date_of_digits(20040228), "2004-02-28T00:00:00");
  EXPECT_EQ(date_of_digits(20040228.75), "2004-02-28T18:00:00");
  EXPECT_EQ(date_of_digits(2004022806), "2004-02-28T06:00:00");
  EXPECT_EQ(date_of_digits(200402280630), "2004-02-28T06:30:00");
  EXPECT_EQ(date_of_digits(20040228063015), "2004-02-28T06:30:15");
  for (const double none : {20041328.0, 2004.0, 123456789.0, 2004022825.0, 200402281260.0, 18491231.0, 1e20,
                            -20040228.0, 2004022806.5, 20040200.0}) {
    EXPECT_EQ(date_of_digits(none), std::nullopt) << none;
  }
}

TEST(Calendar, UnitsInCapitalsAndUnitsOfOneLength) {
  const StateLayout hours{.event = {1},
                          .variables = {},
                          .space_names = {},
                          .time_units = "hours",
                          .time_origin = "2000-01-01",
                          .calendar = "360_day"};
  EXPECT_EQ(conversion_of_times("Days Since 2000-01-02", "360_DAY", hours)(1), 48);
  EXPECT_EQ(conversion_of_times("months since 2000-01-01", "360_day", hours)(2), 2 * 30 * 24);
  EXPECT_EQ(conversion_of_times("years since 2000-01-01", "360_day", hours)(1), 360 * 24);
  StateLayout noleap = hours;
  noleap.calendar = "noleap";
  EXPECT_EQ(conversion_of_times("common_years since 2000-01-01", "365_day", noleap)(1), 365 * 24);
  for (const std::string unit : {"months", "years"}) {
    EXPECT_THAT([&] { conversion_of_times(unit + " since 2000-01-01", "noleap", noleap); },
                testing::ThrowsMessage<ValueError>(HasSubstr("found " + unit)));
  }
  EXPECT_THAT([&] { conversion_of_times("days since 2000-01-01", "lunar", noleap); },
              testing::ThrowsMessage<ValueError>(
                  HasSubstr("dates of an unknown calendar: found lunar, expected standard, proleptic_gregorian")));
  EXPECT_THAT([&] { conversion_of_times("fathoms since 2000-01-01", "noleap", noleap); },
              testing::ThrowsMessage<ValueError>(HasSubstr("found fathoms")));
}

TEST(Calendar, RefusesWhatIsNoDate) {
  EXPECT_THAT(refusal("2003-02-29"), HasSubstr("found 2003-02-29, expected a day from 1 to 28"));
  EXPECT_THAT(refusal("2004-02-29", "days", "noleap"), HasSubstr("expected a day from 1 to 28"));
  EXPECT_THAT(refusal("2003-13-01"), HasSubstr("a month from 1 to 12"));
  EXPECT_THAT(refusal("1582-10-10"), HasSubstr("none from 5 to 14 October 1582"));
  EXPECT_THAT(refusal("2003-02"), HasSubstr("not a date"));
  EXPECT_THAT(refusal("2003-02-01T25:00"), HasSubstr("not a date"));
  EXPECT_THAT(refusal("2003-02-01 noon"), HasSubstr("not a date"));
  EXPECT_THAT(refusal("2003-02-01", "months"), HasSubstr("cannot be told in this unit of time: found months"));
  EXPECT_THAT(refusal("2003-02-01", "days", "lunar"), HasSubstr("unknown calendar"));
  EXPECT_TRUE(looks_like_date("2004-02-28"));
  EXPECT_FALSE(looks_like_date("2004"));
  EXPECT_FALSE(looks_like_date("-2004-1"));
  EXPECT_FALSE(looks_like_date("28.2.2004"));
}

}  // namespace
}  // namespace sda::test
