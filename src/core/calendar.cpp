/// Days of CF's calendars, counted by the formulas for Julian day numbers.
#include "core/calendar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>

#include "core/units.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

struct Date {
  std::int64_t year = 0, month = 1, day = 1;
  double seconds = 0;  ///< since midnight, UTC
};

enum class Leap { gregorian, julian, mixed, never, always, thirty };

const std::map<std::string, Leap> calendars{{"", Leap::mixed},          {"standard", Leap::mixed},
                                            {"gregorian", Leap::mixed}, {"proleptic_gregorian", Leap::gregorian},
                                            {"julian", Leap::julian},   {"noleap", Leap::never},
                                            {"365_day", Leap::never},   {"all_leap", Leap::always},
                                            {"366_day", Leap::always},  {"360_day", Leap::thirty}};

/// Whether a date is of the Gregorian part of the mixed calendar.
bool is_gregorian(const Date& date) {
  return std::array{date.year, date.month, date.day} >= std::array<std::int64_t, 3>{1582, 10, 15};
}

bool is_leap(const Date& date, Leap leap) {
  if (leap == Leap::never) return false;
  if (leap == Leap::always) return true;
  const bool fourth = date.year % 4 == 0;
  const bool julian = leap == Leap::julian || (leap == Leap::mixed && !is_gregorian(date));
  return julian ? fourth : fourth && (date.year % 100 != 0 || date.year % 400 == 0);
}

std::int64_t days_in_month(const Date& date, Leap leap) {
  if (leap == Leap::thirty) return 30;
  constexpr std::array days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return days[static_cast<std::size_t>(date.month - 1)] + (date.month == 2 && is_leap(date, leap) ? 1 : 0);
}

/// Days since some day of the calendar.
std::int64_t day_number(const Date& date, Leap leap) {
  if (leap == Leap::thirty) return (date.year * 12 + date.month - 1) * 30 + date.day;
  // The year begins in March, so that a leap day is its last.
  const std::int64_t late = date.month <= 2 ? 1 : 0, year = date.year + 4800 - late, month = date.month + 12 * late - 3;
  const std::int64_t within = date.day + (153 * month + 2) / 5;
  switch (leap) {
    case Leap::never:
      return within + 365 * year;
    case Leap::always:
      return within + 366 * year;
    case Leap::julian:
      return within + 365 * year + year / 4 - 32083;
    case Leap::gregorian:
      return within + 365 * year + year / 4 - year / 100 + year / 400 - 32045;
    default:
      return day_number(date, is_gregorian(date) ? Leap::gregorian : Leap::julian);
  }
}

/// Takes a text apart from its beginning.
class DateReader {
 public:
  explicit DateReader(std::string_view text) : rest_(text) {}

