/// The window of time that observations ask for, or that is given.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/observations/places.hpp"
#include "data/observations/screen.hpp"
#include "data/observations/times.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

/// States beyond which a window can only be a mistake of units.
constexpr double longest_window = 1e6;

double given_time(const std::string& flag, const std::string& text, const StateLayout& layout) {
  try {
    return parse_time(text, layout);
  } catch (const ValueError& error) {
    Fault fault = error.fault();
    fault.where = flag;
    throw UsageError(fault);
  }
}

}  // namespace

Window choose_window(const ScreenedObservations& some, const ObservationTable& table, const StateLayout& layout,
                     const AssimilationWindow& given) {
  const double dt = layout.dt;
  Window window;
  Extent times;
  for (const auto row : some.rows) times.take(table.time[row]);
  if (!given.begin.empty()) {
    window.start = given_time("--begin", given.begin, layout);
  } else if (!some.rows.empty()) {
    const double origin = given.state_at.value_or(0);
    window.start = origin + std::floor(snapped((times.min - origin) / dt)) * dt;
  }
  double last = 0;
  if (!given.end.empty()) {
    last = std::floor(snapped((given_time("--end", given.end, layout) - window.start) / dt));
    if (last < 0) {
      throw UsageError({.what = "the window ends before it begins",
                        .where = "--end",
                        .found = given.end,
                        .expected = fmt::format("a time at or after {:.9g}", window.start)});
    }
  } else if (!some.rows.empty()) {
    last = std::max(0.0, std::ceil(snapped((times.max - window.start) / dt)));
  }
  if (last > longest_window) {
    throw FileError({.what = "the observations' times are too far apart for one trajectory",
                     .where = table.path,
                     .found = fmt::format("times from {:.9g} to {:.9g}, {:.3g} states", times.min, times.max, last + 1),
                     .expected = fmt::format("times in {}, of states {:.6g} apart", time_units_of(layout), dt),
                     .hint = "give times in the data's own units, or a part of them by --begin and --end"});
  }
  window.length = std::max(given.min_length, static_cast<std::int64_t>(last) + 1);
  return window;
}

}  // namespace sda::io
