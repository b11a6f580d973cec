/// sda study noise: the noise that is assumed against the noise there is, of another size or with heavy tails.
#include "study.hpp"

namespace sda::app {
namespace {

struct StudyNoiseOptions {
  StudyFlags flags;
  NoiseStudy study;
};

}  // namespace

Subcommand noise_study(CLI::App& studies, Globals& globals) {
  auto options = std::make_shared<StudyNoiseOptions>();
  auto& study = options->study;
  CLI::App* flags =
      add_study(studies, "noise", "Noise that is not as assumed: its size, and heavy tails",
                "-o run/noise --tails gaussian,student:3,contaminated:0.1:10 --assumed 0.5,1,2,4", options->flags);
  add_list(
      *flags, "--tails", study.tails,
      "gaussian, contaminated:SHARE:FACTOR (that share of observations has FACTOR times the noise), student:DEGREES");
  add_list(*flags, "--assumed", study.assumed, "assumed noise over the configuration's")
      ->check(CLI::PositiveNumber.description("> 0"));
  flags->add_option("--k", study.order, "order of the windows, or full")->capture_default_str();
  flags->add_option("--draws", study.draws, "of the scales of observations, to average over")
      ->check(CLI::PositiveNumber.description("> 0"))
      ->capture_default_str();
  return {flags, [options, &globals] {
            run_study(globals, options->flags, "noises", [&](const StudyOutput& output) {
              return study_noise(subject_of(options->flags, globals, true), options->study, output);
            });
          }};
}

}  // namespace sda::app
