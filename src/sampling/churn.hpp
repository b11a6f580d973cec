/// Part of the noise exchanged for new noise (churn: Karras et al. 2022), without bias (Leimkuhler & Matthews 2013).
///
/// In u = x/μ and s = σ/μ the reverse process without noise is du/ds = ε, whatever the schedule.
#pragma once

#include "sda/diffusion/noise_schedule.hpp"

namespace sda {

/// At a time t, with z ~ N(0, I) and s_e² = s² / (1 − δ/2):
///     u_e = u + ½ √(2δ) s_e z,    u ← u + √(2δ) s_e z − δ s_e ε(μ_e u_e, t_e).
/// u_e has the noise of t_e, above t, where ε is asked for; u comes back with that of t. Where the score is affine the
/// distribution is kept exactly, whatever δ is; Langevin's step widens it by a share of δ/2.
struct Churn {
  double delta = 0;  ///< δ, smaller where t_e would lie beyond 1
  double time = 0;   ///< t_e
  double ratio = 0;  ///< s_e

  /// ½ √(2δ) s_e
  double half_kick() const;

  /// `delta` in [0, 2).
  static Churn at(const NoiseSchedule& schedule, double t, double delta);
  /// For a step to `to` by the same ε, u ← u + √(2δ) s_e z − (δ s_e + s − s') ε: δ so small that pure noise comes out
  /// no more than a tenth wider than s'. Long steps from much noise, which a network would answer wildly, churn little.
  static Churn within(const NoiseSchedule& schedule, double from, double to, double delta);
};

}  // namespace sda
