/// Noise of a mixture of Gaussians.
#include <fmt/format.h>

#include "observation/noise/densities.hpp"
#include "observation/noise/kinds.hpp"

namespace sda::observation {
namespace {

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

void check_mixture(const NoiseShape& shape) {
  const auto n = shape.weights.size();
  if (n == 0) refuse_parameter("weights", "none", "a weight for each Gaussian of the mixture");
  const auto expected = fmt::format("{} numbers, as there are weights", n);
  if (shape.means.size() != n) refuse_parameter("means", fmt::format("{}", shape.means.size()), expected);
  if (shape.scales.size() != n) refuse_parameter("scales", fmt::format("{}", shape.scales.size()), expected);
  double sum = 0;
  for (const double w : shape.weights) {
    if (!(w >= 0)) refuse_parameter("weights", fmt::format("{}", w), "numbers ≥ 0");
    sum += w;
  }
  if (!(std::abs(sum - 1) <= 1e-9)) refuse_parameter("weights", fmt::format("a sum of {}", sum), "a sum of 1");
  for (const double m : shape.means) {
    if (!std::isfinite(m)) refuse_parameter("means", fmt::format("{}", m), "finite numbers");
  }
  for (const double s : shape.scales) {
    if (!(s > 0) || !std::isfinite(s)) refuse_parameter("scales", fmt::format("{}", s), "finite numbers > 0");
  }
}

}  // namespace

NoiseKind mixture_noise() {
  return {.name = "mixture",
          .help = "of Gaussians",
          .parameters = {"weights", "means", "scales"},
          .make =
              [](const NoiseShape& shape) {
                check_mixture(shape);
                return std::make_shared<Mixture>(shape);
              },
          .example = {.kind = "mixture", .weights = {0.9, 0.1}, .means = {0, 0}, .scales = {1, 10}}};
}

}  // namespace sda::observation
