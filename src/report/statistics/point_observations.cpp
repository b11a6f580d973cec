/// The components that points lie nearest to.
#include "report/statistics/point_observations.hpp"

#include <cmath>

namespace sda::report {

std::optional<std::vector<ShownObservation>> shown_observations(const Observations& y, const ObservationPart& part) {
  const auto observed = part.points(y.layout);
  if (!observed || !observed->formula.empty()) return std::nullopt;
  const auto space = y.layout.space();
  std::vector<ShownObservation> shown;
  for (const auto& point : observed->points) {
    ShownObservation one{.component = point.variable, .time = point.time, .value = point.value, .sigma = point.error};
    for (std::size_t a = 0; a < space.size(); ++a) {
      one.component = one.component * space[a] + std::llround(point.place[a]) % space[a];  // round a ring
      one.between = one.between || point.place[a] != std::round(point.place[a]);
    }
    shown.push_back(one);
  }
  return shown;
}

}  // namespace sda::report
