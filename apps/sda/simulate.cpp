/// sda simulate: trajectories of the dynamics, split into files to train, validate and test on. A run that takes long
/// saves what is done in pieces; stopped, it goes on from them with --resume, bit for bit as if it had not been
/// stopped.
#include "sda/workflow/simulate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "command.hpp"

namespace sda::app {
namespace {

struct SimulateOptions {
  std::string config, output;
  bool resume = false;
};

/// The experiment that was asked for; with --resume the one that was begun, under its seed.
Experiment choose_experiment(const SimulateOptions& options, Globals& globals) {
  if (!options.resume) {
    Experiment experiment = read_experiment(options.config);
    apply_flags(experiment, globals, {});
    return experiment;
  }
  const StoppedSimulation stopped = stopped_simulation(options.output);
  Experiment experiment = base_experiment(options.config, stopped.provenance, stopped.file);
  apply_flags(experiment, globals, {});
  require_same_simulation(stopped, experiment, globals.chosen_seed());
  globals.seed = stopped.provenance.seed;
  return experiment;
}

void simulate(const SimulateOptions& options, Globals& globals) {
  const Experiment experiment = choose_experiment(options, globals);
  const SimulationReport report = [&] {
    ProgressBar bar = globals.progress("simulate", "states");
    return simulate_to_files(experiment, options.output, options.resume, provenance_of(globals, experiment),
                             telling_by(bar));
  }();
  std::vector<std::string> files;
  std::transform(report.parts.begin(), report.parts.end(), std::back_inserter(files),
                 [](const Part& part) { return fmt::format("{} ({})", part_file(part.name), part.count); });
  say(fmt::format("simulated {} trajectories of {} states of {} in {:.1f} s ({:.3g} solver steps/s): {} in {}",
                  experiment.simulation.trajectories, experiment.simulation.length, experiment.dynamics.system,
                  report.seconds, static_cast<double>(report.solver_steps) / std::max(report.seconds, 1e-9),
                  fmt::join(files, ", "), options.output));
}

}  // namespace

Subcommand simulate_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<SimulateOptions>();
  CLI::App* flags = add_subcommand(program, "simulate", "Simulate trajectories to train, validate and test on",
                                   "sda simulate experiments/lorenz63/lorenz63.toml -o run/data --seed 1");
  add_config(*flags, options->config, "the defaults are taken: Lorenz 1963");
  flags->add_option("-o,--output", options->output, "folder for train.nc, valid.nc and test.nc; made if missing")
      ->required()
      ->type_name(value::folder);
  flags->add_flag("--resume", options->resume, resume_help);
  add_key_flag(*flags, globals, "--trajectories", "simulation.trajectories", "trajectories simulated");
  add_key_flag(*flags, globals, "--length", "simulation.length", "states kept of each");
  return {flags, [options, &globals] { simulate(*options, globals); }};
}

}  // namespace sda::app
