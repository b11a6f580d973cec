/// Poisson noise of counts, whose marginal is an integral by the trapezoidal rule.
#include <fmt/format.h>

#include "observation/noise/densities.hpp"
#include "observation/noise/kinds.hpp"
#include "sda/core/error.hpp"

namespace sda::observation {
namespace {

/// y = σ N, N ~ Poisson(a / σ); a below 0 is taken for 0.
class Poisson final : public NoiseModel {
 public:
  Tensor log_density(const Tensor& y, const Tensor& a, const Tensor& sigma) const override {
    const Tensor n = (y / sigma).round(), rate = (a / sigma).clamp_min(0);
    return at::special_xlogy(n, rate) - rate - (n + 1).lgamma();
  }
  /// [n = 0] Φ(−m/s) + ∫ e^((n + 1) z − e^z) / n! N(e^z; m, s²) dz, all in counts: the trapezoidal rule over x, with z
  /// = log a at the integrand's mode + 2 sinh(x / 2) of its widths there, so that its long left tail is reached. With
  /// f(a) = aⁿ e⁻ᵃ / n!, ∂f/∂m = f' and ∂²f/∂m² = f'' under the integral, and f'(0) N(0; m, s²) more: f' jumps at 0 by
  /// 1 for n = 1, by −1 for n = 0.
  MarginalLikelihood marginal(const Tensor& y, const Tensor& mean, const Tensor& sigma,
                              const Tensor& variance) const override {
    const Tensor n = (y / sigma).round(), m = mean / sigma, v = variance / sigma.square();
    const Tensor s = v.sqrt(), b = m - v, root = (b.square() + 4 * (n + 1) * v).sqrt();
    const Tensor mode = at::where(b > 0, (b + root) / 2, 2 * (n + 1) * v / (root - b));
    const Tensor width = (n + 1 + mode.square() / v).rsqrt();
    // Counts where none can be: −m²/2s² stands before the integral, or nothing would be left of what is within.
    const Tensor none = n.eq(0), apart = m.lt(0).logical_and(none.logical_not()), zero = at::zeros_like(mode);
    const Tensor before = at::where(apart, m.square() / (2 * v), zero);
    const auto log_gauss = [&](const Tensor& a) {  // but for `before`
      const Tensor square = at::where(apart, a * (a - 2 * m), (a - m).square());
      return -(square / v + v.log() + log_two_pi) / 2;
    };
    const Tensor log_mode = mode.log(), log_factorial = (n + 1).lgamma();
    constexpr double step = 0.2;
    LogSum sum;
    for (int node = 0; node <= 75; ++node) {  // x from −9 to 6
      const double x = -9 + step * node;
      const Tensor z = log_mode + 2 * std::sinh(x / 2) * width, a = z.exp(), over = n / a;
      const Tensor dz = step * std::cosh(x / 2) * width;
      const Tensor log_f = (n + 1) * z - a - log_factorial + log_gauss(a) + dz.log();
      sum.add(log_f, over - 1, over.square() - over / a - 2 * over + 1);
    }
    const Tensor never = at::full_like(mode, -1e300);
    sum.add(at::where(none, at::special_log_ndtr(-m / s), never), zero, zero);
    const auto [log_density, score, curvature] = sum.result();
    const Tensor jump = n.eq(1).to(at::kDouble) - none.to(at::kDouble);
    const Tensor at_zero = at::where(n.le(1), log_gauss(zero) - log_density, never).exp() * jump;
    return {log_density - before, score / sigma, (curvature - at_zero) / sigma.square()};
  }
  /// The least n whose P(N ≤ n) = Q(n + 1, a/σ) reaches a uniform, by bisection.
  Tensor draw(const Tensor& a, const Tensor& sigma, const StreamKey& key) const override {
    const Tensor u = uniform(a.sizes(), key, at::kDouble), rate = (a / sigma).clamp_min(0);
    Tensor max = (rate + 12 * rate.sqrt() + 40).ceil(), below = at::full_like(max, -1);
    while ((max - below).gt(1).any().item<bool>()) {
      const Tensor middle = ((below + max) / 2).floor();
      const Tensor reaches = at::special_gammaincc(middle + 1, rate) >= u;
      max = at::where(reaches, middle, max);
      below = at::where(reaches, below, middle);
    }
    return max * sigma;
  }
  Tensor variance(const Tensor& a, const Tensor& sigma) const override { return sigma * a.clamp_min(0); }
  /// Anscombe's transform, whose variance is nearly 1.
  Tensor standardised(const Tensor& y, const Tensor& a, const Tensor& sigma) const override {
    return 2 * ((y / sigma + 0.375).sqrt() - ((a / sigma).clamp_min(0) + 0.375).sqrt());
  }
  void check(const Tensor& y, const Tensor& sigma) const override {
    const Tensor n = y / sigma, wrong = ((n - n.round()).abs() > 1e-6 * n.abs().clamp_min(1)).logical_or(n < -1e-6);
    if (!wrong.any().item<bool>()) return;
    throw ValueError({.what = "an observation that is no number of counts",
                      .found = fmt::format("{}", y.masked_select(wrong)[0].item<double>()),
                      .expected = "a whole multiple of sigma, 0 or more",
                      .hint = "sigma is the value of one count"});
  }
  std::string describe() const override { return "Poisson noise in counts of"; }
};

}  // namespace

NoiseKind poisson_noise() {
  return {.name = "poisson",
          .help = "counts; sigma the value of one",
          .make = [](const NoiseShape&) { return std::make_shared<Poisson>(); },
          .example = {.kind = "poisson"}};
}

}  // namespace sda::observation
