// Linear-Gaussian chains, x_{i+1} = A x_i + b + N(0, Q): simulation in lanes, and the joint distribution in closed
// form.
#include "sda/dynamics/linear_gaussian.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "core/torch.hpp"
#include "dynamics/lanes.hpp"
#include "dynamics/states.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

/// next = A x + b + L z, all in lanes; A and L are (d, d), row by row.
template <class Real>
SDA_INLINE void affine_step(const Real* transition, const Real* offset, const Real* factor, std::int64_t d,
                            const Real* x, const Real* z, Real* next) {
  using lanes::width;
  for (std::int64_t i = 0; i < d; ++i) {
    Real* row = next + i * width;
#pragma GCC ivdep
    for (int lane = 0; lane < width; ++lane) row[lane] = offset[i];
    for (std::int64_t j = 0; j < d; ++j) {
      const Real a = transition[i * d + j];
#pragma GCC ivdep
      for (int lane = 0; lane < width; ++lane) row[lane] += a * x[j * width + lane];
    }
    for (std::int64_t j = 0; j <= i; ++j) {
      const Real l = factor[i * d + j];
#pragma GCC ivdep
      for (int lane = 0; lane < width; ++lane) row[lane] += l * z[j * width + lane];
    }
  }
}
SDA_SIMD_CLONES void step(const float* a, const float* b, const float* l, std::int64_t d, const float* x,
                          const float* z, float* next) {
  affine_step(a, b, l, d, x, z, next);
}
SDA_SIMD_CLONES void step(const double* a, const double* b, const double* l, std::int64_t d, const double* x,
                          const double* z, double* next) {
  affine_step(a, b, l, d, x, z, next);
}

template <class Real>
void march_as(const Tensor& transition, const Tensor& offset, const Tensor& factor, Tensor& x, std::int64_t steps,
              const StreamKey& key, Tensor* all, std::int64_t first) {
  const std::int64_t d = x.size(1);
  const auto rows = static_cast<std::size_t>(lanes::padded_rows<Real>(d) * lanes::width);
  const auto dtype = x.scalar_type();
  const Tensor a = transition.to(dtype).contiguous(), b = offset.to(dtype).contiguous(),
               l = factor.to(dtype).contiguous();
  const auto make_transition = [&] {
    return [&, z = std::vector<Real>(rows), next = std::vector<Real>(rows)](Real* state,
                                                                            const lanes::Draws& draws) mutable {
      std::fill(z.begin(), z.end(), Real{0});
      lanes::add_noise(z.data(), d, Real{1}, draws);
      step(a.data_ptr<Real>(), b.data_ptr<Real>(), l.data_ptr<Real>(), d, state, z.data(), next.data());
      std::copy_n(next.begin(), d * lanes::width, state);
    };
  };
  lanes::march(x.data_ptr<Real>(), x.size(0), d, steps, key, all ? all->data_ptr<Real>() + first * d : nullptr,
               all ? all->size(1) * d : 0, make_transition);
}

}  // namespace

LinearGaussianChain::LinearGaussianChain(LinearGaussianParameters parameters) : parameters_(std::move(parameters)) {
  LinearGaussianParameters& p = parameters_;
  const std::int64_t d = p.transition.defined() && p.transition.dim() == 2 ? p.transition.size(0) : -1;
  const auto expect = [&](Tensor& value, const Shape& shape, const std::string& key) {
    if (d < 1 || !value.defined() || value.sizes() != at::IntArrayRef(shape)) {
      throw ShapeError({.what = "sizes of a linear-Gaussian chain do not fit",
                        .where = p.name + ": " + key,
                        .found = value.defined() ? to_string(value.sizes()) : "no tensor",
                        .expected = d < 1 ? "transition d × d, and the rest to fit" : to_string(shape)});
    }
    value = value.to(at::kDouble).contiguous();
    if (!value.isfinite().all().item<bool>()) {
      throw ValueError({.what = "NaN or infinity", .where = p.name + ": " + key, .expected = "finite numbers"});
    }
  };
  expect(p.transition, {d, d}, "transition");
  expect(p.offset, {d}, "offset");
  expect(p.start_mean, {d}, "start_mean");
  expect(p.start_covariance, {d, d}, "start_covariance");
  expect(p.noise_covariance, {d, d}, "noise_covariance");
  start_factor_ = covariance_factor(p.start_covariance, p.name + ": start_covariance");
  noise_factor_ = covariance_factor(p.noise_covariance, p.name + ": noise_covariance");
}

