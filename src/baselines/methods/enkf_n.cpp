// The finite-size ensemble Kalman filter, EnKF-N (Bocquet 2011; Bocquet, Raanes & Hannart 2015), dual form.
//
// Mean and covariance of the forecast are not known: N members are a sample of it. With Jeffreys' prior for both, the
// prior of the weights w has heavier tails than a Gaussian's, and the analysis is that of an ETKF whose N − 1 gives way
// to ζ, which minimises
//   D(ζ) = Σ_j (U_jᵀ S d)² / λ_j × ζ / (λ_j + ζ) + ε ζ − κ ln ζ,   ε = (N + 1) / N,   κ = N,
// over λ_j and U_j, the eigenvalues and eigenvectors of S Sᵀ (2015, section 4; g = 0, for the redundant direction of w
// says nothing of states). A small ζ inflates the forecast by √((N − 1) / ζ). Where observations say nothing there
// should be no inflation: ε and κ are moved for that (2015, equation 36). `certainty` multiplies both.
#include "baselines/cycling/cycling.hpp"

#include <algorithm>
#include <cmath>

namespace sda {
namespace {

/// D and its parts.
struct Dual {
  Vector lambda;   ///< of S Sᵀ
  Vector squares;  ///< (U_jᵀ S d)²
  double epsilon, kappa;

  double value(double zeta) const {
    const auto shares = squares.array() / lambda.array() * (zeta / (lambda.array() + zeta));
    return shares.sum() + epsilon * zeta - kappa * std::log(zeta);
  }
  /// ζ D'(ζ) = ζ (ε + |w(ζ)|²) − κ.
  double slope(double zeta) const {
    return zeta * (epsilon + (squares.array() / (lambda.array() + zeta).square()).sum()) - kappa;
  }
};

/// The least D's ζ, to rounding: it lies at or below κ/ε, where the slope is ≥ 0. D may have more than one minimum.
double minimum(const Dual& dual) {
  constexpr int points = 64;
  constexpr double reach = 1e-8;  // of inflations up to 10⁴
  const double top = dual.kappa / dual.epsilon, ratio = std::pow(reach, 1.0 / points);
  double best = top;
  for (int i = 1; i <= points; ++i) {
    const double zeta = top * std::pow(ratio, i);
    if (dual.value(zeta) < dual.value(best)) best = zeta;
  }
  double low = std::log(best * ratio), high = std::log(std::min(best / ratio, top));
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (dual.slope(std::exp(middle)) < 0 ? low : high) = middle;
  }
  return std::exp((low + high) / 2);
}

}  // namespace

Transform finite_size(const SeenEnsemble& seen, double certainty) {
  const EnsembleHessian hessian(seen.anomalies);
  const auto n = static_cast<double>(hessian.size());
  const Vector& lambda = hessian.values();
  const Vector projected = seen.anomalies * seen.departure;
  Dual dual{.lambda = lambda,
            .squares = (hessian.vectors().transpose() * projected).cwiseAbs2(),
            .epsilon = (n + 1) / n,
            .kappa = n};
  // The prior's weight in the analysis, tr(I + S Sᵀ/(N − 1))⁻¹ / N: 1 where observations say nothing, and then the mode
  // of ζ must be N − 1.
  const double unseen = n - static_cast<double>(lambda.size());
  const double weight = (((n - 1) / (lambda.array() + n - 1)).sum() + unseen) / n;
  const double correction = std::sqrt(std::pow(dual.epsilon * (n - 1) / dual.kappa, weight));
  dual.epsilon *= certainty / correction;
  dual.kappa *= certainty * correction;

  const double zeta = minimum(dual);
  Transform result{.theta = std::sqrt(n - 1) * hessian.power(-0.5, zeta), .inflation = std::sqrt((n - 1) / zeta)};
  // T 1 = 1 must hold for the mean to be kept: the direction 1, of no anomaly, is not to be inflated.
  result.theta.array() += (1 - result.inflation) / n;
  result.theta.rowwise() += hessian.solve(projected, zeta).transpose();
  return result;
}

BaselineMethod enkf_n_method();
BaselineMethod enkf_n_method() {
  return {.name = "enkf_n",
          .help =
              "finite-size ensemble Kalman filter, which finds its own inflation (Bocquet 2011, 2015): members, "
              "certainty, rotation",
          .tuned = {&BaselineParameters::certainty},
          .run = [](const CyclingProblem& problem) { return transform_filter(problem, EnsembleUpdate::enkf_n); }};
}

}  // namespace sda
