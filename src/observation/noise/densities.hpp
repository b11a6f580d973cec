/// Densities that forms of noise are made of.
#pragma once

#include <cmath>
#include <numbers>
#include <vector>

#include "core/torch.hpp"
#include "sda/observation/noise.hpp"

namespace sda::observation {

inline const double log_two_pi = std::log(2 * std::numbers::pi);

/// log N(r; 0, v).
Tensor log_normal(const Tensor& r, const Tensor& v);
/// log φ(x)
Tensor log_phi(const Tensor& x);
/// Uniforms of their own beside the draws of `key`.
Tensor second_uniform(const Tensor& like, StreamKey key);

/// Σ_k f_k of functions of m, in logarithms, with first and second derivatives by m.
class LogSum {
 public:
  /// log f, f'/f and f''/f.
  void add(const Tensor& log_f, const Tensor& first, const Tensor& second);
  MarginalLikelihood result() const;

 private:
  Tensor top_, sum_, first_, second_;
};

/// One Gaussian of a mixture, in units of σ.
struct Component {
  double log_weight, mean, scale;
};
/// Of r = y − m. Gaussians convolved with a Gaussian are Gaussians: exact.
MarginalLikelihood of_mixture(const std::vector<Component>& components, const Tensor& r, const Tensor& sigma,
                              const Tensor& variance);

}  // namespace sda::observation
