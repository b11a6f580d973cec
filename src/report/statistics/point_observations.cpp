/// The components that points lie nearest to.
#include "report/statistics/point_observations.hpp"

#include <cmath>

namespace sda::report {

std::optional<std::vector<ShownObservation>> shown_observations(const Observations& y, const ObservationPart& part) {
  const auto observed = part.points(y.layout);
  if (!observed || !observed->formula.empty()) return std::nullopt;
  const auto space = y.layout.space();
  std::vector<ShownObservation> shown;
  for (std::size_t i = 0; i < observed->size(); ++i) {
    ShownObservation one{.component = observed->variable[i],
                         .time = observed->time[i],
                         .value = observed->value[i],
                         .sigma = observed->error[i]};
    for (std::size_t a = 0; a < space.size(); ++a) {
      const double place = observed->place[a][i];
      one.component = one.component * space[a] + std::llround(place) % space[a];  // round a ring
      one.between = one.between || place != std::round(place);
    }
    shown.push_back(one);
  }
  return shown;
}

}  // namespace sda::report
