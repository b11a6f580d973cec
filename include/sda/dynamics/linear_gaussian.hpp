/// Linear-Gaussian chains: everything about them is known in closed form.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sda/core/fields.hpp"
#include "sda/dynamics/dynamics.hpp"

namespace sda {

/// x_1 ~ N(m_1, P_1), x_{i+1} = A x_i + b + N(0, Q). All float64.
struct LinearGaussianParameters {
  Tensor start_mean;        ///< m_1 (d)
  Tensor start_covariance;  ///< P_1 (d, d)
  Tensor transition;        ///< A (d, d)
  Tensor offset;            ///< b (d)
  Tensor noise_covariance;  ///< Q (d, d)
  double dt = 1.0;
  std::string name = "linear_gaussian";
};

class LinearGaussianChain final : public Dynamics {
 public:
  /// Throws ShapeError, or ValueError if a covariance is not symmetric positive semi-definite.
  explicit LinearGaussianChain(LinearGaussianParameters parameters);

  std::string name() const override;
  StateLayout layout() const override;
  Normalisation normalisation() const override;
  Tensor start(std::int64_t members, const StreamKey& key, at::ScalarType dtype) const override;
  void advance(Tensor& x, std::int64_t steps, const StreamKey& key) const override;
  Tensor trajectories(const Tensor& start, std::int64_t length, const StreamKey& key,
                      const ProgressCallback& progress = {}) const override;
  /// Whether Q is positive definite.
  bool is_stochastic() const override;
  Tensor log_transition(const Tensor& from, const Tensor& to) const override;

  const LinearGaussianParameters& parameters() const { return parameters_; }
  /// Mean (length, d) and covariance (length d, length d) of x_1:length.
  std::pair<Tensor, Tensor> joint(std::int64_t length) const;
  /// Mean (d) and covariance (d, d) of the distribution that the chain settles in. Throws UnsupportedError if it does
  /// not.
  std::pair<Tensor, Tensor> stationary() const;

 private:
  /// Mean and covariance of the stationary distribution, if there is one.
  std::optional<std::pair<Tensor, Tensor>> stationary_moments() const;
  /// `steps` transitions of x in place; the states passed go to all[:, first …] if given.
  void march(Tensor& x, std::int64_t steps, const StreamKey& key, Tensor* all, std::int64_t first) const;

  LinearGaussianParameters parameters_;
  Tensor start_factor_, noise_factor_;  // Cholesky factors of P_1 and Q
};

/// A rotation that shrinks, with noise that keeps its variance.
struct RotationParameters {
  double r = 0.97;     ///< contraction of a step, 0 … 1
  double angle = 0.3;  ///< of a step, rad
};
template <class Visitor>
void fields(Visitor& v, RotationParameters& p) {
  v("r", p.r, "rotation: contraction", between(0, 1));
  v("angle", p.angle, "rotation: angle a step, rad", any());
}

/// A chain given by its numbers: x_1 ~ N(0, I), x_{i+1} = A x_i + N(0, Q).
struct LinearParameters {
  std::vector<double> transition{};  ///< A, row by row
  std::vector<double> innovation{};  ///< Q's diagonal, or all of it row by row
};
template <class Visitor>
void fields(Visitor& v, LinearParameters& p) {
  v("transition", p.transition, "linear: A of x(i+1) = A x(i) + noise from N(0, I) on, d x d numbers row by row",
    or_none(any()));
  v("innovation", p.innovation, "linear: variances of that noise, d numbers, or its covariance, d x d", or_none(any()));
}

/// The damped spring of the reference: position, velocity and acceleration of a mass on a spring under drag, and the
/// wind that drives it.
LinearGaussianChain damped_spring(double dt = 0.01);
/// x_1 ~ N(0, I) in R², x_{i+1} = A x_i + N(0, (1 − r²) I), A = r × rotation by `angle` rad.
LinearGaussianChain rotation_chain(double r = 0.97, double angle = 0.3);
/// x_{i+1} = a x_i + b x_{i−τ} + noise, of variance 1 where it settles; a state holds x_i, …, x_{i−τ}, and x_i alone is
/// no Markov chain unless τ = 0. Throws UnsupportedError where it does not settle.
LinearGaussianChain delay_chain(double a, double b, std::int64_t delay);

}  // namespace sda
