/// Ranks of the truth among the members.
#pragma once

#include <string>
#include <vector>

#include "report/statistics/case_data.hpp"

namespace sda::report {

/// Counts in bins of ranks over what a uniform distribution would put there.
struct RankBars {
  std::string method;
  Role role = Role::posterior_mean;
  std::vector<double> ratio;
  double tolerance = 0;     ///< 95 % of independent ranks' bins lie within 1 ± this
  std::int64_t values = 0;  ///< how many ranks
};

/// Of each ensemble of at least two members that has ranks.
std::vector<RankBars> rank_bars(const CaseData& data);
/// Whether the truth lies at the ensembles' edges as often as it should.
std::string ranks_caption(const std::vector<RankBars>& all);

}  // namespace sda::report
