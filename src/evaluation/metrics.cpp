/// Scores of ensembles against a reference ensemble, the truth, the prior and the observations.
#include "sda/evaluation/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "core/axis.hpp"
#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"

namespace sda {
namespace {

void require_finite_samples(const Tensor& values, const std::string& where) {
  if (!at::isfinite(values).all().item<bool>()) {
    throw ValueError({.what = "values are not finite", .where = where, .expected = "finite numbers"});
  }
}

/// Members as float64, after their shape and values were looked at.
Tensor checked_members(const Tensor& members, std::int64_t at_least, const std::string& where) {
  if (!members.defined() || members.dim() < 2 || members.numel() == 0) {
    throw ShapeError({.what = "no ensemble",
                      .where = where,
                      .found = members.defined() ? to_string(members.sizes()) : "nothing",
                      .expected = "(member, time, …event), none of them empty"});
  }
  if (members.size(0) < at_least) {
    throw ValueError({.what = "too few members",
                      .where = where,
                      .found = std::to_string(members.size(0)),
                      .expected = "at least " + std::to_string(at_least)});
  }
  require_finite_samples(members, where);
  return members.detach().to(at::kDouble);
}

Tensor checked_truth(const Tensor& members, const Tensor& truth, const std::string& where) {
  if (!truth.defined() || truth.sizes() != members.sizes().slice(1)) {
    throw ShapeError({.what = "the truth does not fit the members",
                      .where = where,
                      .found = truth.defined() ? to_string(truth.sizes()) : "nothing",
                      .expected = to_string(members.sizes().slice(1))});
  }
  require_finite_samples(truth, where + ": truth");
  return truth.detach().to(at::kDouble);
}

/// The rows in the order of a stream's permutation.
Tensor shuffle(const Tensor& rows, std::uint64_t seed, std::uint64_t step) {
  const auto order = permutation(rows.size(0), {.seed = seed, .purpose = Purpose::evaluation, .step = step});
  return rows.index_select(0, at::tensor(order, at::kLong));
}

}  // namespace

Estimate estimate(const Tensor& values) {
  if (!values.defined() || values.numel() == 0) {
    throw ShapeError({.what = "no values to average", .where = "estimate", .expected = "at least one"});
  }
  const Tensor v = values.detach().to(at::kDouble);
  const auto n = v.numel();
  return {.value = v.mean().item<double>(),
          .standard_error = n < 2 ? 0.0 : v.std(/*unbiased=*/true).item<double>() / std::sqrt(static_cast<double>(n))};
}

Estimate estimate(const std::vector<double>& values) {
  return estimate(at::tensor(values, at::kDouble));
}

Estimate log_prior(const Dynamics& dynamics, const Tensor& members) {
  const Tensor x = checked_members(members, 1, "log-prior");
  const auto transitions = x.size(1) - 1;
  // Σ_i log p(x_{i+1} | x_i)
  const Tensor log_p = dynamics.log_transition(x.narrow(1, 0, transitions), x.narrow(1, 1, transitions));
  return estimate(log_p.reshape({x.size(0), transitions}).sum(1));
}

Estimate log_likelihood(const Observations& observations, const Tensor& members) {
  const Tensor x = observations.normalisation.normalise(checked_members(members, 1, "log-likelihood"));
  return estimate(observations.log_prob(x));
}

namespace {

/// The mean of (time, …event) by weight, at each time.
Tensor mean_at_times(const Tensor& values, const Tensor& weight) {
  const auto by_time = [](const Tensor& v) { return v.reshape({v.size(0), -1}); };
  if (!weight.defined()) return by_time(values).mean(1);
  const Tensor w = by_time(weight.to(values.options()).expand_as(values));
  return (by_time(values) * w).sum(1) / w.sum(1);
}

/// The same over times too.
Tensor mean_over_all(const Tensor& values, const Tensor& weight) {
  return weight.defined() ? mean_at_times(values.unsqueeze(0), weight).squeeze(0) : values.mean();
}

}  // namespace

double rmse(const Tensor& members, const Tensor& truth, const Tensor& weight) {
  const Tensor x = checked_members(members, 1, "RMSE");
  return mean_over_all((x.mean(0) - checked_truth(x, truth, "RMSE")).square(), weight).sqrt().item<double>();
}

double spread(const Tensor& members, const Tensor& weight) {
  return mean_over_all(checked_members(members, 2, "spread").var(0, /*unbiased=*/true), weight).sqrt().item<double>();
}

Estimate crps(const Tensor& members, const Tensor& truth, const Tensor& weight) {
  const Tensor x = checked_members(members, 2, "CRPS");
  const Tensor y = checked_truth(x, truth, "CRPS");
  const auto m = x.size(0);
  // Sorted, Σ_ij |x_i − x_j| = 2 Σ_i (2i − m − 1) x_(i), i = 1..m: no pairs.
  const Tensor sorted = std::get<0>(x.flatten(1).sort(0));
  const Tensor factor = 2 * at::arange(1, m + 1, x.options()) - static_cast<double>(m + 1);
  const Tensor pairs = 2 * at::mv(sorted.t(), factor);
  const Tensor score = (x.flatten(1) - y.flatten()).abs().mean(0) - pairs / (2.0 * static_cast<double>(m * (m - 1)));
  return estimate(mean_at_times(score.reshape(y.sizes()), weight));
}

std::vector<std::int64_t> rank_histogram(const Tensor& members, const Tensor& truth, std::uint64_t seed) {
  const Tensor x = checked_members(members, 1, "rank histogram");
  const Tensor y = checked_truth(x, truth, "rank histogram");
  const Tensor below = x.lt(y).sum(0).flatten();
  const Tensor ties = x.eq(y).sum(0).flatten();
  // The truth's place among t members equal to it is any of t + 1, each as likely.
  const Tensor u = uniform({y.numel()}, {.seed = seed, .purpose = Purpose::evaluation}, at::kDouble);
  const Tensor rank = below + (u * (ties + 1)).floor().to(at::kLong);
  const Tensor counts = at::bincount(rank, /*weights=*/{}, /*minlength=*/x.size(0) + 1).contiguous();
  const auto* first = counts.data_ptr<std::int64_t>();
  return {first, first + counts.numel()};
}

double coverage(const std::vector<std::int64_t>& ranks, double level) {
  const auto values = std::accumulate(ranks.begin(), ranks.end(), std::int64_t{0});
  if (values == 0) throw ValueError({.what = "no ranks to count", .where = "coverage"});
  if (!(level >= 0 && level <= 1))
    throw ValueError(
        {.what = "not a share", .where = "coverage", .found = std::to_string(level), .expected = "0 to 1"});
  // Rank r of m members stands for the quantiles from r / (m + 1) to (r + 1) / (m + 1).
  const auto bins = static_cast<double>(ranks.size());
  const double min = (1 - level) / 2 * bins, max = (1 + level) / 2 * bins;
  double inside = 0;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    const auto begin = static_cast<double>(r);
    inside += static_cast<double>(ranks[r]) * std::max(0.0, std::min(begin + 1, max) - std::max(begin, min));
  }
  return inside / static_cast<double>(values);
}

