// The ensemble Rauch-Tung-Striebel smoother (Raanes 2016, "On the ensemble Rauch-Tung-Striebel smoother and its
// equivalence to the ensemble Kalman smoother").
//
// Forward any ensemble Kalman filter, whose forecasts Eᶠ and analyses E are kept; backward, with anomalies A,
//   E_i ← E_i + (E_{i+1} − Eᶠ_{i+1}) J_i,   J_i = (Aᶠ_{i+1})⁺ A_i,
// members being rows: the regression of a state on the next one's forecast. E_i is that before its inflation, which is
// taken for an error of the forecast: else the past would be inflated by every later state once more.
#include "baselines/cycling/cycling.hpp"

namespace sda {
namespace {

/// Of a direction's spread, relative to the greatest, that the regression uses.
constexpr double least_spread = 1e-5;

/// (E_{i+1} − Eᶠ_{i+1}) (Aᶠ_{i+1})⁺, (N, N): never n × n. Backward in time what contracted grows: directions in which
/// forecasts hardly spread are left out, or whatever is not linear there is magnified without end.
Matrix weights(const Matrix& increment, const Matrix& forecast) {
  Eigen::CompleteOrthogonalDecomposition<Eigen::MatrixXd> factors;
  factors.setThreshold(least_spread);
  factors.compute(anomalies_of(forecast).transpose());
  return factors.solve(Eigen::MatrixXd(increment.transpose())).transpose();
}

BaselineResult enrts(const CyclingProblem& problem) {
  const auto& p = problem.parameters();
  std::vector<Matrix> analysed;
  double inflation = 0;
  const std::string title = std::string("EnRTS (") + title_of(p.update) + ")";
  BaselineResult result = filter(
      problem, problem.first(p.members), title,
      [&](Matrix& e, std::int64_t state) {
        const Transform found = transform_of(problem, p.update, problem.see(e, state), state);
        inflation += found.inflation;
        e = found.theta * e;
        rotate(problem, e, state);
        analysed.push_back(e);
        inflate(problem, e);
      },
      [&](Matrix& e, std::int64_t state) {
        if (!problem.is_observed(state)) analysed.push_back(e);
      });
  Record smoothed(problem, p.members);
  Matrix later = analysed.back();
  smoothed.put(problem.length() - 1, later);
  for (std::int64_t i = problem.length() - 2; i >= 0; --i) {
    Matrix& here = analysed[static_cast<std::size_t>(i)];
    Matrix forecast = here;
    if (problem.is_observed(i)) inflate(problem, forecast);
    problem.forecast(forecast, i);  // once more, by the same draws: half the memory
    here += weights(later - forecast, forecast) * anomalies_of(here);
    smoothed.put(i, here);
    later = here;
    here.resize(0, 0);
  }
  result.filtered.method = title_of(p.update);
  result.smoothed = smoothed.ensemble(title);
  result.mean_inflation = inflation / static_cast<double>(problem.observed().size());
  return result;
}

}  // namespace

BaselineMethod enrts_method();
BaselineMethod enrts_method() {
  return {.name = "enrts",
          .help = "ensemble Rauch-Tung-Striebel smoother (Raanes 2016): members, update, inflation, rotation",
          .tuned = {&BaselineParameters::inflation},
          .run = enrts};
}

}  // namespace sda
