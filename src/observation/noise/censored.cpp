/// Gaussian noise of an instrument that shows nothing beyond its bounds; its marginal is closed.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "observation/noise/densities.hpp"
#include "observation/noise/kinds.hpp"
#include "sda/core/error.hpp"

namespace sda::observation {
namespace {

/// y = a + σ ε, shown as the bound where it is beyond one.
class Censored final : public NoiseModel {
 public:
  Censored(double min, double max) : min_(min), max_(max) {}

  Tensor log_density(const Tensor& y, const Tensor& a, const Tensor& sigma) const override {
    return marginal(y, a, sigma, at::zeros_like(sigma)).log_density;
  }
  /// With τ² = σ² + s²: N(y; m, τ²) within, Φ((least − m)/τ) and Φ((m − most)/τ) at the bounds. Exact.
  MarginalLikelihood marginal(const Tensor& y, const Tensor& m, const Tensor& sigma,
                              const Tensor& variance) const override {
    const Tensor v = sigma.square() + variance, tau = v.sqrt(), r = y - m;
    const Tensor below = is_at(min_, 1, y, sigma), above = is_at(max_, -1, y, sigma);
    // At the upper bound everything is mirrored.
    const Tensor x = at::where(above, (m - max_) / tau, (min_ - m) / tau);
    const Tensor log_mass = at::special_log_ndtr(x), mills = (log_phi(x) - log_mass).exp();
    const Tensor at_bound = below.logical_or(above);
    return {at::where(at_bound, log_mass, log_normal(r, v)),
            at::where(at_bound, at::where(above, mills, -mills) / tau, r / v),
            at::where(at_bound, mills * (mills + x) / v, 1 / v)};
  }
  Tensor draw(const Tensor& a, const Tensor& sigma, const StreamKey& key) const override {
    return (a + sigma * normal(a.sizes(), key, at::kDouble)).clamp(min_, max_);
  }
  Tensor variance(const Tensor& a, const Tensor& sigma) const override {
    // Of ε cut at α and β; 40 σ away is nowhere.
    const Tensor alpha = std::isfinite(min_) ? (min_ - a) / sigma : at::full_like(a, -40);
    const Tensor beta = std::isfinite(max_) ? (max_ - a) / sigma : at::full_like(a, 40);
    const Tensor p = at::special_ndtr(alpha), q = at::special_ndtr(-beta);
    const Tensor f = log_phi(alpha).exp(), g = log_phi(beta).exp();
    const Tensor mean = alpha * p + beta * q + f - g;
    const Tensor square = alpha.square() * p + beta.square() * q + 1 - p - q + alpha * f - beta * g;
    return sigma.square() * (square - mean.square());
  }
  Tensor standardised(const Tensor& y, const Tensor& a, const Tensor& sigma) const override {
    // A bound says no more than that the prediction lies beyond it.
    const Tensor z = (y - a) / sigma;
    return at::where(is_at(min_, 1, y, sigma), z.clamp_max(0), at::where(is_at(max_, -1, y, sigma), z.clamp_min(0), z));
  }
  void check(const Tensor& y, const Tensor& sigma) const override {
    const Tensor wrong = (y < min_ - slack(min_, sigma)).logical_or(y > max_ + slack(max_, sigma));
    if (!wrong.any().item<bool>()) return;
    throw ValueError({.what = "an observation beyond the bounds of its instrument",
                      .found = fmt::format("{}", y.masked_select(wrong)[0].item<double>()),
                      .expected = fmt::format("within [{}, {}]", min_, max_)});
  }
  std::string describe() const override {
    return fmt::format("Gaussian noise, censored to [{}, {}], of standard deviation", min_, max_);
  }

 private:
  /// What float32 may have made of a bound.
  static Tensor slack(double bound, const Tensor& sigma) { return 1e-6 * (std::abs(bound) + sigma); }
  /// Whether y is this bound; `inwards` 1 for the lower one. Never for one that is infinite.
  static Tensor is_at(double bound, int inwards, const Tensor& y, const Tensor& sigma) {
    if (!std::isfinite(bound)) return at::zeros_like(y, at::kBool);
    return (y - bound) * inwards <= slack(bound, sigma);
  }
  double min_, max_;
};

}  // namespace

NoiseKind censored_noise() {
  return {.name = "censored",
          .help = "Gaussian, cut at the instrument's bounds",
          .parameters = {"bounds"},
          .make =
              [](const NoiseShape& shape) {
                const auto& bounds = shape.bounds;
                if (bounds.size() != 2 || !(bounds[0] < bounds[1])) {
                  refuse_parameter("bounds", bounds.empty() ? "none" : fmt::format("{}", fmt::join(bounds, ", ")),
                                   "[least, most], the least below the most");
                }
                return std::make_shared<Censored>(bounds[0], bounds[1]);
              },
          .example = {.kind = "censored", .bounds = {0.2, 1.3}}};
}

}  // namespace sda::observation
