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

/// Throws FileError where one gap, of more than a thousand states, is nine tenths of the time between the first and the
/// last observation: a time of 0, or of a fill value, is among the others.
void require_no_lonely_time(const ScreenedObservations& some, const ObservationTable& table,
                            const StateLayout& layout) {
  constexpr double longest_gap = 1000, share = 0.9;
  std::vector<std::size_t> rows = some.rows;
  std::stable_sort(rows.begin(), rows.end(), [&](auto a, auto b) { return table.time[a] < table.time[b]; });
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const double before = table.time[rows[i - 1]], after = table.time[rows[i]], gap = after - before;
    if (!(gap > longest_gap * layout.dt && gap > share * (table.time[rows.back()] - table.time[rows.front()])))
      continue;
    const auto lonely = 2 * i <= rows.size() ? rows[i - 1] : rows[i];
    throw FileError(
        {.what = "an observation's time is far from all others",
         .where = table.where(lonely, "time"),
         .found = fmt::format("{:.9g} and then {:.9g}, {:.3g} states later", before, after, gap / layout.dt),
         .expected = "times of one trajectory in " + time_units_of(layout),
         .hint = "leave it out, or give the window by --begin and --end"});
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
    const double origin = given.state_at.value_or(0), place = snapped((times.min - origin) / dt);
    window.start = origin + std::floor(place) * dt;
    // Many steps from the origin, the rounding of dt has added up: the observation's own time is the better one.
    const bool on_state = place == std::floor(place);
    if (on_state && std::abs(window.start - times.min) > 1e-9 * dt) window.start = times.min;
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
  if (given.begin.empty() && given.end.empty()) require_no_lonely_time(some, table, layout);
  window.length = std::max(given.min_length, static_cast<std::int64_t>(last) + 1);
  return window;
}

}  // namespace sda::io
