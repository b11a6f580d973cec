// Gauss-Newton, and windows that slide.
#include "baselines/cycling/gauss_newton.hpp"

#include <cmath>

namespace sda {
namespace {

/// Of the finite differences, in standard deviations of the background: the tangent linear to 10⁻⁵ of its size, where
/// rounding is 10⁻¹¹.
constexpr double epsilon = 1e-5;

/// What is observed of x + Aᵀ w, whitened, and its derivative by w, (m, p).
struct Linearisation {
  Vector observed;
  Matrix sensitivity;
};

Linearisation by_finite_differences(const WeightsProblem& problem, const Vector& w) {
  const Matrix& a = problem.directions;
  Matrix e(a.rows() + 1, a.cols());
  e.row(0) = problem.x + w.transpose() * a;
  e.bottomRows(a.rows()) = (epsilon * a).rowwise() + RowVector(e.row(0));
  const Matrix read = problem.observe(e);
  return {.observed = read.row(0), .sensitivity = (read.bottomRows(a.rows()).rowwise() - read.row(0)) / epsilon};
}

Linearisation by_regression(const WeightsProblem& problem, const Vector& w, const Matrix& root, const Matrix& inverse) {
  const Matrix& a = problem.directions;
  const RowVector centre = problem.x + w.transpose() * a;
  const Matrix read = problem.observe((root * a).rowwise() + centre);
  return {.observed = mean_of(read), .sensitivity = inverse * anomalies_of(read)};
}

}  // namespace

Weights gauss_newton(const WeightsProblem& problem, Sensitivity sensitivity, std::int64_t iterations,
                     double tolerance) {
  const auto m = problem.directions.rows();
  Weights found{.w = Vector::Zero(m), .root = Matrix::Identity(m, m), .iterations = 0};
  Matrix inverse = Matrix::Identity(m, m);
  while (found.iterations < iterations) {
    const Linearisation here = sensitivity == Sensitivity::regression
                                   ? by_regression(problem, found.w, found.root, inverse)
                                   : by_finite_differences(problem, found.w);
    const EnsembleHessian hessian(here.sensitivity);
    const Vector step =
        hessian.solve(here.sensitivity * (problem.y - here.observed) - problem.zeta * found.w, problem.zeta);
    found.w += step;
    found.root = std::sqrt(problem.zeta) * hessian.power(-0.5, problem.zeta);
    inverse = hessian.power(0.5, problem.zeta) / std::sqrt(problem.zeta);
    ++found.iterations;
    if (step.norm() * std::sqrt(problem.zeta / static_cast<double>(m)) < tolerance) break;
  }
  return found;
}

std::function<Matrix(const Matrix&)> observation_after(const CyclingProblem& problem, std::int64_t from,
                                                       std::int64_t to) {
  return [&problem, from, to](const Matrix& start) {
    Matrix e = start;
    for (std::int64_t i = from; i < to; ++i) problem.forecast(e, i);
    return problem.observe(e, to);
  };
}

BaselineResult slide(const CyclingProblem& problem, Matrix e, const std::string& method, const WindowUpdate& update) {
  Record filtered(problem, e.rows()), smoothed(problem, e.rows());
  std::int64_t at = 0;  // the state whose members e are
  const auto advance_to = [&](std::int64_t state) {
    for (; at < state; ++at) {
      smoothed.put(at, e);
      problem.forecast(e, at);
    }
  };
  // States from `first` to the last before `end`, which is observed next, by a forecast of e.
  const auto record_forecast = [&](std::int64_t first, std::int64_t end) {
    Matrix later = e;
    for (std::int64_t i = at; i < end; ++i) {
      if (i >= first) filtered.put(i, later);
      if (i + 1 < problem.length()) problem.forecast(later, i);
    }
    if (end < problem.length()) problem.see(later, end);
  };
  const auto& observed = problem.observed();
  record_forecast(0, observed.front());
  for (std::size_t k = 0; k < observed.size(); ++k) {
    const auto lag = static_cast<std::size_t>(problem.lag());
    if (k >= lag) advance_to(observed[k - lag]);
    update(e, at, observed[k]);
    record_forecast(observed[k], k + 1 < observed.size() ? observed[k + 1] : problem.length());
    problem.tell(observed[k] + 1);
  }
  advance_to(problem.length() - 1);
  smoothed.put(at, e);
  BaselineResult result;
  result.filtered = filtered.ensemble(method);
  result.smoothed = smoothed.ensemble(method);
  return result;
}

}  // namespace sda
