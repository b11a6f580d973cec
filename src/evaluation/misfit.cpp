// χ² of members' departures, all together and by variable, place and time.
#include "sda/evaluation/misfit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/torch.hpp"
#include "evaluation/observation_groups.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

using evaluation::ObservationGroups;

/// χ² per observation that an analysis by a network may have, and what is no analysis any more: three deviations.
constexpr double tolerated = 1.5, no_analysis = 9;
/// How often a right analysis is found in excess, all groups of a kind together; about three times so for members that
/// depend on each other.
constexpr double level = 1e-4;
constexpr double largest_of_other_noise = 4;

/// z² of each observation, summed over members: (observation) in float64.
Tensor sums_of_squares(const Observations& y, const Tensor& members) {
  const Tensor x = members.detach().to(at::kDouble);
  std::vector<Tensor> all;
  for (const auto& part : y.parts) {
    const Tensor z = part.noise.standardised(part.values, part.op->apply(x)).abs();
    const Tensor counted = part.noise.is_gaussian() ? z : z.clamp_max(largest_of_other_noise);
    all.push_back(counted.square().flatten(1).sum(0));
  }
  return at::cat(all).nan_to_num(std::numeric_limits<double>::infinity());
}

bool is_excess(const Misfit& found, std::int64_t groups) {
  return found.observations > 0 && found.tail(tolerated) < level / static_cast<double>(groups);
}

/// The observations where `chosen` (observation), bool, is true.
Misfit misfit_where(const Tensor& squares, const Tensor& chosen, const std::string& of) {
  const Tensor some = squares.masked_select(chosen);
  return {of, some.numel(), some.numel() > 0 ? some.mean().item<double>() : 0};
}

MisfitGroups judged(const Tensor& squares, const ObservationGroups& by) {
  MisfitGroups found{.by = by.by, .excess = {}, .groups = std::ssize(by.names)};
  const Tensor group = at::tensor(by.group_of, at::kLong), known = group.ge(0);
  const Tensor index = group.masked_select(known), of_known = squares.masked_select(known);
  const Tensor sums = at::zeros({found.groups}, at::kDouble).index_add_(0, index, of_known);
  const Tensor counts = at::bincount(index, {}, found.groups);
  std::vector<std::int64_t> in_excess;
  for (std::int64_t g = 0; g < found.groups; ++g) {
    const auto n = counts[g].item<std::int64_t>();
    const Misfit one{by.names[static_cast<std::size_t>(g)], n, sums[g].item<double>() / static_cast<double>(n)};
    if (!is_excess(one, found.groups)) continue;
    found.excess.push_back(one);
    in_excess.push_back(g);
  }
  std::sort(found.excess.begin(), found.excess.end(), [](auto& a, auto& b) { return a.chi_square > b.chi_square; });
  const Misfit rest = misfit_where(squares, at::isin(group, at::tensor(in_excess, at::kLong)).logical_not(), "rest");
  found.explains = !in_excess.empty() && 2 * rest.observations >= squares.numel() && !is_excess(rest, 1);
  return found;
}

}  // namespace

double chi_square_tail(double chi_square, std::int64_t n) {
  // Q(n/2, χ²/2), the regularised incomplete gamma function
  const Tensor half = at::tensor({static_cast<double>(n) / 2}, at::kDouble);
  return std::isinf(chi_square) ? 0 : at::igammac(half, at::tensor({chi_square / 2}, at::kDouble)).item<double>();
}

double Misfit::tail(double expected) const {
  return chi_square_tail(chi_square * static_cast<double>(observations) / expected, observations);
}

bool MisfitSummary::any_excess() const {
  return is_excess || std::any_of(by.begin(), by.end(), [](const auto& groups) { return !groups.excess.empty(); });
}

