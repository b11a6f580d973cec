/// Gaussian surrogates by the first two derivatives of a likelihood.
#include "guidance/surrogate.hpp"

#include "core/torch.hpp"

namespace sda::guidance {

Surrogate surrogate(const Departures& observations, const Tensor& uncertainty) {
  const auto [log_density, score, curvature] = observations.marginal(uncertainty);
  const Tensor distance = observations.departure().to(at::kDouble), max = 1 / uncertainty.expand_as(score);
  const Tensor slope = at::where(score * distance > 0, score / distance, at::zeros_like(score));
  const Tensor sharper = at::maximum(curvature, slope);
  // Where neither says anything (between two modes), a force that hardly changes; 1e-12: never a division by 0.
  const Tensor precision = at::where(sharper > 0, sharper, 1e-3 * max);
  const Tensor variance = 1 / at::minimum(at::maximum(precision, 1e-12 * max), max);
  return {score * variance, variance};
}

}  // namespace sda::guidance
