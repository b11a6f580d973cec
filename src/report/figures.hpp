/// What the pictures of one case show, as plain numbers: drawn as a page by page.cpp, as PNG by picture.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "report/films.hpp"
#include "sda/report/report.hpp"

namespace sda::report {

/// Which series a reader switches on and off; also the name of its style.
enum class Role { members, posterior_band, posterior_mean, reference_band, reference_mean, truth };
/// "posterior-band": the class of the page's style sheet.
std::string to_string(Role role);

struct Band {
  Role role;
  std::string label;
  std::vector<double> low, high;
};

struct Curve {
  Role role;
  std::string label;
  std::vector<double> values;
  bool dashed = false;
};

/// Departures with one standard deviation of their noise, in the panel's unit.
struct Departures {
  std::vector<double> times, values, errors;
};

/// Curves over one time axis.
struct Panel {
  std::string name;   ///< "x"
  std::string title;  ///< "Lorenz 1963 convection intensity"
  std::string unit;   ///< "dimensionless"
  std::vector<double> times;
  std::vector<std::vector<double>> members;  ///< a few of the posterior's
  std::vector<Band> bands;
  std::vector<Curve> curves;
  Departures observations;
  bool from_zero = false;  ///< the axis starts at zero

  std::string axis() const;  ///< "x (dimensionless)"
  /// Least and largest value shown, with a margin; never empty.
  std::pair<double, double> range() const;
};

/// Counts in bins of ranks over what a uniform distribution would put there.
struct RankBars {
  std::string method;
  Role role = Role::posterior_mean;
  std::vector<double> ratio;
  double tolerance = 0;     ///< 95 % of independent ranks' bins lie within 1 ± this
  std::int64_t values = 0;  ///< how many ranks
};

struct Figures {
  std::string name, method, reference_method;  ///< reference_method empty if there is none
  std::string observed;                        ///< operator, noise and count, in a phrase
  std::string time_axis;                       ///< "time (dimensionless)"
  double first_time = 0, last_time = 1;        ///< of the axis: a little more than the states'
  std::vector<Panel> states;                   ///< a component each, at most 6
  std::vector<Panel> observations;  ///< an observation each, at most 6, where observations are not single components
  Panel skill;                      ///< spread and error over time
  std::vector<RankBars> ranks;
  std::vector<Films> films;       ///< of states on a plane, of each quantity
  std::optional<Panel> spectrum;  ///< of velocities: energy over wavenumber (in `times`), to be drawn on logarithms
  std::string wavenumber_axis, spectrum_caption;
  std::vector<EnsembleScores> scores;
  std::string states_caption, observations_caption, skill_caption, ranks_caption;
  std::int64_t members = 0, stride = 1;  ///< members drawn as lines; states from one drawn point to the next
};

inline constexpr std::int64_t max_panels = 6;
inline constexpr std::int64_t max_lines = 32;

/// At most `lines` members as lines, every `stride`-th state (the last one always), and `pixels` of pictures.
Figures figures_of(const ReportCase& report_case, std::int64_t lines = max_lines, std::int64_t stride = 1,
                   std::int64_t pixels = max_pixels);

/// Least and largest value shown in the panel, over whole powers of ten, as exponents.
std::pair<double, double> decades(const Panel& panel);
/// first, 2 first, 4 first … up to last: marks of a logarithmic axis.
std::vector<double> doublings(double first, double last);

/// Round tick values within low … high, about `count` of them.
std::vector<double> ticks(double low, double high, int count);
/// A tick's text: as many decimals as its neighbours need.
std::string tick_text(double value, double step);
/// "19.3 ± 2.1" with as many decimals as the error warrants.
std::string to_string(const Estimate& estimate);
/// One row of the table of scores; a dash where there is none. Columns as `score_columns`.
std::vector<std::string> score_row(const EnsembleScores& scores);
std::vector<std::string> score_columns();

/// A file name for a case: its name, with what a file system may not like replaced.
std::string file_stem(const std::string& name);

}  // namespace sda::report
