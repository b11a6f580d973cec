/// Gauss-Newton in the space of weights, which iterative and variational methods share. Private to src/baselines.
#pragma once

#include <functional>

#include "baselines/cycling/cycling.hpp"

namespace sda {

/// J(w) = ½ ζ |w|² + ½ |y − G(x + Aᵀ w)|²: x (n), rows of A (m, n) the directions, G a whitened observation of states
/// (rows), after whatever the dynamics does to them.
struct WeightsProblem {
  RowVector x;
  Matrix directions;
  double zeta = 1;
  Vector y;
  std::function<Matrix(const Matrix&)> observe;
};
enum class Sensitivity {
  regression,         ///< of the spread ensemble x + Aᵀ (w + T): "transform" (Sakov, Oliver & Bertino 2012)
  finite_differences  ///< along each direction: "bundle" (Bocquet & Sakov 2012)
};
struct Weights {
  Vector w;                 ///< the minimum's
  Matrix root;              ///< ζ^{1/2} H^{-1/2}: directions of the posterior are root × A
  std::int64_t iterations;  ///< taken
};
/// w ← w + H⁻¹ (S d − ζ w), H = S Sᵀ + ζ I, until a step is below `tolerance` ζ^{-1/2} in root mean square.
Weights gauss_newton(const WeightsProblem& problem, Sensitivity sensitivity, std::int64_t iterations, double tolerance);

/// Analyses over windows that slide by an analysis: the observation of a state updates the ensemble `lag` analyses
/// before it, whence a forecast leads to the state. `update` is given members of `from` and the state that is observed.
using WindowUpdate = std::function<void(Matrix& e, std::int64_t from, std::int64_t observed)>;
BaselineResult slide(const CyclingProblem& problem, Matrix e, const std::string& method, const WindowUpdate& update);

/// Whitened observations of state `to` by states of `from`.
std::function<Matrix(const Matrix&)> observation_after(const CyclingProblem& problem, std::int64_t from,
                                                       std::int64_t to);

}  // namespace sda
