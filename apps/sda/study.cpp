/// sda study: what each approximation costs, measured where everything is known in closed form.
#include "study.hpp"

namespace sda::app {

CLI::App* add_study(CLI::App& studies, const std::string& name, const std::string& description,
                    const std::string& example, StudyFlags& flags) {
  CLI::App* app = add_subcommand(studies, name, description, "sda study " + name + " " + example);
  add_config(*app, flags.config, "the chain of the published table is taken, a rotation with noise");
  app->add_option("--name", flags.observation, "which [observation.NAME]; may be left out if there is one only")
      ->type_name("NAME");
  app->add_option("-o,--output", flags.output, "OUTPUT.csv and OUTPUT.png; rows that are there are not computed again")
      ->required()
      ->type_name(value::file);
  app->add_flag("--resume", flags.resume, resume_help);
  return app;
}

Experiment study_experiment(const StudyFlags& flags, const Globals& globals, bool advised) {
  Experiment experiment = flags.config.empty() ? published_chain(advised) : read_experiment(flags.config);
  apply_flags(experiment, globals, {"simulation", "data", "network", "training", "assimilation", "filter"});
  return experiment;
}

StudySubject subject_of(const StudyFlags& flags, const Globals& globals, bool advised) {
  return {study_experiment(flags, globals, advised), flags.observation};
}

void run_study(const Globals& globals, const StudyFlags& flags, const std::string& unit,
               const std::function<StudyResult(const StudyOutput&)>& study) {
  const StudyResult found = [&] {
    ProgressBar bar = globals.progress("study", unit);
    return study({flags.output, globals.command_line, globals.seed, telling_by(bar).progress, flags.resume});
  }();
  print(found.text);
  say(found.summary);
}

Subcommand study_command(CLI::App& program, Globals& globals) {
  CLI::App* flags =
      add_subcommand(program, "study", "Measure what each approximation costs, on chains that are solved exactly",
                     "sda study windows -o run/windows\n  sda study sampler --help");
  flags->require_subcommand(1);
  auto studies = std::make_shared<std::vector<Subcommand>>();
  for (const auto add : {windows_study, windows_study_of_0_1, sampler_study, misspecified_study, noise_study,
                         memory_study, scaling_study})
    studies->push_back(add(*flags, globals));
  return {flags, [studies] {
            for (const auto& study : *studies) {
              if (study.flags->parsed()) study.run();
            }
          }};
}

}  // namespace sda::app
