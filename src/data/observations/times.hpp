/// Times as users write them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/calendar.hpp"
#include "sda/core/layout.hpp"

namespace sda::io {

/// Numbers without units, all meant alike: in the data's units, as digits of dates (20040228, 2004022812), or as
/// seconds or milliseconds since 1970, where they can only be that.
class BareTimes {
 public:
  /// Throws ValueError, with the first of `numbers`, where they can be meant in the data's units as well as as dates;
  /// and where the data's calendar is not that of a clock.
  BareTimes(const std::vector<double>& numbers, const StateLayout& layout);
  /// In the data's units. Throws ValueError for times 20,000 years away.
  double operator()(double number) const;
  /// "times such as 20040228 are read as dates, 2004-02-28T00:00:00"; empty for numbers in the data's units.
  const std::string& remark() const { return remark_; }

 private:
  enum class Meaning { numbers, dates, clock };
  const StateLayout& layout_;
  Meaning meaning_ = Meaning::numbers;
  TimeConversion convert_{};
  double min_, max_;  ///< of numbers
  std::string remark_{};
};

/// "day as %Y%m%d.%f", as CDO writes times that are digits of dates (an absolute axis of time).
bool is_absolute_time(const std::string& units);
/// Such times in the data's units. Throws ValueError for what is no date, and for months and years.
void convert_absolute_times(std::vector<double>& times, const std::string& units, const StateLayout& layout);

/// Throws ValueError for what is no number, nor a date where the data have a calendar.
double parse_time(std::string_view text, const StateLayout& layout);
/// The same of a text that is no number.
double parse_date(std::string_view text, const StateLayout& layout);
/// "s", "hours since 2004-02-28".
std::string time_units_of(const StateLayout& layout);

}  // namespace sda::io
