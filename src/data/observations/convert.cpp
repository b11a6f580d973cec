/// Rows that are used → observations: each is a row of the link `points`, its error that row's σ.
#include "data/observations/convert.hpp"

#include <map>
#include <utility>

#include "core/torch.hpp"

namespace sda::io {
namespace {

/// The part of one observable, of the rows `some` of those used.
ObservationPart part_of(const Observable& observable, const std::vector<std::size_t>& some,
                        const ScreenedObservations& used, const ObservationTable& table,
                        const ExpectedObservations& expected, const Normalisation& normalisation) {
  const StateLayout& layout = expected.layout;
  const bool is_formula = !observable.formula.empty();
  const std::size_t axes = table.place.size();
  std::map<std::string, std::vector<double>> columns;  // as TOML orders them
  std::vector<double> values, sigma;
  for (const auto i : some) {
    const auto row = used.rows[i];
    columns["time"].push_back(used.states[i]);
    for (std::size_t a = 0; a < axes; ++a) columns[layout.space_names[a]].push_back(used.places[i * axes + a]);
    if (!is_formula && layout.channels_are_variables()) {
      columns["variable"].push_back(static_cast<double>(table.variable[row]));
    }
    values.push_back(table.value[row]);
    sigma.push_back(error_of(table, row, expected.parameters));
  }
  OperatorLink points{"points", {}};
  for (const auto& [column, numbers] : columns) {
    points.names.push_back(column);
    points.numbers.insert(points.numbers.end(), numbers.begin(), numbers.end());
  }
  ObservationPart part{.name = is_formula ? observable.name : "state",
                       .chain = {{"physical", {}}},
                       .noise = Noise(sigma, expected.parameters.noise)};
  if (is_formula) {
    part.chain.push_back({"expression", {}});
    part.chain.back().text = observable.formula;
  }
  part.chain.push_back(std::move(points));
  part.op = make_operator(part.chain, layout, normalisation);
  part.values = at::tensor(values, at::kDouble).unsqueeze(0);
  return part;
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
  return y;
}

}  // namespace sda::io
