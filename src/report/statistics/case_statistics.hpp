/// What the figures of one case show, as plain numbers and sentences. No drawing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/statistics/animation.hpp"
#include "report/statistics/ranks.hpp"
#include "report/statistics/score_text.hpp"
#include "report/statistics/series.hpp"
#include "report/statistics/states.hpp"
#include "sda/report/report.hpp"

namespace sda::report {

struct CaseStatistics {
  std::string name, method, reference_method;  ///< reference_method empty if there is none
  std::string observed;                        ///< operator, noise and count, in a phrase
  std::string time_axis;                       ///< "time (dimensionless)"
  double first_time = 0, last_time = 1;        ///< of the axis: a little more than the states'
  std::vector<Panel> states;                   ///< a component each, at most 6
  std::vector<Panel> observations;  ///< an observation each, at most 6, where observations are not single components
  Panel skill;                      ///< spread and error over time
  std::vector<RankBars> ranks;
  std::vector<Animation> animations;  ///< of states on a plane, of each quantity
  std::optional<Panel> spectrum;      ///< of velocities: energy over wavenumber (in `times`), to be drawn on logarithms
  std::string wavenumber_axis, spectrum_caption;
  std::vector<EnsembleScores> scores;
  std::string states_caption, observations_caption, skill_caption, ranks_caption;
  std::int64_t members = 0, stride = 1;  ///< members drawn as lines; states from one drawn point to the next
};

inline constexpr std::int64_t max_lines = 32;

/// At most `lines` members as lines, every `stride`-th state (the last one always), and `pixels` of pictures. Throws
/// ShapeError or ValueError for members that do not fit the observations or are not finite.
CaseStatistics statistics_of(const ReportCase& report_case, std::int64_t lines = max_lines, std::int64_t stride = 1,
                             std::int64_t pixels = max_pixels);

}  // namespace sda::report
