/// What the networks of this module are made of; private to it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/arithmetic.hpp"
#include "sda/prior/network.hpp"

namespace sda {

/// Collects parameters under dotted names, each drawn from its own stream: uniform on ±1/√fan_in.
class ParameterMaker {
 public:
  ParameterMaker(std::vector<NamedTensor>& parameters, std::uint64_t seed) : parameters_(parameters), seed_(seed) {}
  /// Adds NAME.weight (out, in, …kernel) and NAME.bias (out); returns the index of the weight, the bias follows it.
  std::size_t add_affine(const std::string& name, at::IntArrayRef weight_shape);

 private:
  Tensor draw(at::IntArrayRef shape, double bound);
  std::vector<NamedTensor>& parameters_;
  std::uint64_t seed_;
};

Tensor apply(Activation activation, const Tensor& x);

/// (x − mean) / √(variance + 1e-5) over `axis`, with the unbiased variance and nothing learned.
Tensor layer_norm(const Tensor& x, std::int64_t axis);

/// Fourier features of a time, (cos, sin)(π j t), j = 1 … 16: t (n) or () → (n, 32) or (32).
Tensor fourier_features(const Tensor& t, at::ScalarType dtype);

/// What kernels multiply in for a precision. Throws UsageError where the processor has no bfloat16.
kernels::Arithmetic arithmetic_of(Precision precision);

/// Values of their own, for a kernel that outlives training.
std::vector<NamedTensor> copy_of(const std::vector<NamedTensor>& parameters);

/// Features (cos, sin)(π j t), j = 1 … 16, then Linear 32→256, SiLU, Linear 256→features.
class TimeEmbedding {
 public:
  TimeEmbedding(ParameterMaker& maker, std::int64_t features);
  /// t (n) or () → (n, features) or (features).
  Tensor forward(const std::vector<NamedTensor>& parameters, const Tensor& t) const;

 private:
  std::size_t first_, second_;
};

}  // namespace sda
