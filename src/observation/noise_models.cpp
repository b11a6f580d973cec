/// p(y | a) of each form of noise, and p(y | m, s²) = ∫ p(y | a) N(a; m, s²) da: in closed form where there is one
/// (Gaussian, mixture, Laplace, censored), else by the trapezoidal rule, which converges faster than any power of its
/// step on what is analytic and dies away at both ends (Student-t as a scale mixture of Gaussians, Poisson).
#include "observation/noise_models.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda::observation {
namespace {

const double log_two_pi = std::log(2 * std::numbers::pi);

/// log N(r; 0, v).
Tensor log_normal(const Tensor& r, const Tensor& v) {
  return -(r.square() / v + v.log() + log_two_pi) / 2;
}

/// log φ(x)
Tensor log_phi(const Tensor& x) {
  return -(x.square() + log_two_pi) / 2;
}

/// Uniforms of their own beside the draws of `key`.
Tensor second_uniform(const Tensor& like, StreamKey key) {
  key.purpose = Purpose::observation_form;
  return uniform(like.sizes(), key, at::kDouble);
}

/// Σ_k f_k of functions of m, in logarithms, with first and second derivatives by m.
class LogSum {
 public:
  /// log f, f'/f and f''/f.
  void add(const Tensor& log_f, const Tensor& first, const Tensor& second) {
    if (!top_.defined()) {
      top_ = log_f, sum_ = at::ones_like(log_f), first_ = first, second_ = second;
      return;
    }
    const Tensor top = at::maximum(top_, log_f);
    const Tensor before = (top_ - top).exp(), added = (log_f - top).exp();
    sum_ = sum_ * before + added;
    first_ = first_ * before + first * added;
    second_ = second_ * before + second * added;
    top_ = top;
  }
  MarginalLikelihood result() const {
    const Tensor score = first_ / sum_;
    return {top_ + sum_.log(), score, score.square() - second_ / sum_};
  }

 private:
  Tensor top_, sum_, first_, second_;
};

/// y = a + σ ε.
class Gaussian final : public NoiseModel {
 public:
  Tensor log_density(const Tensor& y, const Tensor& a, const Tensor& sigma) const override {
    const Tensor z = (y - a) / sigma;
    return -(z.square() + log_two_pi) / 2 - sigma.log();
  }
  MarginalLikelihood marginal(const Tensor& y, const Tensor& m, const Tensor& sigma,
                              const Tensor& variance) const override {
    const Tensor r = y - m, v = sigma.square() + variance;
    return {log_normal(r, v), r / v, (1 / v).expand_as(r)};
  }
  Tensor draw(const Tensor& a, const Tensor& sigma, const StreamKey& key) const override {
    return a + sigma * normal(a.sizes(), key, at::kDouble);
  }
  std::string describe() const override { return "Gaussian noise of standard deviation"; }
};

/// One Gaussian of a mixture, in units of σ.
struct Component {
  double log_weight, mean, scale;
};

/// Gaussians convolved with a Gaussian are Gaussians: exact.
MarginalLikelihood of_mixture(const std::vector<Component>& components, const Tensor& r, const Tensor& sigma,
                              const Tensor& variance) {
  LogSum sum;
  for (const auto& c : components) {
    const Tensor v = (sigma * c.scale).square() + variance, d = r - sigma * c.mean, slope = d / v;
    sum.add(log_normal(d, v) + c.log_weight, slope, slope.square() - 1 / v);
  }
  return sum.result();
}

/// y = a + σ (m_k + s_k ε) with probability w_k.
class Mixture final : public NoiseModel {
 public:
  explicit Mixture(const NoiseShape& shape) {
    for (std::size_t k = 0; k < shape.weights.size(); ++k) {
      if (shape.weights[k] == 0) continue;
      components_.push_back({std::log(shape.weights[k]), shape.means[k], shape.scales[k]});
      mean_ += shape.weights[k] * shape.means[k];
      square_ += shape.weights[k] * (shape.means[k] * shape.means[k] + shape.scales[k] * shape.scales[k]);
    }
  }
  Tensor log_density(const Tensor& y, const Tensor& a, const Tensor& sigma) const override {
    return of_mixture(components_, y - a, sigma, at::zeros_like(sigma)).log_density;
  }
  MarginalLikelihood marginal(const Tensor& y, const Tensor& m, const Tensor& sigma,
                              const Tensor& variance) const override {
    return of_mixture(components_, y - m, sigma, variance);
  }
  Tensor draw(const Tensor& a, const Tensor& sigma, const StreamKey& key) const override {
    const Tensor u = second_uniform(a, key), z = normal(a.sizes(), key, at::kDouble);
    Tensor of_unit = at::empty_like(a);
    double reached = 0;
    for (const auto& c : components_) {
      of_unit = at::where(u >= reached, c.mean + c.scale * z, of_unit);
      reached += std::exp(c.log_weight);
    }
    return a + sigma * of_unit;
  }
  Tensor variance(const Tensor& a, const Tensor& sigma) const override {
    return (sigma.square() * (square_ - mean_ * mean_)).expand_as(a);
  }
  Tensor standardised(const Tensor& y, const Tensor& a, const Tensor& sigma) const override {
    return ((y - a) / sigma - mean_) / std::sqrt(square_ - mean_ * mean_);
  }
  std::string describe() const override {
    return fmt::format("noise of a mixture of {} Gaussians in units of", components_.size());
  }

