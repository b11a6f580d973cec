/// The likelihood rules (Rozet & Louppe 2023; Chung et al. 2022; Song et al. 2023; Rozet et al. 2024).
#include "guidance/rules.hpp"

#include <algorithm>
#include <vector>

#include "core/torch.hpp"

namespace sda::guidance {

namespace {

/// Σ_y + s² Γ, (reading).
Tensor diagonal_variance(const Readings& readings, const GuidanceParameters& parameters, double ratio) {
  return readings.noise_variance() + readings.per_element(parameters.gamma) * (ratio * ratio);
}

Tensor of_each_member(const Tensor& values) {
  return values.square().sum(1, /*keepdim=*/true).sqrt();
}

/// v / ‖v‖ for each member, 0 where v is 0.
Tensor normalised(const Tensor& v) {
  return v / of_each_member(v).clamp_min(1e-30);
}

/// v less its part in the span of `basis`; twice, for what rounding leaves the first time. 0 where all of v but
/// rounding lies in the span: the space is whole, and what is left has no direction.
Tensor orthogonalised(const Tensor& v, const std::vector<Tensor>& basis) {
  const double rounding = v.scalar_type() == at::kDouble ? 1e-14 : 1e-6;
  Tensor rest = v;
  for (int pass = 0; pass < 2; ++pass)
    for (const Tensor& q : basis) rest = rest - (q * rest).sum(1, /*keepdim=*/true) * q;
  return rest * (of_each_member(rest) > rounding * of_each_member(v));
}

/// Symmetric parts of matrices (…, n, n) without their negative eigenvalues.
Tensor positive_part(const Tensor& matrices) {
  const auto [values, vectors] = at::linalg_eigh((matrices + matrices.mT()) / 2);
  return at::matmul(vectors * values.clamp_min(0).unsqueeze(-2), vectors.mT());
}

}  // namespace

Tensor sda_gradient(const Readings& readings, const PullBack& pull_back, const GuidanceParameters& parameters,
                    double ratio) {
  const Tensor variance = diagonal_variance(readings, parameters, ratio);
  return pull_back(readings.pull_back(readings.residual() / variance));
}

Tensor pigdm_gradient(const Readings& readings, const PullBack& pull_back, const GuidanceParameters& parameters,
                      double ratio) {
  const double bounded = ratio * ratio / (1 + ratio * ratio);
  const Tensor variance = diagonal_variance(readings, parameters, ratio) + bounded;
  return pull_back(readings.pull_back(readings.residual() / variance));
}

Tensor dps_gradient(const Readings& readings, const PullBack& pull_back, const GuidanceParameters& parameters) {
  const Tensor& residual = readings.residual();
  const Tensor norm = of_each_member(residual).clamp_min(1e-30);
  return pull_back(readings.pull_back(2 * parameters.zeta * residual / norm));
}

Tensor mmps_gradient(const Readings& readings, const PullBack& pull_back, const GuidanceParameters& parameters,
                     double ratio) {
  // With D = Σ_y + s² Γ the system is D^½ (I + B) D^½ w = r, B = s² D^-½ H (μ ∂x̂/∂x) Hᵀ D^-½. Arnoldi's basis Q of the
  // Krylov space of B and D^-½ r holds w's approximation D^-½ Q (I + T)⁻¹ Qᵀ D^-½ r, T = Qᵀ B Q.
  const Tensor scale = diagonal_variance(readings, parameters, ratio).rsqrt();
  const Tensor whitened = readings.residual() * scale;
  const std::int64_t n = std::min(parameters.iterations, whitened.size(1));
  std::vector<Tensor> basis, pulled, images;
  for (Tensor next = whitened; std::ssize(basis) < n; next = images.back()) {
    basis.push_back(normalised(orthogonalised(next, basis)));
    pulled.push_back(pull_back(readings.pull_back(basis.back() * scale)));
    images.push_back(readings.push_forward(pulled.back()) * scale * (ratio * ratio));
  }
  const auto gathered = [](const std::vector<Tensor>& vectors) {
    return at::stack(vectors, 1).flatten(2).to(at::kDouble);
  };
  const Tensor q = gathered(basis), p = gathered(pulled);
  const Tensor t = at::matmul(q, gathered(images).mT());
  // Where ε is exact, J = μ ∂x̂/∂x has eigenvalues from 0 to 1, so that T is a covariance and I + T no less than
  // s² Qᵀ D^-½ H J Jᵀ Hᵀ D^-½ Q. A network's errors break both; what is lacking is added. So guidance never pushes away
  // from y, and never by more than the distance: its part of ∂ε/∂x stays below 1/σ.
  const Tensor covariance = at::eye(n, q.options()) + positive_part(t);
  const Tensor matrix = covariance + positive_part(at::matmul(p, p.mT()) * (ratio * ratio) - covariance);
  const Tensor solved = at::linalg_solve(matrix, at::matmul(q, whitened.to(at::kDouble).unsqueeze(2)));
  // w lies in the basis, whose pull-backs are known.
  Tensor gradient = at::zeros_like(pulled.front());
  Shape each_member(static_cast<std::size_t>(gradient.dim()), 1);
  each_member[0] = gradient.size(0);
  for (std::int64_t i = 0; i < n; ++i)
    gradient.addcmul_(pulled[i], solved.select(1, i).to(gradient.scalar_type()).view(each_member));
  return gradient;
}

}  // namespace sda::guidance
