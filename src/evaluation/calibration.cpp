/// Calibration over trajectories: shares of ranks, their bands by bootstrap, and a classifier two-sample test.
#include "sda/evaluation/calibration.hpp"

#include <algorithm>
#include <string>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"

namespace sda {

std::vector<double> rank_shares(const std::vector<std::int64_t>& counts, std::int64_t bins) {
  std::int64_t values = 0;
  for (const std::int64_t n : counts) values += n;
  if (values == 0 || bins < 1) throw ValueError({.what = "no ranks to count, or no bins", .where = "rank histogram"});
  // Rank r of m members stands for the quantiles from r / (m + 1) to (r + 1) / (m + 1).
  const double width = static_cast<double>(bins) / static_cast<double>(counts.size());
  std::vector<double> shares(static_cast<std::size_t>(bins));
  for (std::size_t r = 0; r < counts.size(); ++r) {
    const double begin = static_cast<double>(r) * width, end = static_cast<double>(r + 1) * width;
    for (auto b = static_cast<std::size_t>(begin); b < shares.size() && static_cast<double>(b) < end; ++b) {
      const double part = std::min(end, static_cast<double>(b + 1)) - std::max(begin, static_cast<double>(b));
      shares[b] += part / width * static_cast<double>(counts[r]) / static_cast<double>(values);
    }
  }
  return shares;
}

namespace {

/// Standard error of the mean over the first axis; a bin that never changes has a small one, not none.
Tensor standard_error(const Tensor& values) {
  return (values.std(0) / std::sqrt(static_cast<double>(values.size(0)))).clamp_min(1e-9);
}

std::vector<double> as_vector(const Tensor& values) {
  const Tensor v = values.contiguous();
  return {v.data_ptr<double>(), v.data_ptr<double>() + v.numel()};
}

}  // namespace

RankUniformity rank_uniformity(const std::vector<std::vector<double>>& shares, std::int64_t draws, std::uint64_t seed) {
  std::vector<double> flat;
  for (const auto& row : shares) flat.insert(flat.end(), row.begin(), row.end());
  if (shares.size() < 2 || flat.empty() || flat.size() != shares.size() * shares.front().size())
    throw ShapeError({.what = "a rank histogram needs shares of at least two trajectories, as many bins each",
                      .where = "calibration",
                      .found = std::to_string(shares.size()) + " trajectories"});
  const Tensor x = at::tensor(flat, at::kDouble).view({std::ssize(shares), -1});
  const std::int64_t n = x.size(0);
  const Tensor mean = x.mean(0), error = standard_error(x);
  const double largest = ((mean - 1.0 / static_cast<double>(x.size(1))) / error).abs().max().item<double>();

  const Tensor u = uniform({draws, n}, {.seed = seed, .purpose = Purpose::evaluation, .step = 3}, at::kDouble);
  const Tensor chosen = (u * static_cast<double>(n)).floor().to(at::kLong).clamp_max(n - 1);
  const Tensor again = x.index_select(0, chosen.flatten()).view({draws, n, x.size(1)}).transpose(0, 1);
  const Tensor deviation = ((again.mean(0) - mean) / standard_error(again)).abs().amax(1);
  return {.share = as_vector(mean),
          .standard_error = as_vector(error),
          .band = deviation.quantile(0.95).item<double>(),
          .p_value = deviation.ge(largest).to(at::kDouble).mean().item<double>()};
}

namespace {

/// Values, squares and products from one time to the next: (trajectory, member, feature).
Tensor features_of(const Tensor& x) {
  std::vector<Tensor> parts{x.flatten(2), x.square().flatten(2)};
  if (x.size(2) > 1) parts.push_back((x.slice(2, 1) * x.slice(2, 0, x.size(2) - 1)).flatten(2));
  return at::cat(parts, 2);
}

/// Weights of a logistic regression with a little ridge, by Newton's method; x (n, feature) has a column of ones, y is
/// 0 or 1.
Tensor logistic_weights(const Tensor& x, const Tensor& y) {
  constexpr double ridge = 1e-3;
  constexpr int max_steps = 25;
  const auto n = static_cast<double>(x.size(0));
  Tensor w = at::zeros({x.size(1)}, x.options());
  for (int step = 0; step < max_steps; ++step) {
    const Tensor p = at::sigmoid(x.mv(w));
    const Tensor gradient = x.t().mv(p - y) / n + ridge * w;
    Tensor curvature = x.t().mm(x * (p * (1 - p)).unsqueeze(1)) / n;
    curvature.diagonal().add_(ridge);
    const Tensor change = at::linalg_solve(curvature, gradient);
    w = w - change;
    if (change.abs().max().item<double>() < 1e-8) break;
  }
  return w;
}

}  // namespace

Estimate classifier_test(const std::vector<Tensor>& posterior, const std::vector<Tensor>& reference,
                         std::int64_t folds) {
  const auto trajectories = std::ssize(posterior);
  if (folds < 2 || trajectories < folds || std::ssize(reference) != trajectories)
    throw ValueError({.what = "too few trajectories to leave some out, or not as many of each",
                      .where = "classifier test",
                      .found = std::to_string(trajectories) + " and " + std::to_string(reference.size()),
                      .expected = "at least " + std::to_string(std::max<std::int64_t>(folds, 2))});
  const Shape shape = posterior.front().sizes().slice(1).vec();
  for (const auto* members : {&posterior, &reference}) {
    for (const Tensor& x : *members) {
      if (x.dim() >= 3 && x.sizes() == prepend({members->front().size(0)}, shape)) continue;
      throw ShapeError({.what = "members do not fit each other",
                        .where = "classifier test",
                        .found = to_string(x.sizes()),
                        .expected = "(member, time, …event) of one shape"});
    }
  }
  // As many of each, or the classifier would know before it looks.
  const std::int64_t members = std::min(posterior.front().size(0), reference.front().size(0));
  std::vector<Tensor> rows;
  for (std::size_t i = 0; i < posterior.size(); ++i) {
    const Tensor both =
        at::cat({posterior[i].narrow(0, 0, members), reference[i].narrow(0, 0, members)}).to(at::kDouble);
    rows.push_back((both - both.mean(0)) / both.std(0).clamp_min(1e-12));
  }
  Tensor x = at::stack(rows);
  x = features_of(x);
  const Tensor y = at::cat({at::ones({members}, at::kDouble), at::zeros({members}, at::kDouble)});

  std::vector<Tensor> areas;
  for (std::int64_t fold = 0; fold < folds; ++fold) {
    const std::int64_t begin = trajectories * fold / folds, end = trajectories * (fold + 1) / folds;
    const Tensor rest = at::cat({x.slice(0, 0, begin), x.slice(0, end)}).flatten(0, 1);
    const Tensor mean = rest.mean(0), scale = rest.std(0).clamp_min(1e-12);
    const auto prepared = [&](const Tensor& features) {
      const Tensor standard = (features - mean) / scale;
      return at::cat({standard, at::ones_like(standard.narrow(-1, 0, 1))}, -1);
    };
    const Tensor w = logistic_weights(prepared(rest), y.repeat({trajectories - (end - begin)}));
    const Tensor score = at::matmul(prepared(x.slice(0, begin, end)), w);  // (trajectory, member)
    const Tensor difference = score.narrow(1, 0, members).unsqueeze(2) - score.narrow(1, members, members).unsqueeze(1);
    areas.push_back(((difference.sign() + 1) / 2).mean(at::IntArrayRef({1, 2})));
  }
  return estimate(at::cat(areas));
}

}  // namespace sda
