/// Rows that are used → observations: points with a place, a time and an error of their own.
#include "data/observations/convert.hpp"

#include <cstddef>
#include <utility>

namespace sda::io {
namespace {

/// The columns of rows `some` of those used, of one observable.
PointObservations columns_of(const Observable& observable, const std::vector<std::size_t>& some,
                             const ScreenedObservations& used, const ObservationTable& table,
                             const ExpectedObservations& expected) {
  const auto axes = table.place.size();
  PointObservations observed{.formula = observable.formula};
  observed.place.resize(axes);
  for (auto* column : {&observed.time, &observed.value, &observed.error}) column->reserve(some.size());
  for (auto& column : observed.place) column.reserve(some.size());
  observed.variable.reserve(some.size());
  for (const auto i : some) {
    const auto row = used.rows[i];
    observed.time.push_back(used.states[i]);
    observed.variable.push_back(static_cast<std::int64_t>(table.variable[row]));
    for (std::size_t a = 0; a < axes; ++a) observed.place[a].push_back(used.places[i * axes + a]);
    observed.value.push_back(table.value[row]);
    observed.error.push_back(error_of(table, row, expected.parameters));
  }
  return observed;
}

}  // namespace

Observations to_observations(ScreenedObservations used, ObservationTable table, const ExpectedObservations& expected,
                             const Normalisation& normalisation) {
  Observations y{.layout = expected.layout, .normalisation = normalisation, .length = used.window.length, .parts = {}};
  y.start_time = used.window.start;
  const auto& observables = expected.observables;
  std::vector<std::vector<std::size_t>> rows_of(observables.size());  // variables of the state are all in the first
  rows_of.front().reserve(used.rows.size());
  for (std::size_t i = 0; i < used.rows.size(); ++i) {
    const auto observable = table.variable[used.rows[i]];
    rows_of[observables[observable].formula.empty() ? 0 : observable].push_back(i);
  }
  std::vector<std::pair<std::string, PointObservations>> parts;
  for (std::size_t o = 0; o < rows_of.size(); ++o) {
    if (rows_of[o].empty()) continue;
    parts.emplace_back(observables[o].formula.empty() ? "state" : observables[o].name,
                       columns_of(observables[o], rows_of[o], used, table, expected));
    rows_of[o] = {};
  }
  for (const auto& [row, why] : used.each) {
    y.rejected.push_back({.variable = observables[table.variable[row]].name,
                          .time = table.time[row],
                          .value = table.value[row],
                          .origin = table.origin[row],
                          .reason = rejection_names[static_cast<std::size_t>(why)]});
  }
  used = {}, table = {};  // of millions of rows an operator needs much memory itself
  if (parts.size() == 1) parts.front().first.clear();
  for (auto& [name, observed] : parts) {
    y.parts.push_back(point_part(name, std::move(observed), expected.parameters.noise, expected.layout, normalisation));
  }
  return y;
}

}  // namespace sda::io
