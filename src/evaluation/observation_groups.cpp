// What observations are of, for people: read from points where there are points, else as the operator says.
#include "evaluation/observation_groups.hpp"

#include <fmt/format.h>

#include <map>

#include "core/axis.hpp"
#include "core/calendar.hpp"
#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda::evaluation {
namespace {

/// Names in the order in which they come up.
class Names {
 public:
  explicit Names(ObservationGroups& groups) : groups_(groups) {}
  void append(const std::string& name) {
    if (name.empty()) return groups_.group_of.push_back(-1);
    const auto [found, is_new] = index_.emplace(name, std::ssize(groups_.names));
    if (is_new) groups_.names.push_back(name);
    groups_.group_of.push_back(found->second);
  }

 private:
  ObservationGroups& groups_;
  std::map<std::string, std::int64_t> index_;
};

std::string time_name(const Observations& y, double state) {
  const StateLayout& layout = y.layout;
  const double time = y.start_time + state * layout.dt;
  const std::string plain = fmt::format("time {:.6g}", time);
  if (layout.time_origin.empty()) return plain;
  try {
    return "time " + date_of_time(time, layout.time_units, layout.time_origin, layout.calendar);
  } catch (const ValueError&) {
    return plain;  // of months, which are no fixed time
  }
}

std::string place_name(const std::vector<Axis>& axes, const std::vector<double>& place) {
  std::string name;
  for (std::size_t a = 0; a < place.size(); ++a) {
    name += fmt::format("{}{} {:.6g}", a == 0 ? "" : ", ", axes[a].name(), axes[a].coordinate_at(place[a]));
  }
  return name;
}

void append_points(const Observations& y, const PointObservations& points, Names& variable, Names& place, Names& time) {
  const auto axes = axes_of(y.layout);
  std::vector<double> at(axes.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto v = static_cast<std::size_t>(points.variable[i]);
    for (std::size_t a = 0; a < at.size(); ++a) at[a] = points.place[a][i];
    variable.append(points.formula.empty() ? y.layout.variables[v].name : points.formula);
    place.append(place_name(axes, at));
    time.append(time_name(y, points.time[i]));
  }
}

void append_values(const Observations& y, const ObservationPart& part, Names& variable, Names& place, Names& time) {
  const auto names = part.op->variables();
  const Shape shape = part.observation();
  const bool by_variable = !shape.empty() && !names.empty() && std::ssize(names) == shape.front();
  const std::int64_t values = count(shape), points = by_variable ? values / shape.front() : values;
  const bool alone = part.op->reads_states_alone();
  const auto states = part.op->times(y.length);
  for (std::int64_t t = 0; t < part.values.size(0); ++t) {
    const std::string when = alone ? time_name(y, static_cast<double>(states[static_cast<std::size_t>(t)])) : "";
    for (std::int64_t i = 0; i < values; ++i) {
      variable.append(by_variable ? names[static_cast<std::size_t>(i / points)] : part.name);
      place.append(fmt::format("{}point {}", part.name.empty() ? "" : part.name + " ", i % points));
      time.append(when);
    }
  }
}

}  // namespace

std::vector<ObservationGroups> observation_groups(const Observations& observations) {
  std::vector<ObservationGroups> all{
      {.by = ObservationGrouping::variable}, {.by = ObservationGrouping::place}, {.by = ObservationGrouping::time}};
  Names variable(all[0]), place(all[1]), time(all[2]);
  for (const auto& part : observations.parts) {
    if (const auto points = part.points(observations.layout)) {
      append_points(observations, *points, variable, place, time);
    } else {
      append_values(observations, part, variable, place, time);
    }
  }
  return all;
}

}  // namespace sda::evaluation
