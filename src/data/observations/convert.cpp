/// Rows that are used → observations: points with a place, a time and an error of their own.
#include "data/observations/convert.hpp"

#include <cstddef>
#include <utility>

namespace sda::io {
namespace {

/// The part of one observable, of the rows `some` of those used.
ObservationPart part_of(const Observable& observable, const std::vector<std::size_t>& some,
                        const ScreenedObservations& used, const ObservationTable& table,
                        const ExpectedObservations& expected, const Normalisation& normalisation) {
  const bool is_formula = !observable.formula.empty();
  const auto axes = static_cast<std::ptrdiff_t>(table.place.size());
  PointObservations observed{.points = {}, .formula = observable.formula};
  for (const auto i : some) {
    const auto row = used.rows[i];
    const auto place = used.places.begin() + static_cast<std::ptrdiff_t>(i) * axes;
    observed.points.push_back({.time = used.states[i],
                               .variable = static_cast<std::int64_t>(table.variable[row]),
                               .place = {place, place + axes},
                               .value = table.value[row],
                               .error = error_of(table, row, expected.parameters)});
  }
  return point_part(is_formula ? observable.name : "state", observed, expected.parameters.noise, expected.layout,
                    normalisation);
}

}  // namespace

Observations to_observations(const ScreenedObservations& used, const ObservationTable& table,
                             const ExpectedObservations& expected, const Normalisation& normalisation) {
  Observations y{.layout = expected.layout, .normalisation = normalisation, .length = used.window.length, .parts = {}};
  y.start_time = used.window.start;
  const auto& observables = expected.observables;
  std::vector<std::vector<std::size_t>> rows_of(observables.size());  // variables of the state are all in the first
  for (std::size_t i = 0; i < used.rows.size(); ++i) {
    const auto observable = table.variable[used.rows[i]];
    rows_of[observables[observable].formula.empty() ? 0 : observable].push_back(i);
  }
  for (std::size_t o = 0; o < rows_of.size(); ++o) {
    if (rows_of[o].empty()) continue;
    y.parts.push_back(part_of(observables[o], rows_of[o], used, table, expected, normalisation));
  }
  if (y.parts.size() == 1) y.parts.front().name.clear();
  for (const auto& [row, why] : used.each) {
    y.rejected.push_back({.variable = observables[table.variable[row]].name,
                          .time = table.time[row],
                          .value = table.value[row],
                          .origin = table.origin[row],
                          .reason = rejection_names[static_cast<std::size_t>(why)]});
  }
  return y;
}

}  // namespace sda::io
