/// Observations y = A(x) + σ ε and their Gaussian likelihood N(y | A(x), diag σ²).
#include "sda/observation/observations.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {

GaussianNoise::GaussianNoise(std::vector<double> sigma) : sigma_(std::move(sigma)) {
  if (sigma_.empty()) {
    throw ValueError({.what = "observation noise has no standard deviation", .wanted = "at least one number > 0"});
  }
  for (const auto value : sigma_) {
    if (!(value > 0) || !std::isfinite(value)) {
      throw ValueError({.what = "observation noise σ is not a standard deviation",
                        .found = fmt::format("{}", value),
                        .wanted = "a finite number > 0"});
    }
  }
}

Tensor GaussianNoise::sigma(at::IntArrayRef reading, at::ScalarType dtype) const {
  const auto all = at::tensor(sigma_, at::kDouble).to(dtype);
  if (sigma_.size() == 1) return all.reshape({}).expand(reading);
  if (std::ssize(sigma_) != count(reading)) {
    throw ShapeError({.what = "observation noise does not fit the reading",
                      .found = fmt::format("{} standard deviations", sigma_.size()),
                      .wanted = fmt::format("1 or {}, for a reading {}", count(reading), to_string(reading))});
  }
  return all.reshape(reading);
}

Tensor GaussianNoise::log_prob(const Tensor& y, const Tensor& readings) const {
  if (readings.dim() < 2 || readings.sizes().slice(1) != y.sizes()) {
    throw ShapeError({.what = "readings do not have the observations' shape",
                      .found = to_string(readings.sizes()),
                      .wanted = "members × " + to_string(y.sizes())});
  }
  const auto s = sigma(y.sizes().slice(1), readings.scalar_type());
  const auto z = (y.to(readings.scalar_type()) - readings) / s;
  // Σ −(z² + ln 2π)/2 − ln σ
  const auto terms = -(z.square() + std::log(2 * std::numbers::pi)) / 2 - s.log();
  return terms.flatten(1).sum(1);
}

void Observations::check() const {
  const auto where = name.empty() ? std::string("observations") : "observations " + name;
  if (op == nullptr) throw ValueError({.what = "observations have no operator", .where = where});
  if (length < 1) {
    throw ValueError({.what = "observed trajectory has no states",
                      .where = where,
                      .found = fmt::format("length {}", length),
                      .wanted = "at least 1"});
  }
  layout.check();
  const auto times = op->times(length);
  const auto reading = op->reading_shape(layout.event);
  const auto wanted = prepend({std::ssize(times)}, reading);
  if (!values.defined() || values.sizes() != wanted) {
    throw ShapeError({.what = "observed values do not fit the operator",
                      .where = where,
                      .found = values.defined() ? to_string(values.sizes()) : "none",
                      .wanted = fmt::format("{} ({} of {} states)", to_string(wanted), op->describe(), length)});
  }
  noise.sigma(reading, at::kDouble);
  if (!values.isfinite().all().item<bool>()) {
    throw ValueError({.what = "observed values are not finite",
                      .where = where,
                      .found = fmt::format("{} NaN or infinite", (~values.isfinite()).sum().item<std::int64_t>()),
                      .wanted = "finite values",
                      .mend = "leave states that were not observed out of the operator's times"});
  }
  const auto states = prepend({length}, layout.event);
  if (truth.defined() && truth.sizes() != states) {
    throw ShapeError({.what = "the true trajectory does not fit",
                      .where = where,
                      .found = to_string(truth.sizes()),
                      .wanted = to_string(states)});
  }
}

Observations observe(const Tensor& truth, const StateLayout& layout, const Normalisation& normalisation,
                     const std::vector<OperatorLink>& chain, const GaussianNoise& noise, const std::string& name,
                     std::uint64_t seed, std::uint64_t index) {
  if (truth.dim() < 1 || truth.sizes().slice(1) != layout.event) {
    throw ShapeError({.what = "the trajectory to observe does not have the system's event",
                      .where = name,
                      .found = to_string(truth.sizes()),
                      .wanted = "length × " + to_string(layout.event)});
  }
  Observations y;
  y.layout = layout;
  y.normalisation = normalisation;
  y.length = truth.size(0);
  y.chain = chain;
  y.op = make_operator(chain, layout, normalisation);
  y.noise = noise;
  y.truth = truth;
  y.name = name;
  const auto x = normalisation.normalise(truth.to(at::kDouble)).unsqueeze(0);
  const auto readings = y.op->apply(x);
  const StreamKey key{.seed = seed, .purpose = Purpose::observation_noise, .first_member = index};
  const auto epsilon = normal(readings.sizes(), key, at::kDouble);
  y.values = (readings + noise.sigma(readings.sizes().slice(2), at::kDouble) * epsilon).squeeze(0);
  y.check();
  return y;
}

}  // namespace sda
