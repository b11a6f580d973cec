/// Observations y ~ p(y | A(x)) of one or several instruments, and their likelihood.
#include "sda/observation/observations.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <limits>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {

namespace {

void check_part(const ObservationPart& part, const Observations& whole, const std::string& where) {
  if (part.op == nullptr) throw ValueError({.what = "observations have no operator", .where = where});
  const auto expected = part.op->observations_shape(whole.length, whole.layout.event);
  const auto& values = part.values;
  if (!values.defined() || values.sizes() != expected) {
    throw ShapeError(
        {.what = "observed values do not fit the operator",
         .where = where,
         .found = values.defined() ? to_string(values.sizes()) : "none",
         .expected = fmt::format("{} ({} of {} states)", to_string(expected), part.op->describe(), whole.length)});
  }
  const Tensor sigma = part.noise.sigma(part.observation(), at::kDouble);
  if (!values.isfinite().all().item<bool>()) {
    throw ValueError({.what = "observed values are not finite",
                      .where = where,
                      .found = fmt::format("{} NaN or infinite", (~values.isfinite()).sum().item<std::int64_t>()),
                      .expected = "finite values",
                      .hint = "leave states that were not observed out of the operator's times"});
  }
  try {
    part.noise.model().check(values.to(at::kDouble), sigma);
  } catch (const ValueError& error) {
    Fault fault = error.fault();
    fault.where = where;
    throw ValueError(fault);
  }
}

/// Files and sections are named by them.
bool is_word(const std::string& name) {
  const auto is_letter = [](unsigned char c) { return c < 128 && (std::isalpha(c) != 0 || c == '_'); };
  return !name.empty() && is_letter(static_cast<unsigned char>(name.front())) &&
         std::all_of(name.begin(), name.end(), [&](unsigned char c) { return is_letter(c) || std::isdigit(c) != 0; });
}

/// In files the states of the truth stand beside the parts, as truth_….
void check_names(const std::vector<ObservationPart>& parts, const std::string& where) {
  std::vector<std::string> names;
  for (const auto& part : parts) {
    const auto refuse = [&](const std::string& expected) {
      throw ValueError(
          {.what = "a part of observations needs a name", .where = where, .found = part.name, .expected = expected});
    };
    if (!is_word(part.name)) refuse("a word of letters, digits and _");
    if (part.name == "truth") refuse("another name than truth");
    if (std::find(names.begin(), names.end(), part.name) != names.end()) refuse("another name for each part");
    names.push_back(part.name);
  }
}

}  // namespace

void Observations::check() const {
  const auto where = name.empty() ? std::string("observations") : "observations " + name;
  if (parts.empty()) throw ValueError({.what = "nothing is observed", .where = where, .expected = "at least one part"});
  if (length < 1) {
    throw ValueError({.what = "observed trajectory has no states",
                      .where = where,
                      .found = fmt::format("length {}", length),
                      .expected = "at least 1"});
  }
  layout.check();
  if (parts.size() > 1) check_names(parts, where);
  for (const auto& part : parts) check_part(part, *this, parts.size() > 1 ? where + ", part " + part.name : where);
  const auto states = prepend({length}, layout.event);
  if (truth.defined() && truth.sizes() != states) {
    throw ShapeError({.what = "the true trajectory does not fit",
                      .where = where,
                      .found = to_string(truth.sizes()),
                      .expected = to_string(states)});
  }
}

Tensor Observations::apply(const Tensor& x) const {
  std::vector<Tensor> observations;
  for (const auto& part : parts) observations.push_back(part.op->apply(x).flatten(1));
  return observations.size() == 1 ? observations.front() : at::cat(observations, 1);
}

Tensor Observations::departure(const Tensor& x) const {
  std::vector<Tensor> y;
  for (const auto& part : parts) y.push_back(part.values.flatten());
  return at::cat(y).to(x.options()) - apply(x);
}

