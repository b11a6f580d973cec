/// sda study scaling: what accuracy and cost become with longer trajectories, wider windows and more corrections.
#include "study.hpp"

namespace sda::app {
namespace {

struct StudyScalingOptions {
  StudyFlags flags;
  ScalingStudy study;
};

}  // namespace

Subcommand scaling_study(CLI::App& studies, Globals& globals) {
  auto options = std::make_shared<StudyScalingOptions>();
  auto& study = options->study;
  CLI::App* flags =
      add_study(studies, "scaling", "Cost and error of longer trajectories, wider windows, more corrections",
                "-o run/scaling --length 17,33,65 --k 2,4 --corrections 0,1,2", options->flags);
  add_list(*flags, "--length", study.lengths, "states of a trajectory")->check(CLI::PositiveNumber.description("> 0"));
  add_list(*flags, "--k", study.orders, "orders: windows of 2k+1 states")
      ->check(CLI::PositiveNumber.description("> 0"));
  add_list(*flags, "--corrections", study.corrections, "corrections after each step")->check(CLI::NonNegativeNumber);
  return {flags, [options, &globals] {
            run_study(globals, options->flags, "sizes", [&](const StudyOutput& output) {
              return study_scaling(subject_of(options->flags, globals, false), options->study, output);
            });
          }};
}

}  // namespace sda::app
