/// sda evaluate: how good ensembles of one observation are, beside the filter's.
#include "sda/workflow/evaluate.hpp"

#include "command.hpp"
#include "scoring.hpp"

namespace sda::app {
namespace {

struct EvaluateOptions {
  EvaluationFiles files;
  bool json = false;
};

void evaluate(const EvaluateOptions& options, const Globals& globals) {
  const EvaluationResult found = [&] {
    ProgressBar bar = globals.progress("evaluate", "ensembles");
    return evaluate_files(options.files, globals.seed, telling_by(bar).progress);
  }();
  if (options.json) {
    say(score_json(found.name, options.files.observations, found.rows, found.reference));
  } else {
    print(score_table(found.all()) + found.remark);
  }
}

}  // namespace

Subcommand evaluate_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<EvaluateOptions>();
  EvaluationFiles& files = options->files;
  CLI::App* flags = add_subcommand(program, "evaluate", "Score ensembles of an observation beside the filter's",
                                   "sda evaluate --obs run/lo.nc --reference run/lo_filter.nc run/lo_posterior.nc");
  flags->add_option("--obs", files.observations, "observation file")->required()->type_name(value::file);
  flags->add_option("--reference", files.reference, "ensemble to compare with, mostly the particle filter's")
      ->type_name(value::file);
  flags
      ->add_option("--floor", files.floor,
                   "the filter run once more with another seed: how far apart two filters are; without it two parts of "
                   "the reference are compared")
      ->type_name(value::file)
      ->needs("--reference");
  flags->add_option("ENSEMBLE", files.ensembles, "ensemble files")->required()->type_name(value::file);
  add_scoring_flags(*flags, files.scoring);
  flags->add_flag("--json", options->json, "JSON in place of the table");
  return {flags, [options, &globals] { evaluate(*options, globals); }};
}

}  // namespace sda::app
