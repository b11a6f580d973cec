/// sda study misspecified: a prior of other parameters than the truth's. How wrong posteriors become, by the prior's
/// fault alone and as sampled.
#include "study.hpp"

namespace sda::app {
namespace {

struct StudyMisspecifiedOptions {
  StudyFlags flags;
  MisspecifiedStudy study;
};

}  // namespace

Subcommand misspecified_study(CLI::App& studies, Globals& globals) {
  auto options = std::make_shared<StudyMisspecifiedOptions>();
  auto& study = options->study;
  CLI::App* flags = add_study(studies, "misspecified", "A prior of other parameters than the truth's",
                              "-o run/misspecified --vary r --values 0.9,0.95,0.97,0.98,0.99", options->flags);
  flags->add_option("--vary", study.key, "key of [dynamics] that the prior has another value of")
      ->capture_default_str();
  add_list(*flags, "--values", study.values, "that the prior believes in; the truth's is the configuration's");
  add_list(*flags, "--k", study.orders, "orders of the windows, or full");
  return {flags, [options, &globals] {
            run_study(globals, options->flags, "priors", [&](const StudyOutput& output) {
              return study_misspecified(subject_of(options->flags, globals, true), options->study, output);
            });
          }};
}

}  // namespace sda::app
