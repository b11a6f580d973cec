/// A Gaussian in place of each observation's likelihood, for rules that solve a linear system.
#pragma once

#include "sda/guidance/departures.hpp"

namespace sda::guidance {

/// The Gaussian N(m + r; A, V) that stands for an observation's likelihood, (member, observation) in float64. Its score
/// r/V is the likelihood's own, exactly. 1/V is the likelihood's curvature or the slope of its score from y to m,
/// whichever is larger (in tails, where the curvature vanishes or is negative, the slope: iteratively reweighted least
/// squares), at most 1/s² of the uncertainty s² within, for no likelihood is sharper than that of an exact observation.
struct Surrogate {
  Tensor departure;  ///< r
  Tensor variance;   ///< V
};
/// Of A ~ N(A(x̂), `uncertainty`).
Surrogate surrogate(const Departures& observations, const Tensor& uncertainty);

}  // namespace sda::guidance
