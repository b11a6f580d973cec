/// Observations as they come from instruments, in files of other programs → observations of a trajectory.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "sda/core/fields.hpp"
#include "sda/observation/observations.hpp"

namespace sda {

/// What an observation between points of the grid, or between states, is of: a value interpolated linearly between
/// them, or the nearest one.
enum class PointChoice { linear, nearest };
constexpr auto choice_names(PointChoice) {
  return std::array{"linear", "nearest"};
}

/// [observation_file]
struct ObservationFileParameters {
  PointChoice space = PointChoice::linear, time = PointChoice::linear;
  double max_flag = 0;
  std::vector<double> good_flags{};
  double background_check = 10;
  std::vector<double> error{};
  std::vector<std::string> define{};
  NoiseShape noise{};
};
template <class Visitor>
void fields(Visitor& v, ObservationFileParameters& p) {
  v("space", p.space,
    "an observation is of the nearest point of the grid, or of a value between points by linear interpolation");
  v("time", p.time, "an observation is of the nearest state, or of a value between two states by linear interpolation");
  v("max_flag", p.max_flag, "observations with a larger quality flag are rejected", any());
  v("good_flags", p.good_flags,
    "quality flags of observations that are used, such as [1, 2] of Argo or [0, 1, 2] of PREPBUFR; []: those up to "
    "max_flag",
    or_none(any()));
  v("background_check", p.background_check,
    "observations of a variable farther than so many standard deviations from the data's mean are rejected; 0: none",
    at_least(0));
  v("error", p.error,
    "standard deviation of observations whose file gives none, one for all or one for each variable of a state; "
    "[]: the file must",
    or_none(above(0)));
  v("define", p.define,
    "other variables that a file may hold, \"speed = sqrt(u^2 + v^2)\", formulas of those of a state", any());
  fields(v, p.noise);
}

/// The trajectory that is to be found.
struct AssimilationWindow {
  std::string begin{}, end{};  ///< times of its first and last state, a number or a date; empty: as the observations
  std::optional<double> state_at{};  ///< a time at which the data have a state; without `begin` states keep to it
  std::int64_t min_length = 1;       ///< states
};

/// Reads a file of observations of states of this layout. A CSV has the columns time, one for each axis of space,
/// variable, value, error and, if there are such, flag and units; where the layout has one variable the column
/// `variable` may be missing. Or it has a column for each variable (VAR, VAR_error, VAR_flag), as tables of ERDDAP and
/// NDBC have. A second line may say the units of the columns. NetCDF has groups as IODA's, or variables with times and
/// coordinates over some of their dimensions: grids, swaths, profiles. Times are numbers or dates. Values, errors and
/// places in other units are converted to the data's. Each observation is a row of the link `points`, its error that
/// row's σ, whatever the form of the noise.
///
/// Observations with a bad flag, without value (an empty field, MM, NA, NaN), time or place, farther from the data's
/// mean than the background check allows, outside the domain or the window, or under the mask are rejected, which
/// `qc_summary` tells, and `rejected` lists one by one. Throws
/// FileError, naming file, line and column, for all else that is wrong, and if no observation is left; UsageError for a
/// window that is none.
Observations read_observations(const std::string& path, const StateLayout& layout, const Normalisation& normalisation,
                               const ObservationFileParameters& parameters, const AssimilationWindow& window);

}  // namespace sda
