// Report of files: cases, each scored as evaluate scores it, then the page, and the table below it.
#include "sda/workflow/report.hpp"

#include <fmt/format.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/data/files/folders.hpp"
#include "sda/experiment/run.hpp"
#include "sda/report/report.hpp"
#include "sda/report/scores.hpp"

namespace sda {
namespace {

void require_as_many(const std::string& flag, std::size_t found, std::size_t expected) {
  if (found == expected) return;
  throw UsageError({.what = "each --obs takes one ENSEMBLE and, where --reference is given, one of it; in one order",
                    .where = flag,
                    .found = fmt::format("{}", found),
                    .expected = fmt::format("{}", expected)});
}

/// What a report is made of, filled case by case.
struct Cases {
  std::vector<ReportCase> cases;
  std::vector<ScoredEnsemble> rows;
  std::string remarks;
  Provenance inputs;  ///< of the first ensemble

  void add(const ReportFiles& files, std::size_t i, std::uint64_t seed);
};

void Cases::add(const ReportFiles& files, std::size_t i, std::uint64_t seed) {
  const Scoring scoring(files.observations[i], files.scoring, seed);
  const Observations& y = scoring.observations();
  const EnsembleFile posterior = read_ensemble_of(files.ensembles[i], y);
  remarks += scoring.remark();
  if (i == 0) inputs = posterior.provenance;
  ReportCase one{.name = y.name,
                 .observations = y,
                 .posterior = posterior.ensemble,
                 .reference = {},
                 .scores = {},
                 .simulated = scoring.simulated()};
  const auto add_row = [&](ScoredEnsemble row) {
    one.scores.push_back(row.scores);
    remarks += remark_on_misfit(row);
    rows.push_back(std::move(row));
  };
  if (files.references.empty()) {
    add_row(scoring.score(files.ensembles[i], posterior));
  } else {
    const EnsembleFile reference = read_ensemble_of(files.references[i], y);
    one.reference = reference.ensemble;
    const Tensor second = files.floors.empty() ? Tensor() : read_ensemble_of(files.floors[i], y).ensemble.members;
    add_row(scoring.score(files.ensembles[i], posterior, reference.ensemble.members, second));
    add_row(scoring.score(files.references[i], reference));
  }
  for (auto& row : scoring.score_interpolations()) add_row(std::move(row));
  cases.push_back(std::move(one));
}

}  // namespace

ReportResult report_files(const ReportFiles& files, const std::string& command, std::uint64_t seed) {
  require_as_many("ENSEMBLE", files.ensembles.size(), files.observations.size());
  if (!files.references.empty()) require_as_many("--reference", files.references.size(), files.observations.size());
  if (!files.floors.empty()) require_as_many("--floor", files.floors.size(), files.references.size());
  Cases all;
  for (std::size_t i = 0; i < files.observations.size(); ++i) all.add(files, i, seed);

  OutputFolder folder(files.folder);
  ReportResult result{
      .page = folder.file("report.html"), .table = score_table(all.rows) + all.remarks, .cases = all.cases.size()};
  for (const auto& one : all.cases) {
    folder.file(one.name + ".png");
    if (has_fields(one.observations.layout)) folder.file(one.name + ".gif");
  }
  const Experiment experiment = base_experiment("", all.inputs, files.ensembles.front());
  write_report(files.folder, files.title, all.cases, result.table, make_provenance(command, to_toml(experiment), seed));
  folder.keep();
  return result;
}

}  // namespace sda
