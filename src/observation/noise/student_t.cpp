/// Noise of Student's distribution, whose marginal is that of a mixture of many Gaussians.
#include <fmt/format.h>

#include <limits>

#include "observation/noise/densities.hpp"
#include "observation/noise/kinds.hpp"

namespace sda::observation {
namespace {

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

}  // namespace

NoiseKind student_t_noise() {
  return {.name = "student_t",
          .help = "outliers; sigma its scale",
          .parameters = {"degrees_of_freedom"},
          .make =
              [](const NoiseShape& shape) {
                const double freedom = shape.degrees_of_freedom;
                if (!(freedom >= 1 && freedom <= 100)) {
                  refuse_parameter("degrees_of_freedom", fmt::format("{}", freedom), "a number ≥ 1 and ≤ 100");
                }
                return std::make_shared<StudentT>(freedom);
              },
          .example = {.kind = "student_t", .degrees_of_freedom = 4}};
}

}  // namespace sda::observation
