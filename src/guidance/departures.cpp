/// y − A(x̂), its noise and the linearisation of A, flat.
#include "sda/guidance/departures.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {

Departures::Departures(const Observations& observed, Tensor denoised)
    : Departures(observed, std::move(denoised), count_observations(observed), alone()) {}

Departures::Departures(const Observations& observed, Tensor denoised, std::int64_t count, const Communicator& ranks)
    : observed_(observed),
      denoised_(std::move(denoised)),
      departure_(observed_.departure(denoised_)),
      count_(count),
      ranks_(ranks) {}

bool Departures::are_gaussian() const {
  const auto& parts = observed_.parts;
  return std::all_of(parts.begin(), parts.end(), [](const auto& part) { return part.noise.is_gaussian(); });
}

MarginalLikelihood Departures::marginal(const Tensor& variance) const {
  const Tensor departure = departure_.to(at::kDouble), s2 = variance.to(at::kDouble).expand_as(departure);
  std::vector<Tensor> log_densities, scores, curvatures;
  std::int64_t first = 0;
  for (const auto& part : observed_.parts) {
    const Tensor y = part.values.to(at::kDouble).flatten();
    const Tensor sigma = part.sigma(at::kDouble).expand(part.values.sizes()).flatten();
    const auto own = [&](const Tensor& of_all) { return of_all.narrow(1, first, y.numel()); };
    // The models divide by s², which may be 0 for γ = 0 at t = 0.
    const Tensor uncertain = at::maximum(own(s2), 1e-12 * sigma.square());
    const auto likelihood = part.noise.model().marginal(y, y - own(departure), sigma, uncertain);
    log_densities.push_back(likelihood.log_density);
    scores.push_back(likelihood.score);
    curvatures.push_back(likelihood.curvature);
    first += y.numel();
  }
  return {at::cat(log_densities, 1), at::cat(scores, 1), at::cat(curvatures, 1)};
}

Tensor Departures::likelihood_score(const Tensor& variance, double more) const {
  if (are_gaussian()) return departure_ / (noise_variance() + variance + more);
  return marginal(variance + more).score.to(departure_.scalar_type());
}

Tensor Departures::noise_variance() const {
  return observed_.variance(denoised_.scalar_type());
}

Tensor Departures::per_element(const std::vector<double>& values) const {
  const auto& parts = observed_.parts;
  const Tensor all = at::tensor(values, at::kDouble).to(denoised_.scalar_type());
  if (values.size() == 1) return all.squeeze(0);
  if (parts.size() == 1) return all.repeat({parts.front().values.size(0)});
  std::vector<std::int64_t> observations;
  for (const auto& part : parts) observations.push_back(part.values.numel());
  return all.repeat_interleave(at::tensor(observations, at::kLong));
}

Tensor Departures::vjp(const Tensor& v) const {
  return observed_.vjp(denoised_, v);
}

Tensor Departures::jvp(const Tensor& d) const {
  // Hᵀ v is linear in v, so the VJP of d through it is H d.
  at::AutoGradMode enable(true);
  const Tensor at = denoised_.detach().requires_grad_(true);
  const Tensor observations = observed_.apply(at);
  const Tensor v = at::zeros_like(observations).requires_grad_(true);
  const auto pulled = torch::autograd::grad({observations}, {at}, {v}, /*retain_graph=*/true, /*create_graph=*/true);
  return torch::autograd::grad({pulled.front()}, {v}, {d}).front();
}

std::int64_t count_observations(const Observations& observed) {
  std::int64_t observations = 0;
  for (const auto& part : observed.parts) observations += part.values.numel();
  return observations;
}

void require_fits(const std::vector<double>& values, const Observations& observed) {
  const auto& parts = observed.parts;
  const auto elements = count(parts.front().observation());
  const auto expected = parts.size() > 1 ? std::ssize(parts) : elements;
  if (values.size() == 1 || std::ssize(values) == expected) return;
  throw UsageError({.what = "gamma does not fit the observations",
                    .where = "guidance.gamma",
                    .found = fmt::format("{} values", values.size()),
                    .expected = parts.size() > 1
                                    ? fmt::format("1 or {}, one for each part", parts.size())
                                    : fmt::format("1 or {}, one for each element of an observation", elements)});
}

}  // namespace sda
