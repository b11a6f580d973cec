/// A prior's score plus the score of a likelihood: ε(x(t) | y) (Rozet & Louppe 2023, section 3.2 and Algorithm 3;
/// DPS: Chung et al. 2022).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sda/diffusion/noise_schedule.hpp"
#include "sda/observation/observations.hpp"
#include "sda/score/score_model.hpp"

namespace sda {

struct GuidanceParameters {
  std::string rule = "sda";         ///< sda | dps | none (the prior itself)
  std::vector<double> gamma{1e-2};  ///< sda: Γ = γ I, one value, one for each part, or of one part one for each element
  bool detach = false;              ///< sda: ε held fixed in x̂(x): no pull-back, cheaper, less exact
  double zeta = 1.0;                ///< dps: weight
};

template <class Visitor>
void fields(Visitor& v, GuidanceParameters& p) {
  v("rule", p.rule, "likelihood rule: sda, dps or none", one_of({"sda", "dps", "none"}));
  v("gamma", p.gamma,
    "sda: variance of x given x(t) over (σ/μ)²; one value, or one for each part of the observation, or of a single "
    "part one for each element of a reading",
    above(0));
  v("detach", p.detach, "sda: hold ε fixed in the gradient (no pull-back)", any());
  v("zeta", p.zeta, "dps: weight of the likelihood's score", above(0));
}

/// ε of the posterior; rows (member, length, …event) normalised, as the prior's.
/// sda: p(y | x(t)) = N(y | A(x̂), Σ_y + (σ²/μ²) Γ). dps: −ζ ∇‖y − A(x̂)‖² / ‖y − A(x̂)‖ with the norm of each
/// member's own residual (the reference takes one norm over the whole batch). Of observations in several parts y is all
/// of them: the gradients of sda add up, and dps takes one norm over the readings of all parts, whatever their σ.
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
