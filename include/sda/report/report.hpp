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
};

/// Trajectories of the members over the filter's band (5 to 95 %), the truth and the readings, a panel for each
/// component (at most 6); readings that are not of one component in panels of their own; spread and error; rank
/// histogram and scores. Axes carry names and units.
/// Writes `directory`/report.html, offline and self-contained, then `directory`/NAME.png for each case; the folder is
/// made if need be. `table` is a text printed as it is. Throws ShapeError or ValueError for members that do not fit
/// the observations or are not finite, UsageError for two cases of one name, FileError.
void write_report(const std::string& directory, const std::string& title, const std::vector<ReportCase>& cases,
                  const std::string& table, const Provenance& provenance);

/// Draws one case as PNG, 2000 pixels wide, with gnuplot; `provenance` goes into its text chunks. Throws FileError if
/// gnuplot is missing or the file cannot be written; then nothing is left behind.
void write_png(const std::string& path, const ReportCase& report_case, const Provenance& provenance = {});

}  // namespace sda
