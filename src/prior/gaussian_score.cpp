/// The exact score of a perturbed Gaussian: x(t) ~ N(μ m, μ² Σ + σ² I), so ε = σ (μ² Σ + σ² I)⁻¹ (x − μ m).
#include <fmt/format.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/prior/scores.hpp"

namespace sda {

namespace {

/// ε is affine in x: ε = M (x − c) with M symmetric.
class AffineLinearisation final : public Linearisation {
 public:
  AffineLinearisation(Tensor epsilon, Tensor matrix) : epsilon_(std::move(epsilon)), matrix_(std::move(matrix)) {}
  const Tensor& epsilon() const override { return epsilon_; }
  Tensor vjp(const Tensor& v) const override {
    return at::matmul(v.flatten(1).to(at::kDouble), matrix_).to(v.scalar_type()).view(v.sizes());
  }

 private:
  Tensor epsilon_, matrix_;
};

class GaussianScore final : public DifferentiableScore {
 public:
  GaussianScore(NoiseSchedule schedule, const Tensor& mean, const Tensor& covariance)
      : schedule_(std::move(schedule)), mean_(mean.to(at::kDouble)) {
    const std::int64_t n = mean_.numel();
    if (covariance.sizes() != at::IntArrayRef({n, n}))
      throw ShapeError({.what = "covariance does not fit the mean",
                        .where = "Gaussian score",
                        .found = to_string(covariance.sizes()),
                        .expected = fmt::format("{} × {}", n, n)});
    const Tensor sigma = covariance.to(at::kDouble);
    if (!at::allclose(sigma, sigma.t(), 1e-9, 1e-12))
      throw ValueError({.what = "covariance is not symmetric", .where = "Gaussian score"});
    std::tie(variance_, basis_) = at::linalg_eigh((sigma + sigma.t()) / 2);
  }

  Tensor epsilon(const Tensor& x, double t) const override { return epsilon(x, t, matrix(t)); }

  std::unique_ptr<Linearisation> linearise(const Tensor& x, double t) const override {
    Tensor m = matrix(t);
    Tensor value = epsilon(x, t, m);
    return std::make_unique<AffineLinearisation>(std::move(value), std::move(m));
  }

 private:
  /// σ (μ² Σ + σ² I)⁻¹
  Tensor matrix(double t) const {
    const double mu = schedule_.mu(t), sigma = schedule_.sigma(t);
    return at::matmul(basis_ * (sigma / (mu * mu * variance_ + sigma * sigma)), basis_.t());
  }

  Tensor epsilon(const Tensor& x, double t, const Tensor& m) const {
    if (x.sizes().slice(1) != mean_.sizes())
      throw ShapeError({.what = "rows do not fit the Gaussian",
                        .where = "Gaussian score",
                        .found = to_string(x.sizes().slice(1)),
                        .expected = to_string(mean_.sizes())});
    const Tensor centred = x.to(at::kDouble) - schedule_.mu(t) * mean_;
    return at::matmul(centred.flatten(1), m).to(x.scalar_type()).view(x.sizes());
  }

  NoiseSchedule schedule_;
  Tensor mean_, variance_, basis_;
};

}  // namespace

std::shared_ptr<const DifferentiableScore> make_gaussian_score(NoiseSchedule schedule, const Tensor& mean,
                                                               const Tensor& covariance) {
  return std::make_shared<GaussianScore>(std::move(schedule), mean, covariance);
}

}  // namespace sda
