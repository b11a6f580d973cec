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
/// component (at most 6), rank histogram and scores. Axes carry names and units.
/// Writes `directory`/NAME.png for each case and `directory`/report.html; offline, self-contained.
void write_report(const std::string& directory, const std::string& title, const std::vector<ReportCase>& cases,
                  const std::string& table, const Provenance& provenance);

/// Draws one case as PNG. Throws FileError if the picture program is missing.
void write_png(const std::string& path, const ReportCase& report_case);

}  // namespace sda
