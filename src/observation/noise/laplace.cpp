/// Laplace noise, whose marginal is closed.
#include "observation/noise/densities.hpp"
#include "observation/noise/kinds.hpp"

namespace sda::observation {
namespace {

/// p(y | a) = exp(−|y − a| / b) / 2b, b = σ / √2.
class Laplace final : public NoiseModel {
 public:
  Tensor log_density(const Tensor& y, const Tensor& a, const Tensor& sigma) const override {
    const Tensor b = scale(sigma);
    return -(y - a).abs() / b - (2 * b).log();
  }
  /// (E₊ + E₋) / 4b with E± = exp(s²/2b² ∓ r/b) erfc((s/b ∓ r/s) / √2). E₊' = −E₊/b + g and E₋' = E₋/b − g by r, with
  /// g = √(2/π) exp(−r²/2s²) / s.
  MarginalLikelihood marginal(const Tensor& y, const Tensor& m, const Tensor& sigma,
                              const Tensor& variance) const override {
    const Tensor b = scale(sigma), r = y - m, s = variance.sqrt();
    const auto log_e = [&](const Tensor& signed_r) {
      return variance / (2 * b.square()) - signed_r / b + std::log(2.0) + at::special_log_ndtr(signed_r / s - s / b);
    };
    const Tensor plus = log_e(r), minus = log_e(-r), sum = at::logaddexp(plus, minus);
    const Tensor score = ((plus - minus) / 2).tanh() / b;
    const Tensor g = (std::log(2 / std::numbers::pi) / 2 - r.square() / (2 * variance) - s.log() - sum).exp();
    return {sum - (4 * b).log(), score, score.square() - 1 / b.square() + 2 * g / b};
  }
  Tensor draw(const Tensor& a, const Tensor& sigma, const StreamKey& key) const override {
    // −b sign(v) log(1 − |v|) of v uniform on (−1, 1).
    const Tensor v = 2 * uniform(a.sizes(), key, at::kDouble) - 1;
    return a - scale(sigma) * v.sign() * (-v.abs()).log1p();
  }
  std::string describe() const override { return "Laplace noise of standard deviation"; }

 private:
  static Tensor scale(const Tensor& sigma) { return sigma / std::numbers::sqrt2; }
};

}  // namespace

NoiseKind laplace_noise() {
  return {.name = "laplace",
          .make = [](const NoiseShape&) { return std::make_shared<Laplace>(); },
          .example = {.kind = "laplace"}};
}

}  // namespace sda::observation
