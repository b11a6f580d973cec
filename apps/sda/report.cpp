/// sda report: pictures and one page of posteriors, each beside its observation and the filter's posterior.
#include "sda/workflow/report.hpp"

#include <fmt/format.h>

#include "command.hpp"
#include "scoring.hpp"

namespace sda::app {
namespace {

void report(const ReportFiles& files, const Globals& globals) {
  const ReportResult found = report_files(files, globals.command_line, globals.seed);
  print(found.table);
  say(fmt::format("reported {} in {}", found.cases == 1 ? "1 case" : fmt::format("{} cases", found.cases), found.page));
}

}  // namespace

Subcommand report_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<ReportFiles>();
  ReportFiles& files = *options;
  files.title = "Score-based data assimilation";
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
  repeated("--obs", files.observations, "observation file")->required();
  repeated("--reference", files.references, "ensemble to compare with, mostly the particle filter's");
  repeated("--floor", files.floors, "the filter run once more with another seed: how far apart two filters are");
  flags->add_option("ENSEMBLE", files.ensembles, "ensemble files, one for each --obs, in its order")
      ->required()
      ->type_name(value::file);
  add_scoring_flags(*flags, files.scoring);
  flags->add_option("-o,--output", files.folder, "folder for report.html and the pictures; made if missing")
      ->required()
      ->type_name(value::folder);
  flags->add_option("--title", files.title, "of the page")->capture_default_str();
  return {flags, [options, &globals] { report(*options, globals); }};
}

}  // namespace sda::app
