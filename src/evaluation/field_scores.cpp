/// Scores of ensembles of fields: departures of the observations, skill at observed and unobserved components, one-step
/// error and energy spectrum.
#include "sda/evaluation/field_scores.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/axis.hpp"
#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/evaluation/spectrum.hpp"

namespace sda {
namespace {

/// √ of a mean of squares with its standard error, from each member's own mean of squares.
Estimate root_of_mean(const Estimate& square) {
  const double root = std::sqrt(square.value);
  return {root, root > 0 ? square.standard_error / (2 * root) : 0.0};
}

/// At most `expected` of 0 … n − 1, evenly spread.
Tensor evenly_spread(std::int64_t n, std::int64_t expected) {
  const auto m = std::min(n, expected);
  return m <= 1 ? at::zeros({m}, at::kLong)
                : at::linspace(0, static_cast<double>(n - 1), m, at::kDouble).round().to(at::kLong);
}

}  // namespace

std::vector<Residual> departures(const Observations& observations, const Tensor& members) {
  const Tensor x = observations.normalisation.normalise(members.detach().to(at::kDouble));
  std::vector<Residual> all;
  for (const auto& part : observations.parts) {
    const Tensor z = part.noise.standardised(part.values, part.op->apply(x));
    all.push_back(
        {part.name.empty() ? observations.name : part.name, root_of_mean(estimate(z.square().flatten(1).mean(1)))});
  }
  return all;
}

Tensor observed_components(const Observations& observations) {
  const auto shape = prepend({1, observations.length}, observations.layout.event);
  const Tensor x = normal(shape, {.purpose = Purpose::evaluation}, at::kDouble);
  Tensor observed = at::zeros(shape, at::kBool);
  std::uint64_t step = 0;
  for (const auto& part : observations.parts) {
    // Weights of one sign that have nothing to do with each other, so that no two terms cancel but by a rounding.
    const Tensor v =
        1 + uniform(part.values.unsqueeze(0).sizes(), {.purpose = Purpose::evaluation, .step = ++step}, at::kDouble);
    const Tensor g = part.op->apply_vjp(x, v).abs();
    observed = observed.logical_or(g > 1e-12 * g.max());
  }
  return observed[0];
}

std::optional<Skill> skill(const Tensor& members, const Tensor& truth, const Tensor& chosen, std::uint64_t seed,
                           const Tensor& weight) {
  if (chosen.sizes() != truth.sizes()) {
    throw ShapeError({.what = "the chosen components are not of the truth's shape",
                      .where = "skill",
                      .found = to_string(chosen.sizes()),
                      .expected = to_string(truth.sizes())});
  }
  const Tensor index = chosen.flatten().nonzero().flatten();
  if (index.numel() == 0) return std::nullopt;
  Tensor x = members.flatten(1).index_select(1, index), y = truth.flatten().index_select(0, index), w;
  if (weight.defined()) {  // all chosen components as those of one time
    w = weight.expand_as(truth).flatten().index_select(0, index).unsqueeze(0);
    x = x.unsqueeze(1), y = y.unsqueeze(0);
  }
  Skill found{.components = index.numel(),
              .rmse = rmse(x, y, w),
              .spread = {},
              .crps = {},
              .ranks = rank_histogram(x, y, seed)};
  if (x.size(0) >= 2) found.spread = spread(x, w), found.crps = crps(x, y, w).value;
  return found;
}

Estimate one_step_error(const Dynamics& dynamics, const Tensor& members, std::int64_t transitions) {
  if (dynamics.is_stochastic()) {
    throw UnsupportedError({.what = "a one-step error is of deterministic dynamics",
                            .where = "dynamics " + dynamics.name(),
                            .hint = "look at the log-prior"});
  }
  if (members.dim() < 3 || members.size(1) < 2 || transitions < 1) {
    throw ValueError({.what = "no transition to compare",
                      .where = "one-step error",
                      .found = to_string(members.sizes()),
                      .expected = "(member, length ≥ 2, …event), and at least 1 transition"});
  }
  const Tensor from = evenly_spread(members.size(1) - 1, transitions);
  const Tensor next = members.index_select(1, from + 1).to(at::kDouble);
  Tensor x = dynamics.to_solver(members.index_select(1, from).flatten(0, 1)).contiguous();
  dynamics.advance(x, 1, {.purpose = Purpose::evaluation});
  const Tensor error = dynamics.to_state(x).to(at::kDouble).reshape(next.sizes()) - next;
  return root_of_mean(estimate(error.square().flatten(1).mean(1)));
}

SpectrumRatio spectrum_ratio(const Tensor& members, const Tensor& simulated, const StateLayout& layout) {
  const auto mean = [&](const Tensor& fields) {
    auto spectrum = energy_spectrum(fields, layout);
    spectrum.energy = spectrum.energy.reshape({-1, spectrum.energy.size(-1)}).mean(0);
    return spectrum;
  };
  const auto ours = mean(members), theirs = mean(simulated);
  const Tensor ratio = (ours.energy / theirs.energy).narrow(0, 1, ours.resolved);
  return {ratio.min().item<double>(), ratio.max().item<double>()};
}

namespace {

/// Whether members are states that the system could have. An interpolation that runs away between its observations is
/// at thousands of times the flow's speed: the solver would take as many steps, to no end.
bool is_near(const Tensor& members, const Tensor& reference) {
  constexpr double max = 10;
  return !reference.defined() || members.abs().max().item<double>() <= max * reference.abs().max().item<double>();
}

}  // namespace

bool has_fields(const StateLayout& layout) {
  return layout.space().size() == 2;
}

FieldScores score_fields(const Ensemble& ensemble, const Observations& observations, const Tensor& simulated,
                         const Dynamics* dynamics, std::int64_t transitions, std::uint64_t seed) {
  FieldScores scores;
  const Tensor& truth = observations.truth;
  scores.departures = departures(observations, ensemble.members);
  if (truth.defined()) {
    const auto normalised = [&](const Tensor& x) {
      return observations.normalisation.normalise(x.detach().to(at::kDouble));
    };
    const Tensor x = normalised(ensemble.members), y = normalised(truth), seen = observed_components(observations);
    const Tensor& mask = observations.layout.mask;  // there is no skill where there are no values
    const Tensor valued = mask.defined() ? mask.expand_as(seen) : at::ones_like(seen);
    const Tensor areas = cell_areas(observations.layout);
    scores.observed = skill(x, y, seen.logical_and(valued), seed, areas);
    scores.unobserved = skill(x, y, seen.logical_not().logical_and(valued), seed, areas);
  }
  const Tensor reference = simulated.defined() ? simulated : truth;
  if (has_spectrum(observations.layout) && reference.defined()) {
    scores.spectrum = spectrum_ratio(ensemble.members, reference, observations.layout);
  }
  if (dynamics != nullptr && !dynamics->is_stochastic() && transitions > 0 && observations.length > 1 &&
      is_near(ensemble.members, reference)) {
    scores.one_step = one_step_error(*dynamics, ensemble.members, transitions);
    if (truth.defined()) scores.truth_one_step = one_step_error(*dynamics, truth.unsqueeze(0), transitions);
  }
  return scores;
}

}  // namespace sda