namespace {

/// The components (…, …event) of states that no mask takes out, as one axis.
Tensor where_defined(const Tensor& states, const StateLayout& layout) {
  if (!layout.mask.defined()) return states;
  const Tensor chosen = layout.mask.flatten().nonzero().flatten();
  return states.flatten(states.dim() - layout.mask.dim()).index_select(-1, chosen);
}

/// Areas of cells as weights of what where_defined leaves; undefined where all are alike.
Tensor weights_of(const StateLayout& layout) {
  const Tensor areas = cell_areas(layout);
  return areas.defined() ? where_defined(areas.expand(layout.event), layout) : areas;
}

}  // namespace

EnsembleScores score_ensemble(const Ensemble& ensemble, const Observations& observations, const Dynamics* dynamics,
                              const Tensor& reference, std::uint64_t seed, const Tensor& second_reference) {
  const Tensor members = checked_members(ensemble.members, 1, ensemble.method);
  const auto n = members.size(0);
  EnsembleScores scores;
  scores.method = ensemble.method;
  scores.members = n;

  if (reference.defined()) {
    const Tensor shuffled = shuffle(reference, seed, 1);
    const Tensor part = shuffled.narrow(0, 0, std::min(n, shuffled.size(0)));
    scores.wasserstein = wasserstein1(members, part);
    if (second_reference.defined()) {
      const Tensor other = shuffle(second_reference, seed, 2);
      scores.wasserstein_floor = wasserstein1(other.narrow(0, 0, std::min(n, other.size(0))), part);
    } else if (shuffled.size(0) >= 2 * n) {
      scores.wasserstein_floor = wasserstein1(shuffled.narrow(0, n, n), part);
    }
  }
  if (dynamics != nullptr && dynamics->is_stochastic()) scores.log_prior = log_prior(*dynamics, members);
  scores.log_likelihood = log_likelihood(observations, members);

  const Tensor normalised = observations.normalisation.normalise(members);
  scores.misfit = misfit(observations, normalised);
  const Tensor x = where_defined(normalised, observations.layout);
  const Tensor weight = weights_of(observations.layout);
  if (n >= 2) scores.spread = spread(x, weight);
  if (observations.truth.defined()) {
    const Tensor y =
        where_defined(observations.normalisation.normalise(observations.truth.to(at::kDouble)).unsqueeze(0),
                      observations.layout)
            .squeeze(0);
    scores.rmse = rmse(x, y, weight);
    if (n >= 2) scores.crps = crps(x, y, weight);
    scores.ranks = rank_histogram(x, y, seed);
  }
  return scores;
}

}  // namespace sda
