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

/// Of rows in the order of time, the first one behind the widest gap between `begin` and `end`.
std::size_t behind_widest_gap(const std::vector<std::size_t>& rows, const ObservationTable& table, std::size_t begin,
                              std::size_t end) {
  const auto gap = [&](std::size_t i) { return table.time[rows[i]] - table.time[rows[i - 1]]; };
  std::size_t widest = begin + 1;
  for (std::size_t i = begin + 1; i < end; ++i) {
    if (gap(i) > gap(widest)) widest = i;
  }
  return widest;
}

/// Throws FileError where a gap of more than a thousand states, or two on both sides of most observations, are nine
/// tenths of the time between the first and the last one: a time of 0, or of a fill value, is among the others.
void require_no_lonely_time(const ScreenedObservations& some, const ObservationTable& table,
                            const StateLayout& layout) {
  constexpr double longest_gap = 1000, share = 0.9;
  Extent times;
  for (const auto row : some.rows) times.take(table.time[row]);
  if (some.rows.size() < 2 || !(times.max - times.min > longest_gap * layout.dt)) return;
  std::vector<std::size_t> rows = some.rows;
  std::stable_sort(rows.begin(), rows.end(), [&](auto a, auto b) { return table.time[a] < table.time[b]; });
  const auto gap = [&](std::size_t i) { return table.time[rows[i]] - table.time[rows[i - 1]]; };
  const double all = table.time[rows.back()] - table.time[rows.front()];
  const std::size_t widest = behind_widest_gap(rows, table, 0, rows.size());
  double alone = gap(widest);
  if (!(alone > longest_gap * layout.dt)) return;
  const bool more_before = 2 * widest > rows.size();
  const auto begin = more_before ? 0 : widest, end = more_before ? widest : rows.size();
  if (end - begin > 1) {
    const std::size_t other = behind_widest_gap(rows, table, begin, end);
    const auto between = more_before ? end - other : other - begin;
    if (2 * between > rows.size() && gap(other) > longest_gap * layout.dt) alone += gap(other);
  }
  if (!(alone > share * all)) return;
  const auto lonely = more_before ? rows[widest] : rows[widest - 1];
  throw FileError({.what = "an observation's time is far from all others",
                   .where = table.where(lonely, "time"),
                   .found = fmt::format("{:.9g} and then {:.9g}, {:.3g} states later", table.time[rows[widest - 1]],
                                        table.time[rows[widest]], gap(widest) / layout.dt),
                   .expected = "times of one trajectory in " + time_units_of(layout),
                   .hint = "leave it out, or give the window by --begin and --end"});
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
    const auto latest = std::max_element(some.rows.begin(), some.rows.end(),
                                         [&](auto a, auto b) { return table.time[a] < table.time[b]; });
    throw FileError({.what = "the observations' times are too far apart for one trajectory",
                     .where = latest == some.rows.end() ? table.path : table.where(*latest, "time"),
                     .found = fmt::format("times from {:.9g} to {:.9g}, {:.3g} states", times.min, times.max, last + 1),
                     .expected = fmt::format("times in {}, of states {:.6g} apart", time_units_of(layout), dt),
                     .hint = "give times in the data's own units, or a part of them by --begin and --end"});
  }
  if (given.begin.empty() && given.end.empty()) require_no_lonely_time(some, table, layout);
  window.length = std::max(given.min_length, static_cast<std::int64_t>(last) + 1);
  return window;
}

}  // namespace sda::io
