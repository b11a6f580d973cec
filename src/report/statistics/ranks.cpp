/// Rank histograms (Talagrand): counts over what a uniform distribution would put into each bin.
#include "report/statistics/ranks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sda::report {
namespace {

/// Ranks in at most 16 bins, few enough that each expects 8 values.
RankBars bars_of(const EnsembleScores& scores, Role role) {
  RankBars bars;
  bars.method = scores.method;
  bars.role = role;
  for (const auto n : scores.ranks) bars.values += n;
  const auto places = static_cast<std::int64_t>(scores.ranks.size());
  const auto bins = std::min(places, std::clamp<std::int64_t>(bars.values / 8, 2, 16));
  std::vector<double> counts(static_cast<std::size_t>(bins)), widths(counts.size());
  for (std::int64_t r = 0; r < places; ++r) {
    const auto bin = static_cast<std::size_t>(r * bins / places);
    counts[bin] += static_cast<double>(scores.ranks[static_cast<std::size_t>(r)]);
    widths[bin] += 1;
  }
  const auto n = static_cast<double>(bars.values);
  for (std::size_t b = 0; b < counts.size(); ++b) {
    bars.ratio.push_back(counts[b] / (n * widths[b] / static_cast<double>(places)));
  }
  const double p = 1.0 / static_cast<double>(bins);
  bars.tolerance = 1.96 * std::sqrt((1 - p) / (n * p));
  return bars;
}

}  // namespace

std::vector<RankBars> rank_bars(const CaseData& data) {
  std::vector<RankBars> all;
  for (const auto& scores : data.report_case.scores) {
    if (scores.members < 2) continue;  // there is no rank among one
    if (std::all_of(scores.ranks.begin(), scores.ranks.end(), [](auto n) { return n == 0; })) continue;
    const bool is_reference = scores.method == data.reference_method && (scores.method != data.method || !all.empty());
    all.push_back(bars_of(scores, is_reference ? Role::reference_mean : Role::posterior_mean));
  }
  return all;
}

std::string ranks_caption(const std::vector<RankBars>& all) {
  if (all.empty()) return "";
  std::string sentence;
  for (const auto& bars : all) {
    const double ends = (bars.ratio.front() + bars.ratio.back()) / 2;
    const char* observation = ends > 1 + bars.tolerance
                                  ? "too often at the ensemble’s edge, which is too narrow or biased"
                              : ends < 1 - bars.tolerance ? "too seldom at the ensemble’s edge, which is too wide"
                                                          : "at the ensemble’s edge as often as it should be";
    sentence += fmt::format("{}{}: the truth is {} (outer bins {:.2f} times their share)", sentence.empty() ? "" : "; ",
                            bars.method, observation, ends);
  }
  return sentence +
         "; flat is calibrated, and the grey stripe would hold 95 % of bins if ranks at neighbouring times were "
         "independent, which they are not.";
}

}  // namespace sda::report
