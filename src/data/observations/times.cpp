/// Times as users write them: numbers in the units of the data, or dates of their calendar.
#include "data/observations/times.hpp"

#include <algorithm>
#include <cmath>

#include "core/calendar.hpp"
#include "data/formats/numbers.hpp"
#include "sda/core/error.hpp"

namespace sda::io {

double parse_time(std::string_view text, const StateLayout& layout) {
  const auto number = number_in(text);
  if (number && std::isfinite(*number)) return *number;
  if (number || !looks_like_date(text)) {
    throw ValueError(
        {.what = "not a time",
         .found = std::string(text),
         .expected = "a number in " + time_units_of(layout) + (layout.time_origin.empty() ? "" : ", or a date"),
         .hint = number_hint(text)});
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
