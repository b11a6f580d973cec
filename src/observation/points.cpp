/// Observations at points with times of their own: as one part that reads all states together, and by state.
#include "sda/observation/points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/torch.hpp"
#include "observation/point_columns.hpp"
#include "sda/core/error.hpp"
#include "sda/observation/observations.hpp"

namespace sda::observation {

std::size_t rows_of(const OperatorLink& points) {
  return points.numbers.size() / points.names.size();
}

std::span<const double> column_of(const OperatorLink& points, const std::string& name) {
  const auto at = std::find(points.names.begin(), points.names.end(), name);
  if (at == points.names.end()) return {};
  const auto rows = rows_of(points);
  return {points.numbers.data() + static_cast<std::size_t>(at - points.names.begin()) * rows, rows};
}

}  // namespace sda::observation

namespace sda {
namespace {

using observation::column_of;
using observation::component_column;
using observation::rows_of;
using observation::time_column;

void check_columns(const PointObservations& observed, const StateLayout& layout) {
  const auto axes = layout.space_names.size(), n = observed.size();
  bool fits = observed.place.size() == axes && observed.time.size() == n && observed.error.size() == n &&
              (observed.variable.size() == n || !observed.formula.empty());
  for (const auto& places : observed.place) fits = fits && places.size() == n;
  if (fits) return;
  throw ShapeError(
      {.what = "point observations whose columns do not fit each other",
       .where = "point observations",
       .found = fmt::format("{} times, {} places along {} axes, {} values, {} errors", observed.time.size(),
                            observed.place.empty() ? 0 : observed.place.front().size(), observed.place.size(), n,
                            observed.error.size()),
       .expected = fmt::format("of each value a time, a variable, an error and a place along {} axes", axes)});
}

/// The link `points` that reads there; of a formula, which leaves one component, without the column of components. Its
/// columns are taken one after the other, so that no two copies of all of them are there.
OperatorLink points_link(PointObservations& observed, const StateLayout& layout) {
  std::map<std::string, std::vector<double>> columns;  // in TOML's order
  columns[time_column] = std::move(observed.time);
  if (observed.formula.empty() && layout.channels_are_variables()) {
    columns[component_column].assign(observed.variable.begin(), observed.variable.end());
  }
  for (std::size_t a = 0; a < observed.place.size(); ++a) columns[layout.space_names[a]] = std::move(observed.place[a]);
  OperatorLink link{observation::points_kind, {}};
  link.numbers.reserve(columns.size() * observed.size());
  for (auto& [name, numbers] : columns) {
    link.names.push_back(name);
    link.numbers.insert(link.numbers.end(), numbers.begin(), numbers.end());
    numbers = {};
  }
  return link;
}

/// What stands before the points: nothing but units, and the formula if there is one.
std::vector<OperatorLink> links_before_points(const std::string& formula) {
  std::vector<OperatorLink> links{{"physical", {}}};
  if (!formula.empty()) links.push_back({"expression", {}, {}, formula});
  return links;
}

std::vector<double> flat_numbers(const Tensor& values) {
  const Tensor flat = values.to(at::kDouble).flatten().contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

/// Points with times of their own as points of one state each: by state, the rows that are of it.
std::map<std::int64_t, std::vector<std::size_t>> rows_by_state(const OperatorLink& points, const std::string& where) {
  std::map<std::int64_t, std::vector<std::size_t>> by_state;
  const auto times = column_of(points, time_column);
  for (std::size_t r = 0; r < times.size(); ++r) {
    if (times[r] != std::trunc(times[r])) {
      throw UnsupportedError(
          {.what = "an observation lies between two states, and here states are taken one by one",
           .where = where,
           .found = fmt::format("time {} of observation {}, in states from 0", times[r], r),
           .hint = "give observations to the nearest state: sda observe --set observation_file.time=nearest"});
    }
    by_state[static_cast<std::int64_t>(times[r])].push_back(r);
  }
  return by_state;
}

/// `rows` of points, without their times.
OperatorLink points_at(const OperatorLink& points, const std::vector<std::size_t>& rows) {
  OperatorLink some{points.kind, {}};
  for (const auto& name : points.names) {
    if (name == time_column) continue;
    some.names.push_back(name);
    for (const auto r : rows) some.numbers.push_back(column_of(points, name)[r]);
  }
  return some;
}

void append_by_state(Observations& y, const ObservationPart& part) {
  const auto points = std::find_if(part.chain.begin(), part.chain.end(),
                                   [](const auto& link) { return link.kind == observation::points_kind; });
  const auto values = flat_numbers(part.values);
  const auto& sigma = part.noise.values();
  for (const auto& [state, rows] : rows_by_state(*points, part.op->describe())) {
    std::vector<OperatorLink> chain(part.chain.begin(), points);
    chain.push_back({"times", {static_cast<double>(state)}});
    chain.push_back(points_at(*points, rows));
    chain.insert(chain.end(), points + 1, part.chain.end());
    std::vector<double> read, deviations;
    for (const auto r : rows) {
      read.push_back(values[r]);
      deviations.push_back(sigma.size() == 1 ? sigma.front() : sigma[r]);
    }
    y.parts.push_back({.name = fmt::format("{}_{}", part.name.empty() ? "observations" : part.name, state),
                       .chain = chain,
                       .noise = Noise(deviations, part.noise.shape()),
                       .op = make_operator(chain, y.layout, y.normalisation),
                       .values = at::tensor(read, at::kDouble).unsqueeze(0)});
  }
}

}  // namespace

ObservationPart point_part(const std::string& name, PointObservations observed, const NoiseShape& noise,
                           const StateLayout& layout, const Normalisation& normalisation) {
  check_columns(observed, layout);
  ObservationPart part{
      .name = name, .chain = links_before_points(observed.formula), .noise = Noise(std::move(observed.error), noise)};
  part.chain.push_back(points_link(observed, layout));
  observed.variable = {};
  part.op = make_operator(part.chain, layout, normalisation);
  part.values = at::tensor(observed.value, at::kDouble).unsqueeze(0);
  return part;
}

std::optional<PointObservations> ObservationPart::points(const StateLayout& layout) const {
  if (chain.empty() || chain.back().kind != observation::points_kind || op->reads_states_alone()) return std::nullopt;
  const std::vector<OperatorLink> before(chain.begin(), chain.end() - 1);
  const std::string formula = before.empty() ? "" : before.back().text;
  if (before != links_before_points(formula)) return std::nullopt;
  const OperatorLink& link = chain.back();
  const auto column = [&](const std::string& axis) {
    const auto numbers = column_of(link, axis);
    return numbers.empty() ? std::vector<double>(rows_of(link), 0)
                           : std::vector<double>(numbers.begin(), numbers.end());
  };
  PointObservations all{.time = column(time_column),
                        .value = flat_numbers(values),
                        .error = flat_numbers(sigma(at::kDouble).expand(values.sizes())),
                        .formula = formula};
  const auto components = column(component_column);
  all.variable.assign(components.begin(), components.end());
  for (const auto& axis : layout.space_names) all.place.push_back(column(axis));
  return all;
}

Observations Observations::by_state() const {
  Observations y = *this;
  y.parts.clear();
  for (const auto& part : parts) {
    if (part.op->reads_states_alone()) {
      y.parts.push_back(part);
    } else {
      append_by_state(y, part);
    }
  }
  return y;
}

}  // namespace sda
