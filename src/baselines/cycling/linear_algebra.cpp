// The eigenvectors of S Sᵀ: those of a matrix as small as can be.
#include "baselines/cycling/linear_algebra.hpp"

#include <cmath>

namespace sda {

EnsembleHessian::EnsembleHessian(const Matrix& s) : size_(s.rows()) {
  const bool few_observations = s.cols() < s.rows();
  const Eigen::MatrixXd gram =
      few_observations ? Eigen::MatrixXd(s.transpose() * s) : Eigen::MatrixXd(s * s.transpose());
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
  // What is null but for rounding changes no power of S Sᵀ + ζ I; its vectors would not be orthogonal.
  const Vector& all = solver.eigenvalues();
  const double least = all.size() == 0 ? 0 : 1e-13 * std::abs(all[all.size() - 1]);
  const Eigen::Index kept = (all.array() > least).count();  // eigenvalues ascend
  values_ = all.tail(kept);
  if (few_observations) {
    vectors_ = s * solver.eigenvectors().rightCols(kept) * values_.cwiseSqrt().cwiseInverse().asDiagonal();
  } else {
    vectors_ = solver.eigenvectors().rightCols(kept);
  }
}

Matrix EnsembleHessian::power(double exponent, double zeta) const {
  const double rest = std::pow(zeta, exponent);
  const Vector change = (values_.array() + zeta).pow(exponent) - rest;
  Matrix result = vectors_ * change.asDiagonal() * vectors_.transpose();
  result.diagonal().array() += rest;
  return result;
}

Vector EnsembleHessian::solve(const Vector& v, double zeta) const {
  const Vector change = (values_.array() + zeta).inverse() - 1 / zeta;
  return v / zeta + vectors_ * (change.asDiagonal() * (vectors_.transpose() * v));
}

}  // namespace sda
