/// Times as users write them: numbers in the units of the data, dates of their calendar, or dates without separators.
#include "data/observations/times.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/calendar.hpp"
#include "data/formats/numbers.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

/// The number in the data's units that begins a year, nearly; infinite where the data are of no calendar.
double number_of_year(double year, const StateLayout& layout) {
  constexpr double days_in_year = 365.2425;
  const double days = days_in(1, layout.time_units);
  if (layout.time_origin.empty() || days == 0) return year * std::numeric_limits<double>::infinity();
  const auto dash = std::min(layout.time_origin.find('-'), layout.time_origin.size());
  return (year - number_in(layout.time_origin.substr(0, dash)).value_or(1970)) * days_in_year / days;
}

/// Whether a number is of a clock that counts from 1970, between 1973 and 2103.
bool is_clock(double number, double per_second) {
  return number >= 1e8 * per_second && number <= 4.2e9 * per_second;
}

}  // namespace

BareTimes::BareTimes(const std::vector<double>& numbers, const StateLayout& layout)
    : layout_(layout), min_(number_of_year(-20000, layout)), max_(number_of_year(20000, layout)) {
  if (numbers.empty() || layout.time_origin.empty()) return;
  const auto all = [&](auto test) { return std::all_of(numbers.begin(), numbers.end(), test); };
  const bool can_be_numbers = numbers.front() < number_of_year(3000, layout);
  const auto date = date_of_digits(numbers.front());
  if (date && all([](double number) { return date_of_digits(number).has_value(); })) {
    if (can_be_numbers) {
      throw ValueError({.what = "a time that can be meant as a number and as a date",
                        .found = fmt::format("{:.15g}", numbers.front()),
                        .expected = "a number in " + time_units_of(layout) + ", or a date with hyphens",
                        .hint = "write " + *date + " if that is meant"});
    }
    meaning_ = Meaning::dates;
    remark_ = fmt::format("times such as {:.15g} are read as dates, {}", numbers.front(), *date);
    return;
  }
  for (const auto& [per_second, name] : {std::pair{1.0, "seconds"}, std::pair{1000.0, "milliseconds"}}) {
    if (can_be_numbers || !all([&](double number) { return is_clock(number, per_second); })) continue;
    meaning_ = Meaning::clock;
    convert_ = conversion_of_times("seconds since 1970-01-01", "standard", layout);
    convert_.scale /= per_second;
    remark_ = fmt::format("times such as {:.15g} are read as {} since 1970-01-01", numbers.front(), name);
  }
}

double BareTimes::operator()(double number) const {
  if (meaning_ == Meaning::dates) return parse_date(*date_of_digits(number), layout_);
  if (meaning_ == Meaning::clock) return convert_(number);
  if (number >= min_ && number <= max_) return number;
  throw ValueError({.what = "a time beyond any calendar",
                    .found = fmt::format("{:.9g}", number),
                    .expected = "a number in " + time_units_of(layout_) + ", or a date",
                    .hint = "leave the row out if it stands for a missing time"});
}

bool is_absolute_time(const std::string& units) {
  return units.find(" as %Y") != std::string::npos;
}

void convert_absolute_times(std::vector<double>& times, const std::string& units, const StateLayout& layout) {
  for (double& time : times) {
    if (std::isnan(time)) continue;
    const auto date = date_of_digits(time);
    if (!units.starts_with("day as %Y%m%d") || !date) {
      throw ValueError({.what = "times that are digits of dates, and not of days",
                        .found = fmt::format("{:.15g} in {}", time, units),
                        .expected = "day as %Y%m%d.%f, or hours since a date",
                        .hint = "`cdo -r copy IN OUT` writes times since a date"});
    }
    time = parse_date(*date, layout);
  }
}

double parse_time(std::string_view text, const StateLayout& layout) {
  const auto number = number_in(text);
  if (!number || !std::isfinite(*number)) return parse_date(text, layout);
  return BareTimes({*number}, layout)(*number);
}

double parse_date(std::string_view text, const StateLayout& layout) {
  if (!looks_like_date(text)) {
    const bool has_dots =
        std::count(text.begin(), text.end(), '.') == 2 || std::count(text.begin(), text.end(), '/') == 2;
    throw ValueError(
        {.what = "not a time",
         .found = std::string(text),
         .expected = "a number in " + time_units_of(layout) + (layout.time_origin.empty() ? "" : ", or a date"),
         .hint = has_dots ? "write dates with the year first: 2004-02-28T12:30" : number_hint(text)});
  }
  if (layout.time_origin.empty()) {
    throw ValueError({.what = "a date, and the data are of no calendar",
                      .found = std::string(text),
                      .expected = "a number in " + time_units_of(layout)});
  }
  return time_of_date(text, layout.time_units, layout.time_origin, layout.calendar);
}

std::string time_units_of(const StateLayout& layout) {
  const std::string units = layout.time_units == "1" ? "the system's own unit" : layout.time_units;
  return layout.time_origin.empty() ? units : units + " since " + layout.time_origin;
}

}  // namespace sda::io
