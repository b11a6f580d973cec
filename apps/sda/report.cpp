/// sda report: pictures and one page of posteriors, each beside its observation and the filter's posterior.
#include <fmt/format.h>

#include "command.hpp"
#include "scoring.hpp"
#include "sda/core/error.hpp"
#include "sda/report/report.hpp"

namespace sda::app {
namespace {

struct Options {
  std::vector<std::string> observations, references, floors, ensembles;
  ScoringFlags scoring;
  std::string output, title = "Score-based data assimilation";
};

void require_as_many(const std::string& flag, std::size_t found, std::size_t expected) {
  if (found == expected) return;
  throw UsageError({.what = "each --obs takes one ENSEMBLE and, where --reference is given, one of it; in one order",
                    .where = flag,
                    .found = fmt::format("{}", found),
                    .expected = fmt::format("{}", expected)});
}

void report(const Options& options, const Globals& globals) {
  require_as_many("ENSEMBLE", options.ensembles.size(), options.observations.size());
  if (!options.references.empty()) {
    require_as_many("--reference", options.references.size(), options.observations.size());
  }

  if (!options.floors.empty()) require_as_many("--floor", options.floors.size(), options.references.size());

  std::vector<ReportCase> cases;
  std::vector<ScoredEnsemble> rows;
  std::string remarks;
  Provenance inputs;
  for (std::size_t i = 0; i < options.observations.size(); ++i) {
    const Scoring scoring(options.observations[i], options.scoring, globals.seed);
    const Observations& y = scoring.observations();
    const EnsembleFile posterior = read_ensemble_of(options.ensembles[i], y);
    remarks += scoring.remark();
    if (i == 0) inputs = posterior.provenance;
    ReportCase one{.name = y.name,
                   .observations = y,
                   .posterior = posterior.ensemble,
                   .reference = {},
                   .scores = {},
                   .simulated = scoring.simulated()};
    if (!options.references.empty()) {
      const EnsembleFile reference = read_ensemble_of(options.references[i], y);
      one.reference = reference.ensemble;
      Tensor second;
      if (!options.floors.empty()) second = read_ensemble_of(options.floors[i], y).ensemble.members;
      rows.push_back(scoring.score(options.ensembles[i], posterior, one.reference.members, second));
      one.scores.push_back(rows.back().scores);
      rows.push_back(scoring.score(options.references[i], reference));
    } else {
      rows.push_back(scoring.score(options.ensembles[i], posterior));
    }
    one.scores.push_back(rows.back().scores);
    for (auto& row : scoring.score_interpolations()) {
      one.scores.push_back(row.scores);
      rows.push_back(std::move(row));
    }
    cases.push_back(std::move(one));
  }

  OutputFolder folder(options.output);
  const std::string table = score_table(rows) + remarks;
  const std::string page = folder.file("report.html");
  for (const auto& one : cases) {
    folder.file(one.name + ".png");
    if (has_fields(one.observations.layout)) folder.file(one.name + ".gif");
  }
  const Experiment experiment = base_experiment("", inputs, options.ensembles.front());
  write_report(options.output, options.title, cases, table, provenance_of(globals, experiment));
  folder.keep();
  print(table);
  say(fmt::format("reported {} in {}", cases.size() == 1 ? "1 case" : fmt::format("{} cases", cases.size()), page));
}

}  // namespace

Subcommand report_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<Options>();
  CLI::App* flags = add_subcommand(
      program, "report", "Draw posteriors over observations and truth, as HTML and PNG",
      "sda report -o run/report --obs run/lo.nc --reference run/lo_filter.nc run/lo_posterior.nc\n"
      "  sda report -o run/report --obs run/lo.nc --obs run/hi.nc run/lo_posterior.nc run/hi_posterior.nc");
  const auto repeated = [&](const std::string& flag, std::vector<std::string>& values, const std::string& help) {
    return flags->add_option(flag, values, help + "; once for each case")
        ->type_name(value::file)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  repeated("--obs", options->observations, "observation file")->required();
  repeated("--reference", options->references, "ensemble to compare with, mostly the particle filter's");
  repeated("--floor", options->floors, "the filter run once more with another seed: how far apart two filters are");
  flags->add_option("ENSEMBLE", options->ensembles, "ensemble files, one for each --obs, in its order")
      ->required()
      ->type_name(value::file);
  add_scoring_flags(*flags, options->scoring);
  flags->add_option("-o,--output", options->output, "folder for report.html and the pictures; made if missing")
      ->required()
      ->type_name(value::folder);
  flags->add_option("--title", options->title, "of the page")->capture_default_str();
  return {flags, [options, &globals] { report(*options, globals); }};
}

}  // namespace sda::app
