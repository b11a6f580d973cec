// The iterative ensemble Kalman smoother, single data assimilation (Bocquet & Sakov 2014; the filter at lag 1 is Sakov,
// Oliver & Bertino 2012).
//
// The observations y of a state update the ensemble E_0 = x̄_0 + A_0 of `lag` analyses before. The mean moves to the
// minimum over w of
//   J(w) = ½ (N − 1) |w|² + ½ |y − H(M(x̄_0 + A_0ᵀ w))|²_R,
// by Gauss-Newton; M is the dynamics over the window, so that it is linearised where the smoothed trajectory is. The
// anomalies become T A_0, T = (N − 1)^{1/2} H^{-1/2} by the Hessian at the minimum. Sensitivities are the anomalies of
// the ensemble x̄_0 + A_0ᵀ (w + T), taken back by T⁻¹ ("transform"), or finite differences ("bundle"). Each observation
// is used once; a window's ensemble goes on by the dynamics.
#include "baselines/cycling/gauss_newton.hpp"

namespace sda {
namespace {

BaselineResult ienks(const CyclingProblem& problem) {
  const auto& p = problem.parameters();
  std::int64_t steps = 0;
  const auto update = [&](Matrix& e, std::int64_t from, std::int64_t observed) {
    const WeightsProblem weights{.x = mean_of(e),
                                 .directions = anomalies_of(e),
                                 .zeta = static_cast<double>(e.rows() - 1),
                                 .y = problem.observation(observed),
                                 .observe = observation_after(problem, from, observed)};
    const auto sensitivity = p.bundle ? Sensitivity::finite_differences : Sensitivity::regression;
    const Weights found = gauss_newton(weights, sensitivity, p.iterations, p.tolerance);
    e = (found.root * weights.directions).rowwise() + (weights.x + found.w.transpose() * weights.directions);
    rotate_and_inflate(problem, e, observed);
    steps += found.iterations;
  };
  BaselineResult result = slide(problem, problem.first(p.members), p.bundle ? "iEnKS (bundle)" : "iEnKS", update);
  result.mean_iterations = static_cast<double>(steps) / static_cast<double>(problem.observed().size());
  return result;
}

}  // namespace

BaselineMethod ienks_method();
BaselineMethod ienks_method() {
  return {.name = "ienks",
          .help =
              "iterative ensemble Kalman smoother (Bocquet & Sakov 2014), deterministic dynamics: members, lag (1), "
              "bundle, iterations, tolerance, inflation, rotation",
          .lag = 1,
          .perfect_model = true,
          .tuned = {&BaselineParameters::inflation},
          .run = ienks};
}

}  // namespace sda