std::string LinearGaussianChain::name() const {
  return parameters_.name;
}

StateLayout LinearGaussianChain::layout() const {
  StateLayout layout{
      .event = {parameters_.transition.size(0)}, .variables = {}, .space_names = {}, .dt = parameters_.dt};
  for (std::int64_t c = 0; c < layout.event[0]; ++c) {
    layout.variables.push_back({fmt::format("x{}", c), fmt::format("component {} of {}", c, parameters_.name)});
  }
  return layout;
}

std::optional<std::pair<Tensor, Tensor>> LinearGaussianChain::stationary_moments() const {
  // Eigenvalues and not high powers: those of a rotation shrink or grow with the rounding of its entries.
  if (at::linalg_eigvals(parameters_.transition).abs().max().item<double>() > 1 - 1e-12) return std::nullopt;
  // P = A P Aᵀ + Q by doubling.
  Tensor mean = parameters_.offset, covariance = parameters_.noise_covariance, power = parameters_.transition;
  for (int i = 0; i < 64; ++i) {
    mean = mean + power.mv(mean);
    covariance = covariance + power.mm(covariance).mm(power.t());
    power = power.mm(power);
  }
  return std::pair(mean, covariance);
}

std::pair<Tensor, Tensor> LinearGaussianChain::stationary() const {
  if (const auto moments = stationary_moments()) {
    return {moments->first, (moments->second + moments->second.t()) / 2};
  }
  throw UnsupportedError({.what = "a chain that does not settle has no stationary distribution",
                          .where = parameters_.name + ": transition",
                          .expected = "eigenvalues inside the unit circle"});
}

Normalisation LinearGaussianChain::normalisation() const {
  // Of the stationary distribution where there is one; else of the start.
  const auto [mean, covariance] =
      stationary_moments().value_or(std::pair(parameters_.start_mean, parameters_.start_covariance));
  const Tensor variance = covariance.diagonal();
  return {.mean = mean.clone(), .std = at::where(variance > 0, variance, at::ones_like(variance)).sqrt()};
}

Tensor LinearGaussianChain::start(std::int64_t members, const StreamKey& key, at::ScalarType dtype) const {
  return correlate(normal({members, parameters_.start_mean.size(0)}, key, dtype), start_factor_,
                   parameters_.start_mean);
}

void LinearGaussianChain::march(Tensor& x, std::int64_t steps, const StreamKey& key, Tensor* all,
                                std::int64_t first) const {
  const auto& p = parameters_;
  if (x.scalar_type() == at::kFloat) {
    march_as<float>(p.transition, p.offset, noise_factor_, x, steps, key, all, first);
  } else {
    march_as<double>(p.transition, p.offset, noise_factor_, x, steps, key, all, first);
  }
}

void LinearGaussianChain::advance(Tensor& x, std::int64_t steps, const StreamKey& key) const {
  check_states(x, parameters_.start_mean.sizes(), parameters_.name);
  march(x, steps, key, nullptr, 0);
}

Tensor LinearGaussianChain::trajectories(const Tensor& start, std::int64_t length, const StreamKey& key,
                                         const ProgressCallback& progress) const {
  check_states(start, parameters_.start_mean.sizes(), parameters_.name);
  return record_trajectories(start, start, length, transitions_at_once(start), progress,
                             [&](Tensor& x, std::int64_t first, std::int64_t steps, Tensor& all) {
                               StreamKey here = key;
                               here.step += static_cast<std::uint64_t>(first);
                               march(x, steps, here, &all, first + 1);
                             });
}

