// Optimal interpolation (Gandin 1963), 3D-Var (Lorenc 1986) and strong-constraint 4D-Var (Le Dimet & Talagrand 1986),
// with a climatological background covariance B.
//
// All minimise, over the state x = x_b + B^{1/2} w of the window's start,
//   J(w) = ½ |w|² + ½ |y − H(M(x_b + B^{1/2} w))|²_R
// by Gauss-Newton, preconditioned by B^{1/2}. Optimal interpolation and 3D-Var have no window: M is the identity. The
// first takes the climatological mean for x_b, whatever came before; the others a forecast of their last analysis.
// 4D-Var's window begins `lag` analyses before the observation and slides by one, as that of the iterative ensemble
// smoother does, but B is the same at each.
//
// The tangent linear of H M is taken by finite differences along the columns of B^{1/2}, a batch of n + 1 states: exact
// to 10⁻⁵ and as dear as n integrations, so this is for small systems. An adjoint would take its place in large ones.
#include "baselines/cycling/gauss_newton.hpp"

namespace sda {
namespace {

/// The analysis of one state x_b (1, n) of `from` by the observations of `observed`; counts its steps.
void analyse(const CyclingProblem& problem, const Matrix& root, Matrix& x, std::int64_t from, std::int64_t observed,
             std::int64_t& steps) {
  const auto& p = problem.parameters();
  const WeightsProblem weights{.x = x.row(0),
                               .directions = root,
                               .zeta = 1,
                               .y = problem.observation(observed),
                               .observe = observation_after(problem, from, observed)};
  const Weights found = gauss_newton(weights, Sensitivity::finite_differences, p.iterations, p.tolerance);
  x.row(0) += found.w.transpose() * root;
  steps += found.iterations;
}

BaselineResult with_mean_iterations(BaselineResult result, const CyclingProblem& problem, std::int64_t steps) {
  result.mean_iterations = static_cast<double>(steps) / static_cast<double>(problem.observed().size());
  return result;
}

BaselineResult optimal_interpolation(const CyclingProblem& problem) {
  const Climatology climatology = problem.climatology();
  std::int64_t steps = 0;
  BaselineResult result =
      filter(problem, climatology.mean, "optimal interpolation", [&](Matrix& x, std::int64_t state) {
        problem.see(x, state);
        x = climatology.mean;
        analyse(problem, climatology.deviation, x, state, state, steps);
      });
  return with_mean_iterations(std::move(result), problem, steps);
}

BaselineResult var3d(const CyclingProblem& problem) {
  const Climatology climatology = problem.climatology();
  const Matrix root = std::sqrt(problem.parameters().background) * climatology.deviation;
  std::int64_t steps = 0;
  BaselineResult result = filter(problem, climatology.mean, "3D-Var", [&](Matrix& x, std::int64_t state) {
    problem.see(x, state);
    analyse(problem, root, x, state, state, steps);
  });
  return with_mean_iterations(std::move(result), problem, steps);
}

BaselineResult var4d(const CyclingProblem& problem) {
  const Climatology climatology = problem.climatology();
  const Matrix root = std::sqrt(problem.parameters().background) * climatology.deviation;
  std::int64_t steps = 0;
  BaselineResult result = slide(
      problem, climatology.mean, "4D-Var",
      [&](Matrix& x, std::int64_t from, std::int64_t observed) { analyse(problem, root, x, from, observed, steps); });
  return with_mean_iterations(std::move(result), problem, steps);
}

}  // namespace

BaselineMethod optimal_interpolation_method(), var3d_method(), var4d_method();
BaselineMethod optimal_interpolation_method() {
  return {.name = "oi",
          .help = "optimal interpolation of the climatology (Gandin 1963), one state: climatology, iterations",
          .run = optimal_interpolation};
}
BaselineMethod var3d_method() {
  return {
      .name = "3dvar",
      .help = "3D-Var with a climatological covariance (Lorenc 1986), one state: background, climatology, iterations",
      .tuned = {&BaselineParameters::background},
      .run = var3d};
}
BaselineMethod var4d_method() {
  return {.name = "4dvar",
          .help =
              "strong-constraint 4D-Var with a climatological covariance, deterministic dynamics, one state: lag (1), "
              "background, climatology, iterations, tolerance",
          .lag = 1,
          .perfect_model = true,
          .tuned = {&BaselineParameters::background},
          .run = var4d};
}

}  // namespace sda
