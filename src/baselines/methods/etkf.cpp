// The ensemble transform Kalman filter (Bishop, Etherton & Majumdar 2001), with the symmetric square root (Hunt,
// Kostelich & Szunyogh 2007).
//
// In the space of weights w of the members, x = x̄ + Aᵀ w with the prior w ~ N(0, I / (N − 1)), the analysis is
//   w̄ = (S Sᵀ + (N − 1) I)⁻¹ S d,   T = (N − 1)^{1/2} (S Sᵀ + (N − 1) I)^{-1/2},
// for whitened anomalies S and departure d of what is observed. The symmetric root keeps the mean, T 1 = 1, and of all
// roots changes the members least. Members become E ← Θ E with Θ = T + 1 w̄ᵀ.
#include "baselines/cycling/cycling.hpp"

#include <cmath>

namespace sda {

Transform symmetric_square_root(const SeenEnsemble& seen) {
  const EnsembleHessian hessian(seen.anomalies);
  const auto zeta = static_cast<double>(hessian.size() - 1);
  const Vector w = hessian.solve(seen.anomalies * seen.departure, zeta);
  Transform result{.theta = std::sqrt(zeta) * hessian.power(-0.5, zeta)};
  result.theta.rowwise() += w.transpose();
  return result;
}

BaselineMethod etkf_method();
BaselineMethod etkf_method() {
  return {.name = "etkf",
          .help =
              "ensemble transform Kalman filter, symmetric square root (Bishop 2001, Hunt 2007): members, inflation, "
              "rotation",
          .tuned = {&BaselineParameters::inflation},
          .run = [](const CyclingProblem& problem) { return transform_filter(problem, EnsembleUpdate::etkf); }};
}

}  // namespace sda