void MisfitOfMembers::add(const Tensor& members) {
  const Tensor squares = sums_of_squares(observations_, members);
  squares_ = squares_.defined() ? squares_ + squares : squares;
  members_ += members.size(0);
  const double farthest = members.abs().max().item<double>();
  if (!(farthest <= farthest_)) farthest_ = farthest;  // NaN too
}

MisfitSummary misfit(const Observations& observations, const Tensor& members) {
  MisfitOfMembers all(observations);
  all.add(members);
  return all.summary();
}

MisfitSummary MisfitOfMembers::summary() const {
  const Tensor squares = squares_ / static_cast<double>(members_);
  MisfitSummary summary{.all = misfit_where(squares, at::ones_like(squares, at::kBool), "all")};
  summary.is_excess = is_excess(summary.all, 1);
  summary.farthest = farthest_;
  for (const auto& by : evaluation::observation_groups(observations_)) {
    if (by.names.size() > 1) summary.by.push_back(judged(squares, by));
  }
  return summary;
}

namespace {

/// "time 0.5 (χ² 9.1), time 1 (χ² 7.3), …"
std::string first_of(const std::vector<Misfit>& excess) {
  constexpr std::size_t max_named = 3;
  std::vector<std::string> named;
  for (std::size_t i = 0; i < std::min(max_named, excess.size()); ++i) {
    named.push_back(fmt::format("{} (χ² {:.3g} of {})", excess[i].of, excess[i].chi_square, excess[i].observations));
  }
  return fmt::format("{}{}", fmt::join(named, ", "), excess.size() > max_named ? ", …" : "");
}

std::string likely_cause(ObservationGrouping by) {
  switch (by) {
    case ObservationGrouping::variable:
      return "its units or its error are likely wrong";
    case ObservationGrouping::place:
      return "its coordinates, or an instrument there, are likely wrong";
    case ObservationGrouping::time:
      break;
  }
  return "those times are likely wrong, or what happened then is unlike all that the prior was trained on";
}

}  // namespace

std::string in_words(const MisfitSummary& summary) {
  if (!summary.any_excess()) return "";
  const auto& [of, n, chi_square] = summary.all;
  std::string text = fmt::format(
      "members miss {} observations by {:.3g} of their errors (χ² per observation {:.3g}, expected 1 ± {:.2g})", n,
      std::sqrt(chi_square), chi_square, std::sqrt(2.0 / static_cast<double>(n)));
  const MisfitGroups* cause = nullptr;
  for (const auto& groups : summary.by) {
    if (groups.explains && (cause == nullptr || groups.excess.size() < cause->excess.size())) cause = &groups;
  }
  if (cause != nullptr) {
    return text + fmt::format("; all others fit but {}: {}", first_of(cause->excess), likely_cause(cause->by));
  }
  for (const auto& groups : summary.by) {
    const auto excess = std::ssize(groups.excess);
    if (excess > 0 && excess < groups.groups) text += fmt::format("; most at {}", first_of(groups.excess));
  }
  return text + fmt::format(
                    "; likely the prior is of another system, order of axes or units of time, the errors are too "
                    "small by a factor of {:.2g}, or the sampler took too few steps",
                    std::sqrt(chi_square));
}

void require_explained(const MisfitSummary& summary, double range, const std::string& hint) {
  if (!(summary.farthest <= range)) {
    throw NumericalError({.what = "members diverged: they leave the range of the data that the prior was trained on",
                          .where = "posterior",
                          .found = fmt::format("{:.3g} standard deviations from their mean", summary.farthest),
                          .expected = fmt::format("at most {:g}", range),
                          .hint = hint});
  }
  if (summary.all.tail(no_analysis) >= level) return;
  throw NumericalError(
      {.what = "members do not explain the observations",
       .where = "posterior",
       .found = fmt::format("χ² per observation {:.3g} of {}", summary.all.chi_square, summary.all.observations),
       .expected = fmt::format("about 1, at most {:g}", no_analysis),
       .hint = hint});
}

}  // namespace sda
