// The ensemble Kalman filter with perturbed observations (Evensen 1994; Burgers, van Leeuwen & Evensen 1998).
//
// Each member takes in the observations with noise of its own, ε_m ~ N(0, R), by the ensemble's Kalman gain:
//   x_m ← x_m + K (y + ε_m − H(x_m)),   K = A Sᵀ (S Sᵀ + (N − 1) R)⁻¹,
// where A and S are anomalies of states and of what is observed of them. Whitened by R^{-1/2}, with members as rows,
// D = 1 dᵀ + ε − S, and (SᵀS + (N − 1) I)⁻¹ Sᵀ = Sᵀ (S Sᵀ + (N − 1) I)⁻¹:
//   E ← Θ E,   Θ = I + D Sᵀ (S Sᵀ + (N − 1) I)⁻¹.
// The mean of ε over the members is taken off, so that the mean is that of the Kalman filter.
#include "baselines/cycling/cycling.hpp"

namespace sda {

Transform perturbed_observations(const SeenEnsemble& seen, const Matrix& noise) {
  const Matrix& s = seen.anomalies;
  const auto n = s.rows();
  const Matrix d = (anomalies_of(noise) - s).rowwise() + seen.departure.transpose();
  const EnsembleHessian hessian(s);
  const auto one_less = static_cast<double>(n - 1);
  // Sᵀ (S Sᵀ + ζ I)⁻¹ = Sᵀ U (λ + ζ)⁻¹ Uᵀ, for S lies in the span of U.
  const Vector inverse = (hessian.values().array() + one_less).inverse();
  const Matrix gain = (s.transpose() * hessian.vectors()) * inverse.asDiagonal() * hessian.vectors().transpose();
  Transform result{.theta = d * gain};
  result.theta.diagonal().array() += 1;
  return result;
}

BaselineMethod enkf_method();
BaselineMethod enkf_method() {
  return {.name = "enkf",
          .help =
              "ensemble Kalman filter, perturbed observations (Evensen 1994, Burgers 1998): members, inflation, "
              "rotation",
          .tuned = {&BaselineParameters::inflation},
          .run = [](const CyclingProblem& problem) { return transform_filter(problem, EnsembleUpdate::enkf); }};
}

}  // namespace sda
