/// Small dense matrices of ensembles. Rows are members: E (N, n), S (N, p). Private to src/baselines.
#pragma once

#define EIGEN_DONT_PARALLELIZE  // results shall not depend on threads, and matrices are small
#include <Eigen/Dense>

namespace sda {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;
using RowVector = Eigen::RowVectorXd;

/// The rows' mean.
inline RowVector mean_of(const Matrix& e) {
  return e.colwise().mean();
}
/// The rows less their mean.
inline Matrix anomalies_of(const Matrix& e) {
  return e.rowwise() - mean_of(e);
}

/// S Sᵀ + ζ I for S (N, p), in any power, by the eigenvectors of SᵀS or SSᵀ, whichever is smaller.
class EnsembleHessian {
 public:
  explicit EnsembleHessian(const Matrix& s);

  std::int64_t size() const { return size_; }
  /// Eigenvectors U (N, k) of SSᵀ and its eigenvalues λ > 0 (k).
  const Matrix& vectors() const { return vectors_; }
  const Vector& values() const { return values_; }

  /// (S Sᵀ + ζ I)ᵉ = ζᵉ I + U ((λ + ζ)ᵉ − ζᵉ) Uᵀ.
  Matrix power(double exponent, double zeta) const;
  /// (S Sᵀ + ζ I)⁻¹ v.
  Vector solve(const Vector& v, double zeta) const;

 private:
  std::int64_t size_;
  Matrix vectors_;
  Vector values_;
};

}  // namespace sda
