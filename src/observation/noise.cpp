/// An instrument's noise: what its parameters must be, and observations of many times and members through its form.
#include "sda/observation/noise.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/torch.hpp"
#include "observation/noise_models.hpp"
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

[[noreturn]] void refuse_shape(const std::string& key, const std::string& found, const std::string& expected) {
  throw ValueError({.what = "bad parameter of the noise", .where = key, .found = found, .expected = expected});
}

std::string listed_numbers(const std::vector<double>& numbers) {
  return numbers.empty() ? "none" : fmt::format("{}", fmt::join(numbers, ", "));
}

/// What programs and plugins have registered before any noise was made.
std::map<std::string, MakeNoiseModel>& registered_noise() {
  static std::map<std::string, MakeNoiseModel> makers;
  return makers;
}

/// A parameter that the kind does not look at is a mistake of whoever gave it.
void require_only_its_own(const NoiseShape& shape) {
  const auto refuse = [&](const std::string& key, const std::string& kind) {
    throw ValueError({.what = fmt::format("a parameter that noise = \"{}\" does not have", shape.kind),
                      .where = key,
                      .hint = fmt::format("leave it out, or set noise = \"{}\"", kind)});
  };
  const bool mixture = shape.kind == "mixture", censored = shape.kind == "censored";
  if (!mixture && !shape.weights.empty()) refuse("weights", "mixture");
  if (!mixture && !shape.means.empty()) refuse("means", "mixture");
  if (!mixture && !shape.scales.empty()) refuse("scales", "mixture");
  if (!censored && !shape.bounds.empty()) refuse("bounds", "censored");
  if (!shape.parameters.empty() && registered_noise().count(shape.kind) == 0) {
    throw ValueError({.what = fmt::format("a parameter that noise = \"{}\" does not have", shape.kind),
                      .where = "parameters",
                      .hint = "leave it out; a noise of your own has it, which register_noise makes known"});
  }
}

void check_mixture(const NoiseShape& shape) {
  const auto n = shape.weights.size();
  if (n == 0) refuse_shape("weights", "none", "a weight for each Gaussian of the mixture");
  const auto expected = fmt::format("{} numbers, as there are weights", n);
  if (shape.means.size() != n) refuse_shape("means", fmt::format("{}", shape.means.size()), expected);
  if (shape.scales.size() != n) refuse_shape("scales", fmt::format("{}", shape.scales.size()), expected);
  double sum = 0;
  for (const double w : shape.weights) {
    if (!(w >= 0)) refuse_shape("weights", fmt::format("{}", w), "numbers ≥ 0");
    sum += w;
  }
  if (!(std::abs(sum - 1) <= 1e-9)) refuse_shape("weights", fmt::format("a sum of {}", sum), "a sum of 1");
  for (const double m : shape.means) {
    if (!std::isfinite(m)) refuse_shape("means", fmt::format("{}", m), "finite numbers");
  }
  for (const double s : shape.scales) {
    if (!(s > 0) || !std::isfinite(s)) refuse_shape("scales", fmt::format("{}", s), "finite numbers > 0");
  }
}

void check_shape(const NoiseShape& shape) {
  const auto kinds = noise_kinds();
  if (std::find(kinds.begin(), kinds.end(), shape.kind) == kinds.end()) {
    refuse_shape("noise", shape.kind,
                 fmt::format("one of {}, or one that a --plugin registers", fmt::join(kinds, ", ")));
  }
  require_only_its_own(shape);
  if (shape.kind == "student_t" && !(shape.degrees_of_freedom >= 1 && shape.degrees_of_freedom <= 100)) {
    refuse_shape("degrees_of_freedom", fmt::format("{}", shape.degrees_of_freedom), "a number ≥ 1 and ≤ 100");
  }
  if (shape.kind == "mixture") check_mixture(shape);
  if (shape.kind == "censored" && (shape.bounds.size() != 2 || !(shape.bounds[0] < shape.bounds[1]))) {
    refuse_shape("bounds", listed_numbers(shape.bounds), "[least, most], the least below the most");
  }
}

void require_observations(const Tensor& y, const Tensor& observations) {
  if (observations.dim() < 2 || observations.sizes().slice(1) != y.sizes()) {
    throw ShapeError({.what = "observations do not have the observations' shape",
                      .found = to_string(observations.sizes()),
                      .expected = "members × " + to_string(y.sizes())});
  }
}

std::shared_ptr<const NoiseModel> make_model(const NoiseShape& shape) {
  const auto own = registered_noise().find(shape.kind);
  return own == registered_noise().end() ? observation::make_noise_model(shape) : own->second(shape.parameters);
}

}  // namespace

std::vector<std::string> noise_kinds() {
  std::vector<std::string> kinds{"gaussian", "student_t", "laplace", "mixture", "censored", "poisson"};
  for (const auto& [kind, make] : registered_noise()) kinds.push_back(kind);
  return kinds;
}

bool register_noise(const std::string& kind, MakeNoiseModel make) {
  const auto kinds = noise_kinds();
  if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) {
    throw UsageError({.what = "a noise of this name is there already", .where = kind});
  }
  registered_noise()[kind] = std::move(make);
  return true;
}

Noise::Noise(std::vector<double> sigma, NoiseShape shape) : sigma_(std::move(sigma)), shape_(std::move(shape)) {
  check_sigma(sigma_);
  check_shape(shape_);
  model_ = make_model(shape_);
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
