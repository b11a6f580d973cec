/// Dates of CF's calendars as numbers of a coordinate of time, "hours since 2004-02-28 12:00" in "noleap", say.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sda/core/layout.hpp"

namespace sda {

/// Whether a text begins as dates do, "2004-02-28", "2004/02/28" or "20040228T", and not as a number.
bool looks_like_date(std::string_view text);

/// "hours since 2004-02-28 12:00" in its parts; no origin where there is none. "Hours Since" is as good.
struct TimeUnits {
  std::string unit, origin{};
};
TimeUnits parse_time_units(const std::string& units);

/// "2004-02-28T12:30:00" of digits without separators, YYYYMMDD (with a fraction of the day), YYYYMMDDHH, YYYYMMDDHHMM
/// or YYYYMMDDHHMMSS; nothing for any other number, and for years before 1850 or after 2150.
std::optional<std::string> date_of_digits(double digits);

/// Throws ValueError for a calendar that is none of CF's.
void require_calendar(const std::string& calendar);

/// A date as a number of `units` since `origin` in a calendar of CF's (empty: "standard", which is Julian before
/// 1582-10-15 and Gregorian from then on). Dates are ISO 8601's: "2004-02-28", "2004-02-28T12:30", "20040228T1230",
/// "2004-02-28 12:30:15.5", with Z, UTC or +01:00 behind them, or "2004/02/28". Throws ValueError for what is no date,
/// or none of the calendar, and for units that are no fixed time. Months and years of 360_day are of one length, and so
/// are common_years of noleap; no others are.
double time_of_date(std::string_view date, const std::string& units, const std::string& origin,
                    const std::string& calendar);

/// The other way round, to the second: "2004-02-28", with " 12:30" or " 12:30:15" behind it where it is not midnight.
/// Throws ValueError as time_of_date does.
std::string date_of_time(double time, const std::string& units, const std::string& origin, const std::string& calendar);

/// Days of a time of `units`, for estimates: months and years of the sun are taken for units too. 0 for what is no unit
/// of time.
double days_in(double time, const std::string& units);

/// A time of `units` that is a whole number of seconds but for rounding, without it: an hour in days has no end of
/// digits. Any other as it is, and in units that are no fixed time.
double whole_seconds(double time, const std::string& units);

/// Times in the units of one file as times of another system: scale t + offset.
struct TimeConversion {
  double scale = 1, offset = 0;
  double operator()(double time) const { return scale * time + offset; }
};

/// From `units` as a file has them ("seconds since 1970-01-01T00:00:00Z", "hours", or nothing) to the layout's. Units
/// without a date, or none, are the layout's own origin. Where the layout has no date, one file has the beginning of
/// 1970, as our own files have it for want of another. Throws ValueError for units that are no fixed time, for a date
/// where the layout has none, and for another calendar.
TimeConversion conversion_of_times(const std::string& units, const std::string& calendar, const StateLayout& layout);

}  // namespace sda
