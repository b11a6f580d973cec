/// MMPS (Rozet et al. 2024): p(y | x(t)) = N(y | A(x̂), Σ_y + s² Γ + H V Hᵀ) with Tweedie's covariance V = s² μ
/// ∂x̂/∂x(t).
///
/// With D = Σ_y + s² Γ the system is D^½ (I + B) D^½ w = y − A(x̂), B = D^-½ H V Hᵀ D^-½. It is solved in the Krylov
/// space of B and D^-½ (y − A(x̂)), which costs a VJP each dimension: exact with as many as there are observations. A
/// network's error in x̂ grows as s: s² Γ keeps guidance small where V cannot be trusted.
#include <algorithm>

#include "core/torch.hpp"
#include "guidance/krylov.hpp"
#include "guidance/surrogate.hpp"
#include "sda/guidance/likelihood_rule.hpp"

namespace sda {
namespace {

using guidance::arnoldi, guidance::no_less_than, guidance::positive_part;

/// A space of departures: orthonormal rows Q, T = Q B Qᵀ, and P Pᵀ of P = (μ ∂x̂/∂x)ᵀ Hᵀ D^-½ Q; float64 (member, n, …).
struct MmpsSpace {
  Tensor q, t, gram;
  std::vector<Tensor> pulled;  ///< the rows of P as trajectories
};

/// D^-½ is `scale`.
MmpsSpace mmps_space(const Departures& y, const DenoiserVjp& vjp, const Tensor& first, const Tensor& scale,
                     std::int64_t n, double s) {
  MmpsSpace space;
  const auto apply = [&](const Tensor& v) {
    space.pulled.push_back(vjp(y.vjp(v * scale)));
    return y.jvp(space.pulled.back()) * scale * (s * s);
  };
  const auto [q, t] = arnoldi(first, n, apply, [&](const Tensor& sums) { return y.total(sums); });
  space.q = q, space.t = t;
  const Tensor p = at::stack(space.pulled, 1).flatten(2).to(at::kDouble);
  space.gram = y.total(at::matmul(p, p.mT()));
  return space;
}

/// (μ ∂x̂/∂x)ᵀ Hᵀ w for w = D^-½ Qᵀ (N + T)⁻¹ Q r: `noise` is N, `whitened` r (member, observation) in float64.
Tensor solved(const Departures& y, const MmpsSpace& space, const Tensor& noise, const Tensor& whitened, double s) {
  // Where ε is exact, J = μ ∂x̂/∂x has eigenvalues from 0 to 1, so that T is a covariance and N + T no less than
  // s² Q D^-½ H J Jᵀ Hᵀ D^-½ Qᵀ. A network's errors break both; what is lacking is added. So guidance never pushes away
  // from y, and never by more than the distance: its part of ∂ε/∂x stays below 1/σ.
  const Tensor matrix = no_less_than(noise + positive_part(space.t), space.gram * (s * s));
  const Tensor weights = at::linalg_solve(matrix, y.total(at::matmul(space.q, whitened.unsqueeze(2))));
  // w lies in the space, whose VJPs are known.
  Tensor gradient = at::zeros_like(space.pulled.front());
  Shape each_member(static_cast<std::size_t>(gradient.dim()), 1);
  each_member[0] = gradient.size(0);
  for (std::size_t i = 0; i < space.pulled.size(); ++i) {
    const Tensor weight = weights.select(1, static_cast<std::int64_t>(i)).to(gradient.scalar_type());
    gradient.addcmul_(space.pulled[i], weight.view(each_member));
  }
  return gradient;
}

/// diag B as far as the space tells: its mean eigenvalue stands for directions outside.
Tensor diagonal_of(const MmpsSpace& space) {
  const Tensor t = positive_part(space.t);
  const Tensor mean = t.diagonal(0, 1, 2).mean(1, /*keepdim=*/true);
  const Tensor outside = (1 - space.q.square().sum(1)).clamp_min(0);
  return (at::matmul(t, space.q) * space.q).sum(1).clamp_min(0) + mean * outside;
}

class Mmps final : public LikelihoodRule {
 public:
  explicit Mmps(const GuidanceParameters& p) : gamma_(p.gamma), iterations_(p.iterations) {}

  std::string method() const override { return "MMPS"; }
  std::int64_t vjps(std::int64_t observations) const override { return std::min(iterations_, observations); }

  Tensor gradient(const Departures& y, const DenoiserVjp& vjp, double s) const override {
    return y.are_gaussian() ? gaussian(y, vjp, s) : other_noise(y, vjp, s);
  }

 private:
  Tensor gaussian(const Departures& y, const DenoiserVjp& vjp, double s) const {
    const Tensor scale = (y.noise_variance() + y.per_element(gamma_) * (s * s)).rsqrt();
    const Tensor whitened = y.departure() * scale;
    const auto space = mmps_space(y, vjp, whitened, scale, vjps(y.count()), s);
    return solved(y, space, at::eye(space.t.size(1), space.t.options()), whitened.to(at::kDouble), s);
  }

  /// Other noise is taken, observation by observation, for the Gaussian that has the marginal likelihood's own first
  /// and second derivative there. The space is built from that surrogate at ΠGDM's guess of how sure x̂ is; what the
  /// space then says of H V Hᵀ makes the surrogate that is solved with. No further passes: its variance differs from D
  /// by a diagonal alone.
  Tensor other_noise(const Departures& y, const DenoiserVjp& vjp, double s) const {
    const Tensor own = (y.per_element(gamma_) * (s * s)).to(at::kDouble);
    const auto first = guidance::surrogate(y, own + s * s / (1 + s * s));
    const auto dtype = y.departure().scalar_type();
    const Tensor scale = first.variance.rsqrt(), whitened = (first.departure * scale).to(dtype);
    const auto space = mmps_space(y, vjp, whitened, scale.to(dtype), vjps(y.count()), s);
    const Tensor of_state = diagonal_of(space) * first.variance;
    const auto [departure, variance] = guidance::surrogate(y, (own + of_state).clamp_min(1e-30));
    const Tensor noise = (variance - of_state) / first.variance;
    // Where the space was whole before its last vectors, these are 0; 1 on the diagonal keeps them so.
    const Tensor absent = at::diag_embed(1 - y.total(space.q.square().sum(2)));
    const Tensor within = y.total(at::matmul(space.q * noise.unsqueeze(1), space.q.mT()));
    return solved(y, space, within + absent, departure * scale, s);
  }

  std::vector<double> gamma_;
  std::int64_t iterations_;
};

}  // namespace

LikelihoodRuleKind mmps_rule() {
  return {.name = "mmps",
          .help = "N(y | A(x̂), Σ_y + s² Γ + H V Hᵀ), V = s² μ ∂x̂/∂x(t) by Tweedie (Rozet et al. 2024)",
          .make = [](const GuidanceParameters& p) { return std::make_unique<Mmps>(p); },
          .own_variance = true,
          .exact =
              [](double, std::int64_t observations) {
                return GuidanceParameters{.rule = "mmps", .gamma = {0}, .iterations = observations};
              }};
}

}  // namespace sda
