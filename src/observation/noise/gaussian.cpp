/// Gaussian noise.
#include "observation/noise/densities.hpp"
#include "observation/noise/kinds.hpp"

namespace sda::observation {
namespace {

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
  bool is_gaussian() const override { return true; }
  std::string describe() const override { return "Gaussian noise of standard deviation"; }
};

}  // namespace

NoiseKind gaussian_noise() {
  return {.name = "gaussian",
          .make = [](const NoiseShape&) { return std::make_shared<Gaussian>(); },
          .example = {.kind = "gaussian"}};
}

}  // namespace sda::observation
