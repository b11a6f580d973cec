/// Pictures and one self-contained HTML page of an experiment.
#pragma once

#include <string>
#include <vector>

#include "sda/core/provenance.hpp"
#include "sda/core/trajectories.hpp"
#include "sda/evaluation/metrics.hpp"
#include "sda/observation/observations.hpp"

namespace sda {

/// One case: an observation, the posterior ensembles of it and their scores.
struct ReportCase {
  std::string name;  ///< "lo"
  Observations observations;
  Ensemble posterior;  ///< what was assimilated
  Ensemble reference;  ///< the filter's; undefined members if none
  std::vector<EnsembleScores> scores;
  Tensor simulated{};  ///< (…, event) states of the simulator, for its energy spectrum; may be undefined
};

/// Trajectories of the members over the filter's band (5 to 95 %), the truth and the observations, a panel for each
/// component (at most 6); observations that are not of one component in panels of their own; spread and error; rank
/// histogram and scores. Axes carry names and units. States on a plane come first as pictures (vorticity of velocities,
/// else the first variable): truth, observations, mean, spread and a few members, a column for each of a few times in
/// PNG, with a slider over time in the page; velocities with their energy spectrum. Writes `directory`/report.html,
/// offline and self-contained, then `directory`/NAME.png for each case, and NAME.gif where states are on a plane; the
/// folder is made if need be. `table` is a text printed as it is. Throws ShapeError or ValueError for members that do
/// not fit the observations or are not finite, UsageError for two cases of one name, FileError.
void write_report(const std::string& directory, const std::string& title, const std::vector<ReportCase>& cases,
                  const std::string& table, const Provenance& provenance);

/// Draws one case as PNG, 2000 pixels wide; `provenance` goes into its text chunks. Throws FileError if the file cannot
/// be written; then nothing is left behind.
void write_png(const std::string& path, const ReportCase& report_case, const Provenance& provenance = {});

/// Draws the pictures of states on a plane one time after another, at most 32 of them, as an animated GIF that repeats.
/// Throws UnsupportedError for other states, and as `write_png`.
void write_gif(const std::string& path, const ReportCase& report_case);

}  // namespace sda
