/// Quality control of observations: each step rejects rows of the table for one reason.
#include "data/observations/screen.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "data/observations/places.hpp"
#include "data/observations/qc_summary.hpp"
#include "data/observations/times.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

bool has_no_place(const ObservationTable& table, std::size_t row) {
  return std::isnan(table.time[row]) ||
         std::any_of(table.place.begin(), table.place.end(), [&](const auto& axis) { return std::isnan(axis[row]); });
}

/// Throws FileError where not one row was within the domain of an axis: then their coordinates are others.
void require_some_inside(const ObservationTable& table, std::size_t first, const Places& places,
                         const std::vector<Extent>& found, const std::vector<std::size_t>& inside) {
  for (std::size_t a = 0; a < found.size(); ++a) {
    if (inside[a] > 0) continue;
    throw FileError({.what = "no observation lies within the domain",
                     .where = table.where(first, places.name(a)),
                     .found = fmt::format("{} from {:.6g} to {:.6g}", places.name(a), found[a].min, found[a].max),
                     .expected = places.domain(a),
                     .hint = "give coordinates in the data's own units"});
  }
}

}  // namespace

const std::array<const char*, rejections> rejection_names{"flagged",        "missing", "nowhere",  "outside_domain",
                                                          "outside_window", "masked",  "sentinel", "background"};

std::string in_words(const Window& window, double dt) {
  return fmt::format("times from {:.9g} to {:.9g}", window.start,
                     window.start + dt * static_cast<double>(window.length - 1));
}

void ScreenedObservations::reject(const ObservationTable& table, std::size_t row, Rejection why) {
  constexpr std::size_t max_named = 5;
  auto& of_reason = rejected[static_cast<std::size_t>(why)];
  ++of_reason.count;
  each.emplace_back(row, why);
  if (of_reason.first.size() < max_named) of_reason.first.push_back(table.origin[row]);
}

void ScreenedObservations::keep(const std::vector<std::size_t>& kept) {
  if (kept.size() == rows.size()) return;
  const std::size_t axes = rows.empty() ? 0 : places.size() / rows.size();
  for (std::size_t k = 0; k < kept.size(); ++k) {
    rows[k] = rows[kept[k]], states[k] = states[kept[k]];
    for (std::size_t a = 0; a < axes; ++a) places[k * axes + a] = places[kept[k] * axes + a];
  }
  rows.resize(kept.size()), states.resize(kept.size()), places.resize(kept.size() * axes);
}

void Extent::take(double value) {
  min = std::min(min, value);
  max = std::max(max, value);
}

void reject_flagged_and_missing(ScreenedObservations& some, const ObservationTable& table) {
  some.rows.reserve(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.flagged[row]) {
      some.reject(table, row, Rejection::flagged);
    } else if (std::isnan(table.value[row])) {
      some.reject(table, row, Rejection::missing);
    } else if (has_no_place(table, row)) {
      some.reject(table, row, Rejection::nowhere);
    } else {
      some.rows.push_back(row);
    }
  }
}

void reject_outside_domain(ScreenedObservations& some, const ObservationTable& table,
                           const ExpectedObservations& expected) {
  if (some.rows.empty()) return;
  const bool nearest = expected.parameters.space == PointChoice::nearest;
  const Places places(expected.layout, table.on_globe);
  const Mask mask(expected.layout);
  const std::size_t first = some.rows.front();
  const std::size_t axes = table.place.size();
  std::vector<Extent> found(axes);
  std::vector<std::size_t> inside(axes, 0), kept;
  kept.reserve(some.rows.size()), some.places.reserve(some.rows.size() * axes);
  std::vector<double> coordinates(axes), place;
  Places::Found at;
  for (const auto row : some.rows) {
    for (std::size_t a = 0; a < axes; ++a) coordinates[a] = table.place[a][row];
    places.find(coordinates, nearest, at);
    place.clear();
    for (std::size_t a = 0; a < axes; ++a) {
      found[a].take(coordinates[a]);
      if (!at[a]) continue;
      ++inside[a];
      place.push_back(*at[a]);
    }
    // A formula may depend on all variables.
    const bool is_formula = !expected.observables[table.variable[row]].formula.empty();
    const auto variable = is_formula ? -1 : static_cast<std::ptrdiff_t>(table.variable[row]);
    if (place.size() < axes) {
      some.reject(table, row, Rejection::outside_domain);
    } else if (mask.hides(variable, place)) {
      some.reject(table, row, Rejection::masked);
    } else {
      kept.push_back(row);
      some.places.insert(some.places.end(), place.begin(), place.end());
    }
  }
  some.rows = std::move(kept);
  require_some_inside(table, first, places, found, inside);
}

void reject_outside_window(ScreenedObservations& some, const ObservationTable& table,
                           const ExpectedObservations& expected) {
  const StateLayout& layout = expected.layout;
  std::vector<std::size_t> kept;
  kept.reserve(some.rows.size()), some.states.reserve(some.rows.size());
  Extent found;
  for (std::size_t i = 0; i < some.rows.size(); ++i) {
    const auto row = some.rows[i];
    found.take(table.time[row]);
    const double state = snapped((table.time[row] - some.window.start) / layout.dt);
    some.states.push_back(expected.parameters.time == PointChoice::nearest ? std::round(state) : state);
    if (state >= 0 && state <= static_cast<double>(some.window.length - 1)) {
      kept.push_back(i);
    } else {
      some.reject(table, row, Rejection::outside_window);
    }
  }
  if (kept.empty() && !some.rows.empty()) {
    throw FileError({.what = "no observation lies within the window of time",
                     .where = table.where(some.rows.front(), "time"),
                     .found = fmt::format("times from {:.9g} to {:.9g}", found.min, found.max),
                     .expected = fmt::format("{} in {}", in_words(some.window, layout.dt), time_units_of(layout))});
  }
  some.keep(kept);
}

