/// y − A(x̂), Σ_y and the linearisation of A, flat.
#include "guidance/readings.hpp"

#include <fmt/format.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda::guidance {

Readings::Readings(const Observations& observed, Tensor denoised)
    : observed_(observed), denoised_(std::move(denoised)) {
  residual_ = (observed_.values.to(denoised_.scalar_type()) - observed_.op->apply(denoised_)).flatten(1);
}

Tensor Readings::noise_variance() const {
  const Tensor sigma = observed_.noise.sigma(observed_.values.sizes().slice(1), denoised_.scalar_type());
  return sigma.square().expand(observed_.values.sizes()).flatten();
}

Tensor Readings::per_element(const std::vector<double>& values) const {
  const Tensor all = at::tensor(values, at::kDouble).to(denoised_.scalar_type());
  if (values.size() == 1) return all.squeeze(0);
  return all.repeat({observed_.values.size(0)});
}

Tensor Readings::pull_back(const Tensor& v) const {
  return observed_.op->apply_pull_back(denoised_, unflatten(v));
}

Tensor Readings::push_forward(const Tensor& d) const {
  // Hᵀ v is linear in v, so the pull-back of d through it is H d.
  at::AutoGradMode enable(true);
  const Tensor at = denoised_.detach().requires_grad_(true);
  const Tensor readings = observed_.op->apply(at);
  const Tensor v = at::zeros_like(readings).requires_grad_(true);
  const auto pulled = torch::autograd::grad({readings}, {at}, {v}, /*retain_graph=*/true, /*create_graph=*/true);
  return torch::autograd::grad({pulled.front()}, {v}, {d}).front().flatten(1);
}

Tensor Readings::unflatten(const Tensor& v) const {
  return v.reshape(prepend({v.size(0)}, observed_.values.sizes()));
}

void require_fits(const std::vector<double>& values, const Observations& observed) {
  const std::int64_t elements = count(observed.values.sizes().slice(1));
  if (values.size() == 1 || std::ssize(values) == elements) return;
  throw UsageError({.what = "gamma does not fit a reading",
                    .where = "guidance.gamma",
                    .found = fmt::format("{} values", values.size()),
                    .wanted = fmt::format("1 or {}", elements)});
}

}  // namespace sda::guidance
