/// Exponential integrators (Zhang & Chen 2022).
#include "sampling/integration.hpp"

namespace sda {

ExponentialStep ExponentialStep::between(const NoiseSchedule& schedule, double from, double to) {
  const double r = schedule.mu(to) / schedule.mu(from);
  return {.r = r, .c = schedule.sigma(to) - r * schedule.sigma(from)};
}

std::vector<double> integration_weights(const std::vector<double>& nodes, double from, double to) {
  // Lagrange's polynomials are of degree two at most: Simpson's rule integrates them exactly.
  std::vector<double> weights;
  for (std::size_t j = 0; j < nodes.size(); ++j) {
    const auto lagrange = [&](double s) {
      double value = 1;
      for (std::size_t i = 0; i < nodes.size(); ++i)
        if (i != j) value *= (s - nodes[i]) / (nodes[j] - nodes[i]);
      return value;
    };
    weights.push_back((to - from) / 6 * (lagrange(from) + 4 * lagrange((from + to) / 2) + lagrange(to)));
  }
  return weights;
}

}  // namespace sda
