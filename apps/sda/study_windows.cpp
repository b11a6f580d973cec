/// sda study windows: the composed score against the trajectory's own, as a function of k, t, L and stride.
#include "study.hpp"

namespace sda::app {
namespace {

struct StudyWindowsOptions {
  StudyFlags flags;
  WindowsStudy study;
};

Subcommand add_windows(CLI::App& studies, Globals& globals, const std::string& name) {
  auto options = std::make_shared<StudyWindowsOptions>();
  auto& study = options->study;
  CLI::App* flags = add_study(studies, name, "How wrong the composed score is, as a function of k, t, L and stride",
                              "-o run/windows --k 1,2,3,4 --length 65\n"
                              "  sda study windows --data run/data/train.nc -o run/windows_of_data",
                              options->flags);
  flags
      ->add_option("--data", study.data,
                   "trajectories: the Gaussian process with their autocovariances takes the place of the chain")
      ->type_name(value::file);
  add_list(*flags, "--k", study.orders, "orders: windows of 2k+1 states")
      ->check(CLI::PositiveNumber.description("> 0"));
  add_list(*flags, "--stride", study.strides, "states that a window gives")
      ->check(CLI::PositiveNumber.description("> 0"));
  add_list(*flags, "--length", study.lengths, "states of a trajectory")->check(CLI::PositiveNumber.description("> 0"));
  add_list(*flags, "--times", study.times, "t")->check(CLI::Range(0.0, 1.0).description("0 to 1"));
  flags->add_option("--tolerance", study.tolerance, "error of the mean that is small enough, for the advice")
      ->check(CLI::PositiveNumber.description("> 0"))
      ->capture_default_str();
  return {flags, [options, &globals] {
            run_study(globals, options->flags, "windows", [&](const StudyOutput& output) {
              return study_windows(study_experiment(options->flags, globals, false), options->study, output);
            });
          }};
}

}  // namespace

Subcommand windows_study(CLI::App& studies, Globals& globals) {
  return add_windows(studies, globals, "windows");
}

Subcommand windows_study_of_0_1(CLI::App& studies, Globals& globals) {
  Subcommand study = add_windows(studies, globals, "blanket");
  study.flags->group("");
  return study;
}

}  // namespace sda::app
