/// The likelihood rules (Rozet & Louppe 2023; Chung et al. 2022; Song et al. 2023; Rozet et al. 2024).
#include "guidance/rules.hpp"

#include <algorithm>
#include <vector>

#include "core/torch.hpp"

namespace sda::guidance {

namespace {

/// s² Γ, (observation) or a scalar.
Tensor network_variance(const Departures& observations, const GuidanceParameters& parameters, double ratio) {
  return observations.per_element(parameters.gamma) * (ratio * ratio);
}

/// ∂ log p(y | A) / ∂A with A ~ N(A(x̂), s² Γ + more), (member, observation).
Tensor likelihood_score(const Departures& observations, const GuidanceParameters& parameters, double ratio,
                        double more) {
  const Tensor own = network_variance(observations, parameters, ratio);
  if (observations.are_gaussian()) return observations.departure() / (observations.noise_variance() + own + more);
  return observations.marginal(own + more).score.to(observations.departure().scalar_type());
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

/// Departures in the Krylov space of B = s² D^-½ H (μ ∂x̂/∂x) Hᵀ D^-½ and a first vector, by Arnoldi: an orthonormal
/// basis Q, its VJPs P, T = Qᵀ B Q; float64 (member, n, …). D^-½ is `scale`.
struct KrylovSpace {
  std::vector<Tensor> pulled;
  Tensor q, p, t;
};

KrylovSpace krylov_space(const Departures& observations, const Vjp& vjp, const Tensor& first, const Tensor& scale,
                         std::int64_t iterations, double ratio) {
  const std::int64_t n = std::min(iterations, first.size(1));
  KrylovSpace space;
  std::vector<Tensor> basis, images;
  for (Tensor next = first; std::ssize(basis) < n; next = images.back()) {
    basis.push_back(normalised(orthogonalised(next, basis)));
    space.pulled.push_back(vjp(observations.vjp(basis.back() * scale)));
    images.push_back(observations.jvp(space.pulled.back()) * scale * (ratio * ratio));
  }
  const auto gathered = [](const std::vector<Tensor>& vectors) {
    return at::stack(vectors, 1).flatten(2).to(at::kDouble);
  };
  space.q = gathered(basis), space.p = gathered(space.pulled);
  space.t = at::matmul(space.q, gathered(images).mT());
  return space;
}

/// The VJP of w = D^-½ Q (N + T)⁻¹ Qᵀ r: `noise` is N, `whitened` r (member, observation) in float64.
Tensor solved_and_pulled(const KrylovSpace& space, const Tensor& noise, const Tensor& whitened, double ratio) {
  // Where ε is exact, J = μ ∂x̂/∂x has eigenvalues from 0 to 1, so that T is a covariance and N + T no less than
  // s² Qᵀ D^-½ H J Jᵀ Hᵀ D^-½ Q. A network's errors break both; what is lacking is added. So guidance never pushes away
  // from y, and never by more than the distance: its part of ∂ε/∂x stays below 1/σ.
  const Tensor covariance = noise + positive_part(space.t);
  const Tensor of_pulled = at::matmul(space.p, space.p.mT()) * (ratio * ratio);
  const Tensor matrix = covariance + positive_part(of_pulled - covariance);
  const Tensor solved = at::linalg_solve(matrix, at::matmul(space.q, whitened.unsqueeze(2)));
  // w lies in the basis, whose VJPs are known.
  Tensor gradient = at::zeros_like(space.pulled.front());
  Shape each_member(static_cast<std::size_t>(gradient.dim()), 1);
  each_member[0] = gradient.size(0);
  for (std::size_t i = 0; i < space.pulled.size(); ++i) {
    const Tensor weight = solved.select(1, static_cast<std::int64_t>(i)).to(gradient.scalar_type());
    gradient.addcmul_(space.pulled[i], weight.view(each_member));
  }
  return gradient;
}

/// The Gaussian N(m + r; A, V) that stands for an observation's likelihood, (member, observation) in float64. Its score
/// r/V is the likelihood's own, exactly. 1/V is the likelihood's curvature or the slope of its score from y to m,
/// whichever is larger (in tails, where the curvature vanishes or is negative, the slope: iteratively reweighted least
/// squares), at most 1/s² of the uncertainty s² within, for no likelihood is sharper than that of an exact observation.
struct Surrogate {
  Tensor departure, variance;
};

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

/// diag s² H (μ ∂x̂/∂x) Hᵀ / D as far as the space tells: its mean eigenvalue stands for directions outside.
Tensor diagonal_of(const KrylovSpace& space) {
  const Tensor t = positive_part(space.t);
  const Tensor mean = t.diagonal(0, 1, 2).mean(1, /*keepdim=*/true);
  const Tensor outside = (1 - space.q.square().sum(1)).clamp_min(0);
  return (at::matmul(t, space.q) * space.q).sum(1).clamp_min(0) + mean * outside;
}

}  // namespace

Tensor sda_gradient(const Departures& observations, const Vjp& vjp, const GuidanceParameters& parameters,
                    double ratio) {
  return vjp(observations.vjp(likelihood_score(observations, parameters, ratio, 0)));
}

Tensor pigdm_gradient(const Departures& observations, const Vjp& vjp, const GuidanceParameters& parameters,
                      double ratio) {
  const double bounded = ratio * ratio / (1 + ratio * ratio);
  return vjp(observations.vjp(likelihood_score(observations, parameters, ratio, bounded)));
}

Tensor dps_gradient(const Departures& observations, const Vjp& vjp, const GuidanceParameters& parameters) {
  const Tensor& departure = observations.departure();
  const Tensor norm = of_each_member(departure).clamp_min(1e-30);
  return vjp(observations.vjp(2 * parameters.zeta * departure / norm));
}

namespace {

/// With D = Σ_y + s² Γ the system is D^½ (I + B) D^½ w = r.
Tensor gaussian_mmps(const Departures& observations, const Vjp& vjp, const GuidanceParameters& parameters,
                     double ratio) {
  const Tensor scale = (observations.noise_variance() + network_variance(observations, parameters, ratio)).rsqrt();
  const Tensor whitened = observations.departure() * scale;
  const auto space = krylov_space(observations, vjp, whitened, scale, parameters.iterations, ratio);
  return solved_and_pulled(space, at::eye(space.t.size(1), space.t.options()), whitened.to(at::kDouble), ratio);
}

/// The space is built from the surrogate at ΠGDM's guess of how sure x̂ is; what the space then says of H V Hᵀ makes the
/// surrogate that is solved with. No further passes: its variance differs from D by a diagonal alone.
Tensor surrogate_mmps(const Departures& observations, const Vjp& vjp, const GuidanceParameters& parameters,
                      double ratio) {
  const Tensor own = network_variance(observations, parameters, ratio).to(at::kDouble);
  const auto first = surrogate(observations, own + ratio * ratio / (1 + ratio * ratio));
  const auto dtype = observations.departure().scalar_type();
  const Tensor scale = first.variance.rsqrt();
  const auto space = krylov_space(observations, vjp, (first.departure * scale).to(dtype), scale.to(dtype),
                                  parameters.iterations, ratio);
  const Tensor of_state = diagonal_of(space) * first.variance;
  const auto [departure, variance] = surrogate(observations, (own + of_state).clamp_min(1e-30));
  const Tensor noise = (variance - of_state) / first.variance;
  // Where the space was whole before its last vectors, these are 0; 1 on the diagonal keeps them so.
  const Tensor absent = at::diag_embed(1 - space.q.square().sum(2));
  return solved_and_pulled(space, at::matmul(space.q * noise.unsqueeze(1), space.q.mT()) + absent, departure * scale,
                           ratio);
}

}  // namespace

Tensor mmps_gradient(const Departures& observations, const Vjp& vjp, const GuidanceParameters& parameters,
                     double ratio) {
  const auto gradient = observations.are_gaussian() ? gaussian_mmps : surrogate_mmps;
  return gradient(observations, vjp, parameters, ratio);
}

}  // namespace sda::guidance