 private:
  std::vector<Component> components_;
  double mean_ = 0, square_ = 0;
};

/// Student-t of ν degrees of freedom as Gaussians of variance 1/λ, λ ~ Γ(ν/2, ν/2), by the trapezoidal rule over log λ.
/// The step is a share of the width of λ given a departure, √(2 / (ν + 1)); the widest Gaussians serve departures of
/// 10⁴ σ.
std::vector<Component> student_components(double freedom) {
  const double half = freedom / 2, step = std::min(0.4, 0.9 * std::sqrt(2 / (freedom + 1)));
  const double first = std::log(freedom + 1) - 2 * std::log(1e4) - 3 - 20 / freedom;
  const double log_norm = half * std::log(half) - std::lgamma(half) + std::log(step);
  std::vector<Component> components;
  for (double u = first; u < 0 || half * (std::exp(u) - 1 - u) < 40; u += step) {
    components.push_back({log_norm + half * (u - std::exp(u)), 0, std::exp(-u / 2)});
  }
  return components;
}

/// y = a + σ T, T of Student's distribution.
class StudentT final : public NoiseModel {
 public:
  explicit StudentT(double freedom) : freedom_(freedom), components_(student_components(freedom)) {}
  Tensor log_density(const Tensor& y, const Tensor& a, const Tensor& sigma) const override {
    const double norm =
        std::lgamma((freedom_ + 1) / 2) - std::lgamma(freedom_ / 2) - std::log(freedom_ * std::numbers::pi) / 2;
    return norm - sigma.log() - (freedom_ + 1) / 2 * (((y - a) / sigma).square() / freedom_).log1p();
  }
  MarginalLikelihood marginal(const Tensor& y, const Tensor& m, const Tensor& sigma,
                              const Tensor& variance) const override {
    return of_mixture(components_, y - m, sigma, variance);
  }
  /// Bailey (1994): √(ν (U^(−2/ν) − 1)) cos 2πV.
  Tensor draw(const Tensor& a, const Tensor& sigma, const StreamKey& key) const override {
    const Tensor radius = (freedom_ * at::expm1(second_uniform(a, key).log() * (-2 / freedom_))).sqrt();
    return a + sigma * radius * (2 * std::numbers::pi * uniform(a.sizes(), key, at::kDouble)).cos();
  }
  Tensor variance(const Tensor& a, const Tensor& sigma) const override {
    return (sigma.square() * (freedom_ > 2 ? freedom_ / (freedom_ - 2) : std::numeric_limits<double>::infinity()))
        .expand_as(a);
  }
  Tensor standardised(const Tensor& y, const Tensor& a, const Tensor& sigma) const override {
    return (y - a) / sigma * (freedom_ > 2 ? std::sqrt((freedom_ - 2) / freedom_) : 1.0);
  }
  std::string describe() const override {
    return fmt::format("Student-t noise with {} degrees of freedom and scale", freedom_);
  }

 private:
  double freedom_;
  std::vector<Component> components_;
};

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

std::shared_ptr<const NoiseModel> make_noise_model(const NoiseShape& shape) {
  if (shape.kind == "student_t") return std::make_shared<StudentT>(shape.degrees_of_freedom);
  if (shape.kind == "laplace") return std::make_shared<Laplace>();
  if (shape.kind == "mixture") return std::make_shared<Mixture>(shape);
  if (shape.kind == "censored") return std::make_shared<Censored>(shape.bounds[0], shape.bounds[1]);
  if (shape.kind == "poisson") return std::make_shared<Poisson>();
  return std::make_shared<Gaussian>();
}

}  // namespace sda::observation

namespace sda {

/// Of two grids of the trapezoidal rule, a = m + s z, which resolves the Gaussian, and a = y + σ sinh u, which resolves
/// the noise: close around y, ever wider away from it, where noise with tails is smooth. Each node counts by its grid's
/// share of a smooth partition of unity that follows the finer grid. Derivatives by m fall on the Gaussian alone.
MarginalLikelihood NoiseModel::marginal(const Tensor& y, const Tensor& m, const Tensor& sigma,
                                        const Tensor& variance) const {
  constexpr double step_z = 0.125, reach_z = 16, step_u = 0.1, reach_u = 16, sharpness = 8;
  const Tensor s = variance.sqrt();
  observation::LogSum sum;
  const auto add = [&](const Tensor& a, const Tensor& width, double this_grid) {
    const Tensor z = (a - m) / s, slope = z / s;
    const Tensor fineness_z = -s.log() - z.square() / 50, fineness_u = -at::hypot(sigma, a - y).log();
    const Tensor log_share = at::log_sigmoid(sharpness * this_grid * (fineness_z - fineness_u));
    const Tensor log_f = log_density(y, a, sigma) + observation::log_normal(a - m, variance) + width.log() + log_share;
    // Where an observation cannot be, log_density may be −∞, of which LogSum would make NaN.
    sum.add(log_f.clamp_min(-1e300), slope, slope.square() - 1 / variance);
  };
  const auto nodes = [](double reach, double step) { return static_cast<int>(std::ceil(reach / step)); };
  for (int i = -nodes(reach_z, step_z); i <= nodes(reach_z, step_z); ++i) add(m + s * (i * step_z), s * step_z, 1);
  const double farthest = (((y - m).abs() + reach_z * s) / sigma).max().item<double>();
  const int last = nodes(std::min(reach_u, std::asinh(farthest)), step_u);
  for (int i = -last; i <= last; ++i) {
    add(y + sigma * std::sinh(i * step_u), sigma * (std::cosh(i * step_u) * step_u), -1);
  }
  return sum.result();
}

Tensor NoiseModel::variance(const Tensor& a, const Tensor& sigma) const {
  return sigma.square().expand_as(a);
}

Tensor NoiseModel::standardised(const Tensor& y, const Tensor& a, const Tensor& sigma) const {
  return (y - a) / sigma;
}

}  // namespace sda
