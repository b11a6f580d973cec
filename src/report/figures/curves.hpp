/// Figures of curves: quantities over time, the energy spectrum, ranks of the truth, scores as a table.
#pragma once

#include <string>

#include "report/statistics/case_statistics.hpp"
#include "report/svg.hpp"

namespace sda::report {

/// Widths of figures over a whole page, and of those that stand beside each other, in pixels.
inline constexpr double page_width = 1000, half_width = 485, third_width = 318, axis_width = 62;

/// One quantity over time: reference band, members, posterior band, curves and observations, from back to front.
/// `time_axis` names the axis; empty where another panel below does.
Drawing panel_over_time(const Panel& panel, const CaseStatistics& statistics, const std::string& time_axis);
/// Spread and error over time, with their legend.
Drawing skill_drawing(const CaseStatistics& statistics, double width);
/// Energy over wavenumber on logarithms, with its legend.
Drawing spectrum_drawing(const Panel& panel, const std::string& wavenumber_axis, double width);
/// Bars of counts over a uniform histogram's, with the stripe that chance allows.
Drawing ranks_drawing(const std::vector<RankBars>& all, double width);
/// Rows and columns of scores as text.
Drawing scores_drawing(const std::vector<EnsembleScores>& scores);

}  // namespace sda::report
