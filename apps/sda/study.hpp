/// What the studies' flags share; the studies themselves are the library's (sda/study/studies.hpp).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "command.hpp"
#include "sda/study/studies.hpp"

namespace sda::app {

Subcommand windows_study(CLI::App& studies, Globals& globals);
/// Under the name that it had in version 0.1; help does not tell of it.
Subcommand windows_study_of_0_1(CLI::App& studies, Globals& globals);
Subcommand sampler_study(CLI::App& studies, Globals& globals);
Subcommand misspecified_study(CLI::App& studies, Globals& globals);
Subcommand noise_study(CLI::App& studies, Globals& globals);
Subcommand memory_study(CLI::App& studies, Globals& globals);
Subcommand scaling_study(CLI::App& studies, Globals& globals);

/// Flags of every study.
struct StudyFlags {
  std::string config, observation, output;
  bool resume = false;
};
/// `example` is what follows "sda study NAME ".
CLI::App* add_study(CLI::App& studies, const std::string& name, const std::string& description,
                    const std::string& example, StudyFlags& flags);

/// A flag that takes a list, "--k 1,2,4".
template <class Value>
CLI::Option* add_list(CLI::App& flags, const std::string& name, std::vector<Value>& values, const std::string& help) {
  return flags.add_option(name, values, help)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->capture_default_str();
}

/// The configuration with what the user set; without one the chain of the published table, `advised` as
/// published_chain.
Experiment study_experiment(const StudyFlags& flags, const Globals& globals, bool advised);
StudySubject subject_of(const StudyFlags& flags, const Globals& globals, bool advised);
/// Runs it under a progress bar of `unit`, and prints what it found.
void run_study(const Globals& globals, const StudyFlags& flags, const std::string& unit,
               const std::function<StudyResult(const StudyOutput&)>& study);

}  // namespace sda::app