  std::optional<std::int64_t> digits(std::size_t max) {
    std::int64_t value = 0;
    std::size_t n = 0;
    while (n < max && n < rest_.size() && std::isdigit(static_cast<unsigned char>(rest_[n])) != 0) {
      value = 10 * value + (rest_[n++] - '0');
    }
    if (n == 0) return std::nullopt;
    rest_.remove_prefix(n);
    return value;
  }
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  /// ".25", or nothing.
  double fraction() {
    if (!take(".")) return 0;
    double value = 0, place = 0.1;
    while (!rest_.empty() && std::isdigit(static_cast<unsigned char>(rest_.front())) != 0) {
      value += place * (rest_.front() - '0');
      place /= 10;
      rest_.remove_prefix(1);
    }
    return value;
  }
  /// Whether so many digits follow, and no more.
  bool has_digits(std::size_t n) const { return std::min(rest_.find_first_not_of("0123456789"), rest_.size()) == n; }
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// "12:30:15.5", or "1230" or "123015", in seconds.
std::optional<double> read_clock(DateReader& text) {
  const bool is_compact = text.has_digits(4) || text.has_digits(6);
  const auto hour = text.digits(2);
  if (!hour || *hour > 24) return std::nullopt;
  double seconds = 3600.0 * static_cast<double>(*hour);
  for (const double unit : {60.0, 1.0}) {
    if (!(is_compact ? text.has_digits(2) || text.has_digits(4) : text.take(":"))) break;
    const auto part = text.digits(2);
    if (!part || *part > 59 + (unit == 1.0 ? 1 : 0)) return std::nullopt;
    seconds += unit * static_cast<double>(*part);
    if (unit == 1.0) seconds += text.fraction();
  }
  return seconds <= 86400 ? std::optional(seconds) : std::nullopt;
}

/// "Z", "UTC", "+01:00", "-0130" or nothing: seconds to add for UTC.
std::optional<double> read_zone(DateReader& text) {
  text.skip_blanks();
  if (text.take("Z") || text.take("UTC") || text.take("GMT") || text.empty()) return 0.0;
  const bool east = text.take("+");
  if (!east && !text.take("-")) return std::nullopt;
  const auto hours = text.digits(2);
  text.take(":");
  const auto minutes = text.digits(2);
  if (!hours || *hours > 24) return std::nullopt;
  const double seconds = 3600.0 * static_cast<double>(*hours) + 60.0 * static_cast<double>(minutes.value_or(0));
  return east ? -seconds : seconds;
}

/// "2004-02-28", "2004/02/28" or "20040228".
std::optional<Date> read_day(DateReader& text) {
  const bool is_compact = text.has_digits(8);
  const auto year = text.digits(is_compact ? 4 : 5);
  const bool slashes = year && !is_compact && text.take("/");
  const auto between = [&] { return is_compact || text.take(slashes ? "/" : "-"); };
  if (!year || !(slashes || between())) return std::nullopt;
  const auto month = text.digits(2);
  if (!month || !between()) return std::nullopt;
  const auto day = text.digits(2);
  return day ? std::optional(Date{*year, *month, *day}) : std::nullopt;
}

std::optional<Date> read_date(std::string_view text) {
  DateReader reader(text);
  const auto day = read_day(reader);
  if (!day) return std::nullopt;
  Date date = *day;
  if (reader.take("T") || reader.take(" ")) {
    reader.skip_blanks();
    if (!reader.empty()) {
      const auto clock = read_clock(reader);
      if (!clock) return std::nullopt;
      date.seconds = *clock;
    }
  }
  const auto zone = read_zone(reader);
  if (!zone || !reader.empty()) return std::nullopt;
  date.seconds += *zone;
  return date;
}

/// Throws ValueError for what is no date of the calendar.
Date require_date(std::string_view text, Leap leap, const std::string& calendar) {
  const auto refuse = [&](const std::string& expected) {
    throw ValueError({.what = "not a date", .found = std::string(text), .expected = expected});
  };
  const auto date = read_date(text);
  if (!date) refuse("one such as 2004-02-28T12:30:00");
  const std::string of = calendar.empty() ? "the standard calendar" : "the calendar " + calendar;
  if (date->month < 1 || date->month > 12) refuse("a month from 1 to 12");
  if (date->day < 1 || date->day > days_in_month(*date, leap)) {
    refuse(fmt::format("a day from 1 to {}, as that month has them in {}", days_in_month(*date, leap), of));
  }
  const bool skipped = date->year == 1582 && date->month == 10 && date->day > 4 && date->day < 15;
  if (leap == Leap::mixed && skipped) refuse("a day of " + of + ", which has none from 5 to 14 October 1582");
  return *date;
}

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// Days of a month or a year, in a calendar where all are of one length.
std::optional<double> days_of_equal(const std::string& unit, Leap leap) {
  const auto is = [&](const std::string& name) { return unit == name || unit == name + "s"; };
  if (leap == Leap::thirty && is("month")) return 30;
  if (leap == Leap::thirty && is("year")) return 360;
  if (leap == Leap::never && is("common_year")) return 365;
  return std::nullopt;
}

/// Seconds of a unit of time; nothing for what is none of a fixed length. UDUNITS-2 has months and years of the sun,
/// whose dates drift away from the calendar's: they are none, except where all months of a calendar are equal.
std::optional<double> find_seconds(const std::string& unit, Leap leap = Leap::mixed) {
  constexpr double week = 604800;
  if (const auto days = days_of_equal(unit, leap)) return *days * 86400;
  const auto conversion = conversion_of_units(unit, "s");
  if (!conversion || conversion->offset != 0 || conversion->scale > week) return std::nullopt;
  return conversion->scale;
}

double seconds_in(const std::string& unit, Leap leap, const std::string& hint) {
  if (const auto seconds = find_seconds(unit, leap)) return *seconds;
  throw ValueError({.what = "dates cannot be told in this unit of time",
                    .found = unit,
                    .expected = "seconds, minutes, hours, days or weeks",
                    .hint = hint});
}

/// Since 1582 the two have the same dates.
Leap without_history(Leap leap) {
  return leap == Leap::mixed ? Leap::gregorian : leap;
}

Leap leap_of(const std::string& calendar) {
  const auto leap = calendars.find(lower_case(calendar));
  if (leap != calendars.end()) return leap->second;
  throw ValueError({.what = "dates of an unknown calendar",
                    .found = calendar,
                    .expected = "standard, proleptic_gregorian, julian, noleap, all_leap or 360_day"});
}

}  // namespace

bool looks_like_date(std::string_view text) {
  DateReader reader(text);
  if (reader.has_digits(8)) return text.size() > 8 && (text[8] == 'T' || text[8] == 'Z');
  const std::string_view between = text.find('/') == 4 ? "/" : "-";  // 02/28/2004 and 28/02/2004 are not told apart
  return reader.digits(5) && reader.take(between) && reader.digits(2) && reader.take(between);
}

TimeUnits parse_time_units(const std::string& units) {
  const auto since = lower_case(units).find(" since ");
  TimeUnits parsed{.unit = units.substr(0, since)};
  if (since != std::string::npos) parsed.origin = units.substr(since + 7);
  for (auto* part : {&parsed.unit, &parsed.origin}) {
    part->erase(0, part->find_first_not_of(' '));
    part->erase(part->find_last_not_of(' ') + 1);
  }
  if (days_in(1, lower_case(parsed.unit)) > 0) parsed.unit = lower_case(parsed.unit);
  return parsed;
}

