/// A noise of one's own as a plugin: Gumbel's, skewed, for observations that err upwards more than downwards, such as
/// maxima.
///     sda --plugin build/examples/libgumbel.so observe …    with    noise = "gumbel"  and  parameters = [0.78]
#include <ATen/ATen.h>

#include "sda/observation/noise.hpp"

class Gumbel final : public sda::NoiseModel {
 public:
  explicit Gumbel(double scale) : scale_(scale) {}  // in units of σ: √6/π for σ the standard deviation
  sda::Tensor log_density(const sda::Tensor& y, const sda::Tensor& a, const sda::Tensor& sigma) const override {
    const auto b = scale_ * sigma, z = (y - a) / b;
    return -z - at::exp(-z) - at::log(b);
  }
  sda::Tensor draw(const sda::Tensor& a, const sda::Tensor& sigma, const sda::StreamKey& key) const override {
    return a - scale_ * sigma * at::log(-at::log(sda::uniform(a.sizes(), key, at::kDouble)));
  }
  std::string describe() const override { return "Gumbel noise of scale"; }

 private:
  double scale_;
};

const bool known =
    sda::register_noise("gumbel", [](const auto& parameters) { return std::make_shared<Gumbel>(parameters.at(0)); });
