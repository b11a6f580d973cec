/// Churn without bias (Leimkuhler & Matthews 2013).
#include "sampling/churn.hpp"

#include <algorithm>
#include <cmath>

namespace sda {

double Churn::half_kick() const {
  return std::sqrt(delta / 2) * ratio;
}

Churn Churn::at(const NoiseSchedule& schedule, double t, double delta) {
  if (delta == 0) return {.delta = 0, .time = t, .ratio = schedule.ratio(t)};
  const double share = schedule.ratio(t) / schedule.ratio(1);
  const double bounded = std::min(delta, 2 * (1 - share * share));
  const double ratio = schedule.ratio(t) / std::sqrt(1 - bounded / 2);
  return {.delta = bounded, .time = schedule.time_of(ratio), .ratio = ratio};
}

Churn Churn::within(const NoiseSchedule& schedule, double from, double to, double delta) {
  const double s = schedule.ratio(from), expected = schedule.ratio(to);
  // Pure noise has ε = u_e / s_e, so u ← (1 − β) u + (2 − β) a z, a = ½ √(2δ) s_e, β = δ + (s − s') / s_e.
  const auto widens = [&](const Churn& r) {
    const double beta = r.delta + (s - expected) / r.ratio, a = std::sqrt(r.delta / 2) * r.ratio;
    return std::hypot((1 - beta) * s, (2 - beta) * a) > 1.1 * expected;
  };
  const Churn whole = at(schedule, from, delta);
  if (!widens(whole)) return whole;
  double min = 0, max = whole.delta;
  while (max - min > 1e-6) {
    const double middle = (min + max) / 2;
    (widens(at(schedule, from, middle)) ? max : min) = middle;
  }
  return at(schedule, from, min);
}

}  // namespace sda
