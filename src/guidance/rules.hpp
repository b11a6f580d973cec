/// The likelihood rules: μ ∇ log p(y | x(t)) from observations at x̂ and the VJP of x̂.
#pragma once

#include <functional>

#include "guidance/departures.hpp"
#include "sda/guidance/posterior_score.hpp"

namespace sda::guidance {

/// v ↦ μ (∂x̂/∂x(t))ᵀ v = (I − σ ∂ε/∂x)ᵀ v; each call is a pass through the prior.
using Vjp = std::function<Tensor(const Tensor&)>;

/// p(y | A ~ N(A(x̂), (σ²/μ²) Γ)): N(y | A(x̂), Σ_y + (σ²/μ²) Γ) where the noise is Gaussian.
Tensor sda_gradient(const Departures& observations, const Vjp& vjp, const GuidanceParameters& parameters, double ratio);

/// The same with s²/(1 + s²) + s² Γ, s = σ/μ: the variance of x given x(t) where x ~ N(0, I) (ΠGDM, Song et al. 2023).
Tensor pigdm_gradient(const Departures& observations, const Vjp& vjp, const GuidanceParameters& parameters,
                      double ratio);

/// −ζ ∇‖y − A(x̂)‖² / ‖y − A(x̂)‖, each member with its own norm; whatever the noise.
Tensor dps_gradient(const Departures& observations, const Vjp& vjp, const GuidanceParameters& parameters);

/// N(y | A(x̂), Σ_y + s² Γ + H V Hᵀ), V = (σ²/μ) ∂x̂/∂x(t) (MMPS, Rozet et al. 2024). Other noise is taken, observation
/// by observation, for the Gaussian that has the marginal likelihood's own first and second derivative there.
Tensor mmps_gradient(const Departures& observations, const Vjp& vjp, const GuidanceParameters& parameters,
                     double ratio);

}  // namespace sda::guidance
