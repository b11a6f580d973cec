/// A prior's score plus the score of a likelihood: ε(x(t) | y) (Rozet & Louppe 2023, section 3.2 and Algorithm 3;
/// DPS: Chung et al. 2022; ΠGDM: Song et al. 2023; MMPS: Rozet et al. 2024).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sda/diffusion/noise_schedule.hpp"
#include "sda/observation/observations.hpp"
#include "sda/prior/score_model.hpp"

namespace sda {

/// The likelihood rules there are, and none.
inline std::vector<std::string> guidance_rules() {
  return {"sda", "mmps", "pigdm", "dps", "none"};
}

struct GuidanceParameters {
  std::string rule = "sda";         ///< sda | mmps | pigdm | dps | none (the prior itself)
  std::vector<double> gamma{1e-2};  ///< Γ = γ I, one value, one for each part, or of one part one for each element
  bool detach = false;              ///< sda: ε held fixed in x̂(x): no VJP, cheaper, less exact
  std::int64_t iterations = 1;      ///< mmps: VJPs to solve its linear system with
  double zeta = 1.0;                ///< dps: weight
};

template <class Visitor>
void fields(Visitor& v, GuidanceParameters& p) {
  v("rule", p.rule, "likelihood rule: sda, mmps, pigdm, dps or none", one_of(guidance_rules()));
  v("gamma", p.gamma,
    "sda, mmps, pigdm: variance of x̂ over (σ/μ)²; one value, or one for each part of the observation, or of a single "
    "part one for each element of an observation; sda: of all that x(t) leaves open, the others: of the network's "
    "error",
    at_least(0));
  v("detach", p.detach, "sda: hold ε fixed in the gradient (no VJP)", any());
  v("iterations", p.iterations, "mmps: VJPs for its linear system, exact with as many as there are observations",
    at_least(1));
  v("zeta", p.zeta, "dps: weight of the likelihood's score", above(0));
}

/// ε of the posterior; rows (member, length, …event) normalised, as the prior's. With s = σ/μ and H = ∂A/∂x̂:
/// sda: p(y | x(t)) = N(y | A(x̂), Σ_y + s² Γ).
/// mmps: N(y | A(x̂), Σ_y + s² Γ + H V Hᵀ) with Tweedie's covariance V = (σ²/μ) ∂x̂/∂x(t), solved in the Krylov space of
/// `iterations` VJPs, in which V is made symmetric and positive; exact with as many as there are observations. A
/// network's error in x̂ grows as s: s² Γ keeps guidance small where V cannot be trusted. pigdm: N(y | A(x̂), Σ_y + s²/(1
/// + s²) + s² Γ). dps: −ζ ∇‖y − A(x̂)‖² / ‖y − A(x̂)‖ with the norm of each member's own departure (the reference takes
/// one norm over the whole batch).
/// Of observations in several parts y is all of them: dps takes one norm over the observations of all parts, whatever
/// their σ.
class PosteriorScore final : public ScoreModel {
 public:
  /// Throws UsageError for parameters that do not fit the observations.
  PosteriorScore(std::shared_ptr<const DifferentiableScore> prior, NoiseSchedule schedule, Observations observations,
                 GuidanceParameters parameters);
  Tensor epsilon(const Tensor& x, double t) const override;

 private:
  std::shared_ptr<const DifferentiableScore> prior_;
  NoiseSchedule schedule_;
  Observations observations_;
  GuidanceParameters parameters_;
};

}  // namespace sda
