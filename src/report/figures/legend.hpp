/// Legends: a sample of each series beside its name.
#pragma once

#include <string>
#include <vector>

#include "report/statistics/case_statistics.hpp"
#include "report/svg.hpp"

namespace sda::report {

inline constexpr double sample_width = 30, sample_height = 14;

struct LegendEntry {
  std::string series;  ///< the class by which a reader switches it on and off
  std::string sample;  ///< elements within sample_width × sample_height
  std::string label;
};

std::string line_sample(const std::string& style);
std::string band_sample(Role role);
std::string bar_sample(const std::string& style);

/// What the panels over time show: members, bands, means, truth and observations, as far as there are any.
std::vector<LegendEntry> series_of(const CaseStatistics& statistics);
/// Bands and curves of one panel, by their own names.
std::vector<LegendEntry> series_of(const Panel& panel);

/// Entries beside each other, over as many rows as they need.
Drawing legend(const std::vector<LegendEntry>& entries, double width);

}  // namespace sda::report
