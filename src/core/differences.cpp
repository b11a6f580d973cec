/// Weights of derivatives from the Lagrange polynomials of three points.
#include "core/differences.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sda/core/error.hpp"

namespace sda {
namespace {

/// Derivatives at x of the three Lagrange polynomials of `nodes`.
std::array<double, 3> lagrange_derivatives(const std::array<double, 3>& nodes, double x) {
  std::array<double, 3> weights{};
  for (std::size_t k = 0; k < 3; ++k) {
    const double a = nodes[(k + 1) % 3], b = nodes[(k + 2) % 3];
    weights[k] = (2 * x - a - b) / ((nodes[k] - a) * (nodes[k] - b));
  }
  return weights;
}

/// Weights along dimension `dim` of a tensor like f.
Tensor along_dimension(const Tensor& weights, std::int64_t dim, const Tensor& f) {
  Shape shape(static_cast<std::size_t>(f.dim()), 1);
  shape[static_cast<std::size_t>(dim < 0 ? dim + f.dim() : dim)] = weights.numel();
  return weights.to(f.options()).view(shape);
}

}  // namespace

AxisDerivative::AxisDerivative(const Axis& axis) {
  const auto n = axis.size();
  if (n < 3 || !axis.is_ordered()) {
    throw UnsupportedError({.what = "no derivative along an axis",
                            .where = "axis " + axis.name(),
                            .found = n < 3 ? fmt::format("{} points", n) : "coordinates in no order",
                            .expected = "at least 3 points, whose coordinates ascend or descend"});
  }
  h_ = axis.spacing();
  const bool closes = axis.ends() != AxisEnds::apart;
  is_ring_ = closes && axis.is_regular() && std::abs(axis.closing_step() - h_) <= 2e-3 * std::abs(h_);
  if (is_ring_) return;
  const auto& x = axis.points();
  std::array<std::vector<std::int64_t>, 3> index;
  std::array<std::vector<double>, 3> weight;
  const double turn = axis.closing_step() + x.back() - x.front();
  for (std::int64_t i = 0; i < n; ++i) {
    const auto first = closes ? i - 1 : std::clamp<std::int64_t>(i - 1, 0, n - 3);
    std::array<double, 3> nodes{};
    for (std::int64_t k = 0; k < 3; ++k) {
      const auto node = first + k, at = (node + n) % n;
      index[static_cast<std::size_t>(k)].push_back(at);
      nodes[static_cast<std::size_t>(k)] = x[static_cast<std::size_t>(at)] + (node < 0    ? -turn
                                                                              : node >= n ? turn
                                                                                          : 0.0);
    }
    const auto weights = lagrange_derivatives(nodes, x[static_cast<std::size_t>(i)]);
    for (std::size_t k = 0; k < 3; ++k) weight[k].push_back(weights[k]);
  }
  for (std::size_t k = 0; k < 3; ++k) {
    index_[k] = at::tensor(index[k], at::kLong);
    weight_[k] = at::tensor(weight[k], at::kDouble);
  }
}

Tensor AxisDerivative::operator()(const Tensor& f, std::int64_t dim) const {
  if (is_ring_) return central_difference(f, dim, h_);
  Tensor sum;
  for (std::size_t k = 0; k < 3; ++k) {
    const Tensor term = f.index_select(dim, index_[k].to(f.device())) * along_dimension(weight_[k], dim, f);
    sum = sum.defined() ? sum + term : term;
  }
  return sum;
}

Tensor AxisDerivative::transposed(const Tensor& v, std::int64_t dim) const {
  if (is_ring_) return central_difference(v, dim, -h_);
  Tensor sum = at::zeros_like(v);
  for (std::size_t k = 0; k < 3; ++k)
    sum.index_add_(dim, index_[k].to(v.device()), v * along_dimension(weight_[k], dim, v));
  return sum;
}

}  // namespace sda
