/// Densities that forms of noise are made of, and the marginal of those that have no closed form.
#include "observation/noise/densities.hpp"

namespace sda::observation {

Tensor log_normal(const Tensor& r, const Tensor& v) {
  return -(r.square() / v + v.log() + log_two_pi) / 2;
}

Tensor log_phi(const Tensor& x) {
  return -(x.square() + log_two_pi) / 2;
}

Tensor second_uniform(const Tensor& like, StreamKey key) {
  key.purpose = Purpose::observation_form;
  return uniform(like.sizes(), key, at::kDouble);
}

void LogSum::add(const Tensor& log_f, const Tensor& first, const Tensor& second) {
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

MarginalLikelihood LogSum::result() const {
  const Tensor score = first_ / sum_;
  return {top_ + sum_.log(), score, score.square() - second_ / sum_};
}

MarginalLikelihood of_mixture(const std::vector<Component>& components, const Tensor& r, const Tensor& sigma,
                              const Tensor& variance) {
  LogSum sum;
  for (const auto& c : components) {
    const Tensor v = (sigma * c.scale).square() + variance, d = r - sigma * c.mean, slope = d / v;
    sum.add(log_normal(d, v) + c.log_weight, slope, slope.square() - 1 / v);
  }
  return sum.result();
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
