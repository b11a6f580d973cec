/// What all networks share: parameters, first weights, normalisation, the embedding of time.
#include "sda/prior/network.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "core/torch.hpp"
#include "prior/networks.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/prior/denoising_gradient.hpp"

namespace sda {

namespace {

const NamedTensor* find(const std::vector<NamedTensor>& values, const std::string& name) {
  for (const auto& value : values)
    if (value.name == name) return &value;
  return nullptr;
}

void require_fits(const NamedTensor& own, const NamedTensor* given, const std::string& where) {
  const std::string parameter = "parameter \"" + own.name + "\"";
  if (given == nullptr)
    throw FileError({.what = parameter + " is missing",
                     .where = where,
                     .hint = "the file holds another network than its configuration says"});
  if (given->value.sizes() != own.value.sizes())
    throw FileError({.what = parameter + " has another shape",
                     .where = where,
                     .found = to_string(given->value.sizes()),
                     .expected = to_string(own.value.sizes())});
  if (given->value.scalar_type() != own.value.scalar_type())
    throw FileError({.what = parameter + " has another type",
                     .where = where,
                     .found = c10::toString(given->value.scalar_type()),
                     .expected = c10::toString(own.value.scalar_type())});
  if (!at::isfinite(given->value).all().item<bool>())
    throw FileError({.what = parameter + " holds values that are not finite", .where = where});
}

void require_flat_size(const Tensor& flat, const std::vector<NamedTensor>& parameters) {
  std::int64_t total = 0;
  for (const auto& parameter : parameters) total += parameter.value.numel();
  if (flat.dim() != 1 || flat.numel() != total)
    throw ShapeError({.what = "flat weights do not fit the network",
                      .where = "Network",
                      .found = to_string(flat.sizes()),
                      .expected = fmt::format("{}", total)});
}

}  // namespace

void Network::load(const std::vector<NamedTensor>& values, const std::string& where) {
  if (values.size() != parameters_.size())
    throw FileError({.what = "the network has another number of parameters",
                     .where = where,
                     .found = fmt::format("{}", values.size()),
                     .expected = fmt::format("{}", parameters_.size()),
                     .hint = "the file holds another network than its configuration says"});
  for (const auto& own : parameters_) require_fits(own, find(values, own.name), where);
  at::NoGradGuard no_grad;
  for (auto& own : parameters_) own.value.copy_(find(values, own.name)->value);
}

std::shared_ptr<const DifferentiableScore> Network::fused_score(std::int64_t, std::int64_t, Precision) const {
  return nullptr;
}

std::unique_ptr<DenoisingGradient> Network::fused_gradient(const Tensor&, Precision) const {
  return nullptr;
}

kernels::Arithmetic arithmetic_of(Precision precision) {
  if (precision == Precision::float32) return kernels::Arithmetic::float32;
  const kernels::Arithmetic best = kernels::best_bfloat16();
  if (precision == Precision::bfloat16 && best == kernels::Arithmetic::float32)
    throw UsageError({.what = "this processor multiplies no bfloat16",
                      .where = "precision",
                      .found = kernels::instruction_set(),
                      .expected = "AMX-BF16 or AVX512_BF16",
                      .hint = "set precision = \"auto\" or \"float32\""});
  return best;
}

std::vector<NamedTensor> copy_of(const std::vector<NamedTensor>& parameters) {
  std::vector<NamedTensor> values;
  for (const auto& parameter : parameters) values.push_back({parameter.name, parameter.value.detach().clone()});
  return values;
}

void Network::to(at::ScalarType dtype) {
  for (auto& parameter : parameters_) parameter.value = parameter.value.detach().to(dtype);
}

void Network::to(at::Device device) {
  for (auto& parameter : parameters_) parameter.value = parameter.value.detach().to(device);
}

at::Device Network::device() const {
  return parameters_.front().value.device();
}

at::ScalarType Network::dtype() const {
  return parameters_.front().value.scalar_type();
}

void Network::bind(const Tensor& flat, const Tensor& flat_gradient) {
  require_flat_size(flat, parameters_);
  require_flat_size(flat_gradient, parameters_);
  std::int64_t begin = 0;
  for (auto& parameter : parameters_) {
    const std::int64_t size = parameter.value.numel();
    const Shape shape = parameter.value.sizes().vec();
    parameter.value = flat.narrow(0, begin, size).view(shape).detach().requires_grad_(true);
    parameter.value.mutable_grad() = flat_gradient.narrow(0, begin, size).view(shape);
    begin += size;
  }
}

Tensor Network::flat_values() const {
  std::vector<Tensor> parts;
  for (const auto& parameter : parameters_) parts.push_back(parameter.value.detach().reshape({-1}));
  return at::cat(parts);
}

void Network::set_flat_values(const Tensor& flat) {
  require_flat_size(flat, parameters_);
  at::NoGradGuard no_grad;
  std::int64_t begin = 0;
  for (auto& parameter : parameters_) {
    const std::int64_t size = parameter.value.numel();
    parameter.value.copy_(flat.narrow(0, begin, size).view(parameter.value.sizes()));
    begin += size;
  }
}

Tensor ParameterMaker::draw(at::IntArrayRef shape, double bound) {
  const StreamKey key{seed_, Purpose::network_weights, parameters_.size(), 0};
  return uniform(prepend({1}, shape), key).squeeze(0).mul_(2 * bound).sub_(bound);
}

std::size_t ParameterMaker::add_affine(const std::string& name, at::IntArrayRef weight_shape) {
  const std::size_t index = parameters_.size();
  const double bound = 1 / std::sqrt(static_cast<double>(count(weight_shape.slice(1))));
  parameters_.push_back({name + ".weight", draw(weight_shape, bound)});
  parameters_.push_back({name + ".bias", draw(weight_shape.slice(0, 1), bound)});
  return index;
}

Tensor apply(Activation activation, const Tensor& x) {
  switch (activation) {
    case Activation::silu:
      return at::silu(x);
    case Activation::relu:
      return at::relu(x);
    case Activation::elu:
      return at::elu(x);
    case Activation::gelu:
      return at::gelu(x);
    case Activation::selu:
      return at::selu(x);
  }
  return x;
}

Tensor layer_norm(const Tensor& x, std::int64_t axis) {
  // Not at::layer_norm: its E[x²] − E[x]² is NaN where the variance overflows, which this form takes for infinite.
  const auto [variance, mean] = at::var_mean(x, at::IntArrayRef{axis}, /*unbiased=*/true, /*keepdim=*/true);
  return (x - mean) / (variance + 1e-5).sqrt();
}

TimeEmbedding::TimeEmbedding(ParameterMaker& maker, std::int64_t features)
    : first_(maker.add_affine("embedding.0", {256, 32})), second_(maker.add_affine("embedding.2", {features, 256})) {}

Tensor fourier_features(const Tensor& t, at::ScalarType dtype) {
  const Tensor frequency = at::arange(1, 17, t.options().dtype(dtype)) * std::numbers::pi;
  const Tensor phase = t.to(dtype).unsqueeze(-1) * frequency;
  return at::cat({phase.cos(), phase.sin()}, -1);
}

Tensor TimeEmbedding::forward(const std::vector<NamedTensor>& parameters, const Tensor& t) const {
  const Tensor& weight = parameters[first_].value;
  const Tensor features = fourier_features(t, weight.scalar_type());
  const Tensor hidden = at::silu(at::linear(features, weight, parameters[first_ + 1].value));
  return at::linear(hidden, parameters[second_].value, parameters[second_ + 1].value);
}

}  // namespace sda