double error_of(const ObservationTable& table, std::size_t row, const ObservationFileParameters& parameters) {
  if (!std::isnan(table.error[row]) || parameters.error.empty()) return table.error[row];
  return parameters.error.size() == 1 ? parameters.error.front() : parameters.error[table.variable[row]];
}

void require_errors(const ScreenedObservations& some, const ObservationTable& table,
                    const ExpectedObservations& expected) {
  for (const auto row : some.rows) {
    const double error = error_of(table, row, expected.parameters);
    if (error > 0 && std::isfinite(error)) continue;
    throw FileError({.what = "an observation's error is no standard deviation",
                     .where = table.where(row, "error"),
                     .found = std::isnan(error) ? "none" : fmt::format("{}", error),
                     .expected = "a number > 0",
                     .hint = error == 0          ? "no observation is exact: give what its last digit leaves open"
                             : std::isnan(error) ? "or give one for all: --error 0.1, say"
                                                 : ""});
  }
}

void require_distinct(ScreenedObservations& some, const ObservationTable& table, const StateLayout& layout) {
  const Places places(layout, table.on_globe);
  const auto axes = table.place.size();
  const auto place = [&](std::size_t axis, std::size_t row) { return places.unified(axis, table.place[axis][row]); };
  const auto hash = [&](std::size_t row) {
    std::uint64_t all = table.variable[row];
    const auto add = [&](double number) {
      constexpr std::uint64_t spread = 0x9E3779B97F4A7C15;  // the golden ratio: neighbouring numbers end far apart
      all = (all ^ std::bit_cast<std::uint64_t>(number + 0.0)) * spread;  // −0 + 0 is 0
      all ^= all >> 32;
    };
    add(table.time[row]);
    for (std::size_t a = 0; a < axes; ++a) add(place(a, row));
    return all;
  };
  const auto same = [&](std::size_t p, std::size_t q) {
    bool is_same = table.time[p] == table.time[q] && table.variable[p] == table.variable[q];
    for (std::size_t a = 0; a < axes; ++a) is_same = is_same && place(a, p) == place(a, q);
    return is_same;
  };
  // Only rows of one hash can be the same; the pair that is told comes first in the file.
  std::vector<std::pair<std::uint64_t, std::size_t>> hashed;
  hashed.reserve(some.rows.size());
  for (const auto row : some.rows) hashed.emplace_back(hash(row), row);
  std::sort(hashed.begin(), hashed.end());
  const auto agree = [&](std::size_t p, std::size_t q) {
    bool is_written_alike = true;
    for (const auto& column : table.place) is_written_alike = is_written_alike && column[p] == column[q];
    return !is_written_alike && table.value[p] == table.value[q];
  };
  std::size_t first = 0, second = table.rows(), agreeing = table.rows(), pairs = 0;
  for (std::size_t i = 0; i < hashed.size(); ++i) {
    const auto row = hashed[i].second;
    if (row > second) continue;
    for (std::size_t j = i; j-- > 0 && hashed[j].first == hashed[i].first;) {
      const auto other = hashed[j].second;
      if (!same(other, row)) continue;
      if (agree(other, row)) {
        agreeing = std::min(agreeing, row), ++pairs;
      } else {
        first = other, second = row;
      }
    }
  }
  if (pairs > 0) {
    some.remarks.push_back(
        fmt::format("{} of the same value, time and place as another, its longitude a turn away, such "
                    "as {} {}: all are used",
                    pairs, table.counted, table.origin[agreeing]));
  }
  if (second == table.rows()) return;
  throw FileError({.what = "two observations of one variable at the same time and place",
                   .where = table.where(second, "time"),
                   .found = fmt::format("{:.9g}, as in {} {}", table.time[second], table.counted, table.origin[first]),
                   .expected = "one",
                   .hint = "keep one of them, or their mean with its error; flag the other"});
}

ScreenedObservations screen(const ObservationTable& table, const ExpectedObservations& expected,
                            const Normalisation& normalisation, const AssimilationWindow& window) {
  if (table.rows() == 0) {
    throw FileError(
        {.what = "there are no observations", .where = table.path, .expected = "a row for each observation"});
  }
  ScreenedObservations some;
  reject_flagged_and_missing(some, table);
  reject_outside_domain(some, table, expected);
  some.window = choose_window(some, table, expected.layout, window);
  reject_outside_window(some, table, expected);
  reject_far_from_background(some, table, expected, normalisation);
  if (some.rows.empty()) {
    throw FileError(
        {.what = "no observation is left",
         .where = table.path,
         .found = fmt::format("{} rows: {}", table.rows(), fmt::join(rejections_in_words(some, table, expected), "; ")),
         .expected = "at least one good observation",
         .hint = some.count(Rejection::background) > 0 ? "are they in another unit?" : ""});
  }
  require_errors(some, table, expected);
  require_distinct(some, table, expected.layout);
  return some;
}

}  // namespace sda::io
