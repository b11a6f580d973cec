/// sda study sampler: accuracy against network passes of every rule, grid and noise, with no sampling noise.
#include "study.hpp"

namespace sda::app {
namespace {

struct StudySamplerOptions {
  StudyFlags flags;
  SamplerStudy study;
};

}  // namespace

Subcommand sampler_study(CLI::App& studies, Globals& globals) {
  auto options = std::make_shared<StudySamplerOptions>();
  auto& study = options->study;
  CLI::App* flags =
      add_study(studies, "sampler", "Accuracy against network passes of rules, grids, noise and steps",
                "-o run/samplers --rules sda,mmps --noise langevin:1,churn:1 --steps 64,128,256", options->flags);
  add_list(*flags, "--rules", study.rules, "sda, sda-detached, dps, pigdm, mmps, none");
  add_list(*flags, "--k", study.orders, "orders of the windows, or full");
  add_list(*flags, "--grids", study.grids, "uniform, log_snr, power:EXPONENT, karras:EXPONENT");
  add_list(*flags, "--noise", study.noises,
           "none, churn:DELTA, langevin:C[:TAU], leimkuhler_matthews:C[:TAU] with C corrections a step");
  add_list(*flags, "--steps", study.steps, "predictor steps")->check(CLI::PositiveNumber.description("> 0"));
  return {flags, [options, &globals] {
            run_study(globals, options->flags, "ways to sample", [&](const StudyOutput& output) {
              return study_sampler(subject_of(options->flags, globals, false), options->study, output);
            });
          }};
}

}  // namespace sda::app