std::optional<std::string> date_of_digits(double digits) {
  double whole = std::floor(digits);
  if (!(whole >= 1e7 && whole < 1e14) || (whole != digits && whole >= 1e8)) return std::nullopt;
  double seconds = std::round((digits - whole) * 86400);
  int of_clock = static_cast<int>(fmt::format("{:.0f}", whole).size()) - 8;
  if (of_clock % 2 != 0) return std::nullopt;
  for (; of_clock > 0; of_clock -= 2) {  // seconds, minutes and hours, from the last on
    const int unit = of_clock == 6 ? 1 : of_clock == 4 ? 60 : 3600;
    const double part = std::fmod(whole, 100);
    if (part > (unit == 3600 ? 23 : 59)) return std::nullopt;
    seconds += unit * part;
    whole = std::floor(whole / 100);
  }
  const auto date = static_cast<int>(whole);
  const int year = date / 10000, month = date / 100 % 100, day = date % 100;
  if (year < 1850 || year > 2150 || month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  const auto clock = static_cast<int>(seconds);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", year, month, day, clock / 3600, clock / 60 % 60,
                     clock % 60);
}

void require_calendar(const std::string& calendar) {
  leap_of(calendar);
}

double time_of_date(std::string_view date, const std::string& units, const std::string& origin,
                    const std::string& calendar) {
  const Leap leap = leap_of(calendar);
  const double unit = seconds_in(units, leap, "give times as numbers");
  const Date at = require_date(date, leap, calendar), from = require_date(origin, leap, calendar);
  const std::int64_t days = day_number(at, leap) - day_number(from, leap);
  return (static_cast<double>(days) * 86400 + (at.seconds - from.seconds)) / unit;
}

std::string date_of_time(double time, const std::string& units, const std::string& origin,
                         const std::string& calendar) {
  const Leap leap = leap_of(calendar);
  const Date from = require_date(origin, leap, calendar);
  const double elapsed = from.seconds + time * seconds_in(units, leap, "");
  constexpr double longest = 1e13;  // 300,000 years
  if (!(std::abs(elapsed) < longest)) return fmt::format("{:g} {} since {}", time, units, origin);
  const auto seconds = std::llround(elapsed);
  const auto within = (seconds % 86400 + 86400) % 86400;
  const std::int64_t day = day_number(from, leap) + (seconds - within) / 86400;
  const auto begins_by = [&](std::int64_t year, std::int64_t month) {
    return day_number({year, month, 1}, leap) <= day;
  };
  Date date{from.year + (seconds - within) / 86400 / 366, 1, 1};
  while (begins_by(date.year + 1, 1)) ++date.year;
  while (!begins_by(date.year, 1)) --date.year;
  while (date.month < 12 && begins_by(date.year, date.month + 1)) ++date.month;
  date.day = day - day_number(date, leap) + 1;
  if (leap == Leap::mixed && date.year == 1582 && date.month == 10 && date.day > 4) date.day += 10;
  std::string text = fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
  if (within != 0) text += fmt::format(" {:02}:{:02}", within / 3600, within / 60 % 60);
  if (within % 60 != 0) text += fmt::format(":{:02}", within % 60);
  return text;
}

double days_in(double time, const std::string& units) {
  return time * conversion_of_units(units, "days").value_or(UnitConversion{.scale = 0}).scale;
}

double whole_seconds(double time, const std::string& units) {
  const auto unit = find_seconds(units);
  if (!unit) return time;
  const double seconds = time * *unit, whole = std::round(seconds);
  return whole > 0 && std::abs(seconds - whole) <= 1e-10 * whole ? whole / *unit : time;
}

TimeConversion conversion_of_times(const std::string& units, const std::string& calendar, const StateLayout& layout) {
  const auto [unit, origin] = parse_time_units(units);
  if (unit.empty() || units == layout.time_units) return {};
  const Leap leap = leap_of(calendar), leap_of_layout = leap_of(layout.calendar);
  if (origin.empty() || layout.time_origin.empty()) {
    if (!origin.empty() && time_of_date(origin, "days", "1970-01-01", "") != 0) {
      throw ValueError({.what = "times since a date, and the data are of no calendar",
                        .found = units,
                        .expected = "times in " + layout.time_units});
    }
    // Of a system without units one of them is written as a second.
    return {.scale = seconds_in(unit, leap, "") / find_seconds(layout.time_units, leap_of_layout).value_or(1)};
  }
  if (without_history(leap) != without_history(leap_of_layout)) {
    throw ValueError({.what = "times of another calendar",
                      .found = calendar.empty() ? "standard" : calendar,
                      .expected = layout.calendar.empty() ? "standard" : layout.calendar,
                      .hint = "give times as texts, 2004-02-28T12:00"});
  }
  return {.scale = seconds_in(unit, leap, "") / seconds_in(layout.time_units, leap_of_layout, ""),
          .offset = time_of_date(origin, layout.time_units, layout.time_origin, layout.calendar)};
}

}  // namespace sda
