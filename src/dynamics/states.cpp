// What every dynamics does with the tensors it is given.
#include "dynamics/states.hpp"

#include <algorithm>
#include <cmath>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"

namespace sda {

void check_states(const Tensor& x, at::IntArrayRef event, const std::string& dynamics, at::Device device) {
  const bool fits = x.defined() && x.dim() == static_cast<std::int64_t>(event.size()) + 1 &&
                    x.sizes().slice(1) == event && x.is_contiguous() && x.device() == device &&
                    (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble);
  if (fits) return;
  throw ShapeError({.what = "states that this dynamics cannot advance",
                    .where = dynamics,
                    .found = !x.defined() ? "no tensor"
                                          : std::string(c10::toString(x.scalar_type())) + ", " + to_string(x.sizes()) +
                                                (x.is_contiguous() ? "" : ", not contiguous"),
                    .expected = "contiguous float32 or float64, members × " + to_string(event)});
}

Tensor record_trajectories(
    const Tensor& start, const Tensor& first, std::int64_t length, std::int64_t stride,
    const ProgressCallback& progress,
    const std::function<void(Tensor& x, std::int64_t i, std::int64_t steps, Tensor& all)>& extend) {
  if (length < 1) {
    throw ValueError({.what = "a trajectory has at least one state",
                      .where = "length",
                      .found = std::to_string(length),
                      .expected = "at least 1"});
  }
  Tensor all = at::empty(prepend({first.size(0), length}, first.sizes().slice(1)), first.options());
  all.select(1, 0).copy_(first);
  Tensor x = start.clone();
  for (std::int64_t i = 0; i < length - 1; i += stride) {
    const std::int64_t steps = std::min(stride, length - 1 - i);
    extend(x, i, steps, all);
    if (progress) progress(i + steps, length - 1, "");
    StopToken::throw_if_stopped("no trajectory");
  }
  return all;
}

std::int64_t transitions_at_once(const Tensor& start) {
  return std::max<std::int64_t>(1, (1 << 22) / std::max<std::int64_t>(1, start.numel()));
}

Tensor covariance_factor(const Tensor& covariance, const std::string& what) {
  if (covariance.dim() != 2 || covariance.size(0) != covariance.size(1)) {
    throw ShapeError(
        {.what = "a covariance is a square matrix", .where = what, .found = to_string(covariance.sizes())});
  }
  const Tensor c = covariance.to(at::kDouble).contiguous();
  const double scale = c.numel() ? c.diagonal().abs().max().item<double>() : 0.0;
  const double rounding = 1e-12 * scale * static_cast<double>(c.size(0));
  const Fault fault{.what = "not symmetric positive semi-definite",
                    .where = what,
                    .expected = "the covariance of a normal distribution"};
  if (!std::isfinite(scale) || !((c - c.t()).abs() <= 1e-9 * scale).all().item<bool>()) throw ValueError(fault);
  // Cholesky, column by column.
  Tensor factor = at::zeros_like(c);
  const auto a = c.accessor<double, 2>();
  auto l = factor.accessor<double, 2>();
  const std::int64_t d = c.size(0);
  for (std::int64_t j = 0; j < d; ++j) {
    for (std::int64_t i = j; i < d; ++i) {
      double rest = a[i][j];
      for (std::int64_t k = 0; k < j; ++k) rest -= l[i][k] * l[j][k];
      l[i][j] = rest;  // for now
    }
    const double variance = l[j][j];
    if (variance < -rounding) throw ValueError(fault);
    for (std::int64_t i = j; i < d; ++i) {
      if (variance > rounding) {
        l[i][j] /= std::sqrt(variance);
      } else if (std::abs(l[i][j]) > std::sqrt(rounding * std::max(scale, 0.0)) + rounding) {
        throw ValueError(fault);  // correlated with a direction that has no variance
      } else {
        l[i][j] = 0.0;
      }
    }
    if (variance > rounding) l[j][j] = std::sqrt(variance);
  }
  return factor;
}

Tensor correlate(const Tensor& z, const Tensor& factor, const Tensor& mean) {
  Tensor x = at::empty_like(z);
  const auto l = factor.accessor<double, 2>();
  for (std::int64_t i = 0; i < z.size(1); ++i) {
    Tensor sum = at::full({z.size(0)}, mean[i].item<double>(), z.options());
    for (std::int64_t j = 0; j <= i; ++j) {
      if (l[i][j] != 0.0) sum.add_(z.select(1, j) * l[i][j]);
    }
    x.select(1, i).copy_(sum);
  }
  return x;
}

}  // namespace sda
