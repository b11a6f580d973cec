/// An instrument's noise: σ, and observations of many times and members through its form.
#include "sda/observation/noise.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "core/torch.hpp"
#include "observation/noise/kinds.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

void check_sigma(const std::vector<double>& sigma) {
  if (sigma.empty()) {
    throw ValueError({.what = "observation noise has no standard deviation", .expected = "at least one number > 0"});
  }
  for (const auto value : sigma) {
    if (!(value > 0) || !std::isfinite(value)) {
      throw ValueError({.what = "observation noise σ is not a standard deviation",
                        .found = fmt::format("{}", value),
                        .expected = "a finite number > 0"});
    }
  }
}

void require_observations(const Tensor& y, const Tensor& observations) {
  if (observations.dim() < 2 || observations.sizes().slice(1) != y.sizes()) {
    throw ShapeError({.what = "observations do not have the observations' shape",
                      .found = to_string(observations.sizes()),
                      .expected = "members × " + to_string(y.sizes())});
  }
}

}  // namespace

Noise::Noise(std::vector<double> sigma, NoiseShape shape) : sigma_(std::move(sigma)), shape_(std::move(shape)) {
  check_sigma(sigma_);
  model_ = observation::make_noise_model(shape_);
}

Tensor Noise::sigma(at::IntArrayRef observation, at::ScalarType dtype) const {
  const auto all = at::tensor(sigma_, at::kDouble).to(dtype);
  if (sigma_.size() == 1) return all.reshape({}).expand(observation);
  if (std::ssize(sigma_) != count(observation)) {
    throw ShapeError(
        {.what = "observation noise does not fit the observation",
         .found = fmt::format("{} standard deviations", sigma_.size()),
         .expected = fmt::format("1 or {}, for an observation {}", count(observation), to_string(observation))});
  }
  return all.reshape(observation);
}

Tensor Noise::log_prob(const Tensor& y, const Tensor& observations) const {
  require_observations(y, observations);
  const auto s = sigma(y.sizes().slice(1), at::kDouble);
  return model_->log_density(y.to(at::kDouble), observations.to(at::kDouble), s).flatten(1).sum(1);
}

Tensor Noise::draw(const Tensor& observations, const StreamKey& key) const {
  return model_->draw(observations, sigma(observations.sizes().slice(2), at::kDouble), key);
}

Tensor Noise::standardised(const Tensor& y, const Tensor& observations) const {
  require_observations(y, observations);
  const auto s = sigma(y.sizes().slice(1), at::kDouble);
  return model_->standardised(y.to(at::kDouble), observations.to(at::kDouble), s);
}

Noise Noise::scaled(double factor) const {
  std::vector<double> sigma = sigma_;
  for (double& value : sigma) value *= factor;
  return Noise(std::move(sigma), shape_);
}

std::string Noise::describe() const {
  return fmt::format("{} {}", model_->describe(), fmt::join(sigma_, ", "));
}

}  // namespace sda