Tensor Observations::vjp(const Tensor& x, const Tensor& v) const {
  std::int64_t observations = 0;
  for (const auto& part : parts) observations += part.values.numel();
  if (v.dim() != 2 || v.size(1) != observations) {
    throw ShapeError({.what = "a VJP's cotangent does not have the observations' shape",
                      .where = "observations " + name,
                      .found = to_string(v.sizes()),
                      .expected = fmt::format("members × {}", observations)});
  }
  Tensor sum;
  std::int64_t first = 0;
  for (const auto& part : parts) {
    const auto own = v.narrow(1, first, part.values.numel()).reshape(prepend({v.size(0)}, part.values.sizes()));
    const auto g = part.op->apply_vjp(x, own);
    sum = sum.defined() ? sum.add_(g) : g;
    first += part.values.numel();
  }
  return sum;
}

Tensor Observations::variance(at::ScalarType dtype) const {
  std::vector<Tensor> variances;
  for (const auto& part : parts) {
    variances.push_back(part.sigma(dtype).square().expand(part.values.sizes()).flatten());
  }
  return at::cat(variances);
}

Tensor Observations::log_prob(const Tensor& x) const {
  Tensor sum = at::zeros({x.size(0)}, x.options());
  for (const auto& part : parts) sum = sum + part.noise.log_prob(part.values, part.op->apply(x));
  return sum;
}

double Observations::departure_over_sigma(const Tensor& x) const {
  std::vector<Tensor> all;
  for (const auto& part : parts) {
    all.push_back(part.noise.standardised(part.values, part.op->apply(x.to(at::kDouble))).flatten(1));
  }
  return at::cat(all, 1).square().mean().sqrt().item<double>();
}

std::string Observations::describe() const {
  if (parts.size() == 1) return parts.front().op->describe();
  std::vector<std::string> each;
  for (const auto& part : parts) each.push_back(part.name + ": " + part.op->describe());
  return fmt::format("{}", fmt::join(each, "; "));
}

Observations observe(const Tensor& truth, const StateLayout& layout, const Normalisation& normalisation,
                     std::vector<ObservationPart> parts, const std::string& name, std::uint64_t seed,
                     std::uint64_t index) {
  if (truth.dim() < 1 || truth.sizes().slice(1) != layout.event) {
    throw ShapeError({.what = "the trajectory to observe does not have the system's event",
                      .where = name,
                      .found = to_string(truth.sizes()),
                      .expected = "length × " + to_string(layout.event)});
  }
  Observations y{.layout = layout, .normalisation = normalisation, .length = truth.size(0), .parts = std::move(parts)};
  y.truth = truth;
  y.name = name;
  const auto x = normalisation.normalise(truth.to(at::kDouble)).unsqueeze(0);
  StreamKey key{.seed = seed, .purpose = Purpose::observation_noise, .first_member = index};
  for (auto& part : y.parts) {
    part.op = make_operator(part.chain, layout, normalisation);
    const auto observations = part.op->apply(x);
    part.values = part.noise.draw(observations, key).squeeze(0);
    ++key.step;
  }
  y.check();
  return y;
}

Observations observe(const Tensor& truth, const StateLayout& layout, const Normalisation& normalisation,
                     const std::vector<OperatorLink>& chain, const Noise& noise, const std::string& name,
                     std::uint64_t seed, std::uint64_t index) {
  return observe(truth, layout, normalisation, {{.name = "", .chain = chain, .noise = noise}}, name, seed, index);
}

std::vector<std::int64_t> valueless_observations(const Observations& observations) {
  const StateLayout& layout = observations.layout;
  std::vector<std::int64_t> counts(observations.parts.size(), 0);
  if (!layout.mask.defined()) return counts;
  const Tensor states = at::ones(prepend({1, observations.length}, layout.event), at::kDouble)
                            .masked_fill(layout.mask.logical_not(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    counts[i] = observations.parts[i].op->apply(states).isnan().sum().item<std::int64_t>();
  }
  return counts;
}

}  // namespace sda
