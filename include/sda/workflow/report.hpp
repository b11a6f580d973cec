/// Report of files: pictures and one page of posteriors, each beside its observation and the filter's posterior.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sda/workflow/evaluate.hpp"

namespace sda {

/// A case is an observation, its ensemble and, where there are any, its reference and floor: lists in one order.
struct ReportFiles {
  std::vector<std::string> observations, ensembles;
  std::vector<std::string> references{}, floors{};  ///< the filter's, and those of another seed; empty: none
  ScoringInput scoring{};
  std::string folder;  ///< for report.html and the pictures; made if missing
  std::string title;
};
struct ReportResult {
  std::string page, table;
  std::size_t cases = 0;
};
/// Scores are of `seed`; `command` is for the record. Throws UsageError where lists do not fit each other, and as
/// Scoring, read_ensemble_of and write_report.
ReportResult report_files(const ReportFiles& files, const std::string& command, std::uint64_t seed);

}  // namespace sda
