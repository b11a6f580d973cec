// Filters whose analysis is one transform of all members, E ← Θ E, and what they do after it.
#include "baselines/cycling/cycling.hpp"

#include <cmath>

namespace sda {
namespace {

/// Streams within Purpose::filter_resampling, a state each; the particle filter has the first.
constexpr std::uint64_t observation_draws = 8, rotation_draws = 9;

}  // namespace

const char* title_of(EnsembleUpdate update) {
  switch (update) {
    case EnsembleUpdate::enkf:
      return "EnKF";
    case EnsembleUpdate::etkf:
      return "ETKF";
    case EnsembleUpdate::enkf_n:
      return "EnKF-N";
  }
  return "";
}

Transform transform_of(const CyclingProblem& problem, EnsembleUpdate update, const SeenEnsemble& seen,
                       std::int64_t state) {
  switch (update) {
    case EnsembleUpdate::etkf:
      return symmetric_square_root(seen);
    case EnsembleUpdate::enkf_n:
      return finite_size(seen, problem.parameters().certainty);
    case EnsembleUpdate::enkf:
      break;
  }
  const auto key = problem.draws(state, observation_draws);
  return perturbed_observations(seen, problem.normal(seen.anomalies.rows(), seen.anomalies.cols(), key));
}

// Ω = B diag(1, Q) Bᵀ: B is the reflection that takes the first axis to 1/√N, Q is uniform among orthogonal matrices
// (the Q of a matrix of normal draws, with R's diagonal made positive; Mezzadri 2007).
Matrix random_rotation(const CyclingProblem& problem, std::int64_t members, std::int64_t state) {
  const auto n = members - 1;
  const Eigen::MatrixXd draws = problem.normal(n, n, problem.draws(state, rotation_draws));
  const Eigen::HouseholderQR<Eigen::MatrixXd> factors(draws);
  Eigen::MatrixXd q = factors.householderQ();
  for (Eigen::Index i = 0; i < n; ++i) {
    if (factors.matrixQR()(i, i) < 0) q.col(i) *= -1;
  }
  Matrix omega = Matrix::Identity(members, members);
  omega.bottomRightCorner(n, n) = q;
  Vector v = Vector::Constant(members, -1 / std::sqrt(static_cast<double>(members)));
  v[0] += 1;
  v.normalize();
  omega -= 2 * v * (v.transpose() * omega);
  omega -= 2 * (omega * v) * v.transpose();
  return omega;
}

void inflate(const CyclingProblem& problem, Matrix& e) {
  if (problem.parameters().inflation == 1) return;
  const RowVector mean = mean_of(e);
  e = ((e.rowwise() - mean) * problem.parameters().inflation).rowwise() + mean;
}

void rotate(const CyclingProblem& problem, Matrix& e, std::int64_t state) {
  if (problem.parameters().rotation) e = random_rotation(problem, e.rows(), state) * e;
}

void rotate_and_inflate(const CyclingProblem& problem, Matrix& e, std::int64_t state) {
  rotate(problem, e, state);
  inflate(problem, e);
}

BaselineResult transform_filter(const CyclingProblem& problem, EnsembleUpdate update) {
  double inflation = 0;
  BaselineResult result = filter(problem, problem.first(problem.parameters().members), title_of(update),
                                 [&](Matrix& e, std::int64_t state) {
                                   const Transform found = transform_of(problem, update, problem.see(e, state), state);
                                   e = found.theta * e;
                                   inflation += found.inflation;
                                   rotate_and_inflate(problem, e, state);
                                 });
  result.mean_inflation = inflation / static_cast<double>(problem.observed().size());
  return result;
}

}  // namespace sda
