/// y − A(x̂), Σ_y and the linearisation of A, flat.
#include "guidance/readings.hpp"

#include <fmt/format.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda::guidance {

Readings::Readings(const Observations& observed, Tensor denoised)
    : observed_(observed), denoised_(std::move(denoised)), residual_(observed_.residual(denoised_)) {}

Tensor Readings::noise_variance() const {
  return observed_.variance(denoised_.scalar_type());
}

Tensor Readings::per_element(const std::vector<double>& values) const {
  const auto& parts = observed_.parts;
  const Tensor all = at::tensor(values, at::kDouble).to(denoised_.scalar_type());
  if (values.size() == 1) return all.squeeze(0);
  if (parts.size() == 1) return all.repeat({parts.front().values.size(0)});
  std::vector<std::int64_t> readings;
  for (const auto& part : parts) readings.push_back(part.values.numel());
  return all.repeat_interleave(at::tensor(readings, at::kLong));
}

Tensor Readings::pull_back(const Tensor& v) const {
  return observed_.pull_back(denoised_, v);
}

Tensor Readings::push_forward(const Tensor& d) const {
  // Hᵀ v is linear in v, so the pull-back of d through it is H d.
  at::AutoGradMode enable(true);
  const Tensor at = denoised_.detach().requires_grad_(true);
  const Tensor readings = observed_.apply(at);
  const Tensor v = at::zeros_like(readings).requires_grad_(true);
  const auto pulled = torch::autograd::grad({readings}, {at}, {v}, /*retain_graph=*/true, /*create_graph=*/true);
  return torch::autograd::grad({pulled.front()}, {v}, {d}).front();
}

void require_fits(const std::vector<double>& values, const Observations& observed) {
  const auto& parts = observed.parts;
  const auto elements = count(parts.front().reading());
  const auto wanted = parts.size() > 1 ? std::ssize(parts) : elements;
  if (values.size() == 1 || std::ssize(values) == wanted) return;
  throw UsageError({.what = "gamma does not fit the observations",
                    .where = "guidance.gamma",
                    .found = fmt::format("{} values", values.size()),
                    .wanted = parts.size() > 1 ? fmt::format("1 or {}, one for each part", parts.size())
                                               : fmt::format("1 or {}, one for each element of a reading", elements)});
}

}  // namespace sda::guidance