bool LinearGaussianChain::is_stochastic() const {
  return (noise_factor_.diagonal() > 0).all().item<bool>();
}

Tensor LinearGaussianChain::log_transition(const Tensor& from, const Tensor& to) const {
  const auto& p = parameters_;
  if (!is_stochastic()) {
    throw UnsupportedError({.what = "a transition without noise in some direction has no density",
                            .where = p.name + ": noise_covariance",
                            .found = "singular",
                            .expected = "positive definite"});
  }
  const std::int64_t d = p.transition.size(0);
  if (from.sizes() != to.sizes() || from.dim() < 1 || from.size(-1) != d) {
    throw ShapeError({.what = "states of a transition do not fit",
                      .where = p.name,
                      .found = to_string(from.sizes()) + " to " + to_string(to.sizes()),
                      .expected = "the same shape twice, … × " + std::to_string(d)});
  }
  const Tensor deviation =
      (to.to(at::kDouble) - at::matmul(from.to(at::kDouble), p.transition.t()) - p.offset).reshape({-1, d});
  const Tensor white = at::linalg_solve_triangular(noise_factor_, deviation.t(), /*upper=*/false);
  const double log_volume = 0.5 * static_cast<double>(d) * std::log(2 * std::numbers::pi) +
                            noise_factor_.diagonal().log().sum().item<double>();
  const Tensor log_p = white.square().sum(0).mul(-0.5) - log_volume;
  return log_p.reshape(from.sizes().slice(0, static_cast<std::size_t>(from.dim() - 1))).to(from.scalar_type());
}

std::pair<Tensor, Tensor> LinearGaussianChain::joint(std::int64_t length) const {
  if (length < 1) {
    throw ValueError({.what = "a trajectory has at least one state",
                      .where = "length",
                      .found = std::to_string(length),
                      .expected = "at least 1"});
  }
  const auto& p = parameters_;
  const std::int64_t d = p.transition.size(0);
  Tensor mean = at::empty({length, d}, at::kDouble), covariance = at::empty({length, d, length, d}, at::kDouble);
  Tensor m = p.start_mean, c = p.start_covariance;
  for (std::int64_t i = 0; i < length; ++i) {
    mean[i].copy_(m);
    Tensor to_later = c;  // cov(x_j, x_i) = A^{j−i} P_i
    for (std::int64_t j = i; j < length; ++j) {
      covariance.select(0, j).select(1, i).copy_(to_later);
      covariance.select(0, i).select(1, j).copy_(to_later.t());
      to_later = p.transition.mm(to_later);
    }
    m = p.transition.mv(m) + p.offset;
    c = p.transition.mm(c).mm(p.transition.t()) + p.noise_covariance;
  }
  return {mean, covariance.reshape({length * d, length * d})};
}

LinearGaussianChain delay_chain(double a, double b, std::int64_t delay) {
  const std::int64_t d = delay + 1;
  Tensor transition = at::zeros({d, d}, at::kDouble), noise = at::zeros({d, d}, at::kDouble);
  transition[0][0] += a;
  transition[0][delay] += b;
  for (std::int64_t i = 0; i < delay; ++i) transition[i + 1][i] += 1;
  noise[0][0] += 1;
  LinearGaussianParameters parameters{.start_mean = at::zeros(d, at::kDouble),
                                      .start_covariance = at::eye(d, at::kDouble),
                                      .transition = transition,
                                      .offset = at::zeros(d, at::kDouble),
                                      .noise_covariance = noise,
                                      .name = "delay"};
  const Tensor variance = LinearGaussianChain(parameters).stationary().second[0][0];
  parameters.noise_covariance = noise / variance;
  parameters.start_covariance = LinearGaussianChain(parameters).stationary().second;
  return LinearGaussianChain(std::move(parameters));
}

}  // namespace sda
