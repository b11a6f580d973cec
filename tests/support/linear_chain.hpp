/// A linear-Gaussian chain about which everything is known, observations of it, and means of independent runs.
#pragma once

#include <cmath>
#include <vector>

#include "core/torch.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "sda/observation/observations.hpp"

namespace sda::test {

inline Tensor doubles(std::vector<double> values, at::IntArrayRef shape) {
  return at::tensor(values, at::kDouble).reshape(shape);
}

/// Three states, everything non-trivial; `noise` scales Q.
inline LinearGaussianChain linear_chain(double noise = 1) {
  return LinearGaussianChain({.start_mean = doubles({1, -1, 0.5}, {3}),
                              .start_covariance = doubles({2, 0.5, 0, 0.5, 1, -0.3, 0, -0.3, 0.8}, {3, 3}),
                              .transition = doubles({0.9, 0.3, 0, -0.2, 0.8, 0.1, 0, 0.4, 0.7}, {3, 3}),
                              .offset = doubles({0.1, 0, -0.2}, {3}),
                              .noise_covariance = noise * doubles({0.3, 0.1, 0, 0.1, 0.2, 0, 0, 0, 0.1}, {3, 3})});
}

/// Components 0, 2, … of every so many states, one for each σ, normalised by mean (1, 2, 3), std (1.5, 2, 2.5).
inline Observations observe_chain(const LinearGaussianChain& dynamics, std::int64_t length, double every,
                                  std::vector<double> sigma) {
  const Tensor truth = dynamics.trajectories(dynamics.start(1, {.seed = 3}, at::kDouble), length, {.seed = 3})[0];
  std::vector<double> components;
  for (std::size_t i = 0; i < sigma.size(); ++i) components.push_back(2.0 * static_cast<double>(i));
  const Tensor one_up = at::arange(1, truth.size(1) + 1, at::kDouble);
  return observe(truth, dynamics.layout(), {.mean = one_up, .std = one_up * 0.5 + 1},
                 {{"every", {every}}, {"select", components}}, GaussianNoise(sigma), "test", 5, 0);
}

/// Mean of independent runs with its standard error.
struct Runs {
  Tensor mean, standard_error;
  explicit Runs(const std::vector<Tensor>& values) {
    const Tensor all = at::stack(values);
    mean = all.mean(0);
    standard_error = all.std(0) / std::sqrt(static_cast<double>(all.size(0)));
  }
  double largest_deviation(const Tensor& expected) const {
    return ((mean - expected).abs() / standard_error).max().item<double>();
  }
};

}  // namespace sda::test
