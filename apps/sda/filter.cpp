/// sda filter: the bootstrap particle filter's posterior of an observation, the truth for small systems.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "command.hpp"
#include "sda/core/error.hpp"
#include "sda/workflow/filter.hpp"

namespace sda::app {
namespace {

struct FilterOptions {
  std::string config, observations, output;
  bool resume = false;
};

void filter(const FilterOptions& options, Globals& globals) {
  const ObservationFile file = read_observations(options.observations);
  const Observations& observations = file.observations;
  Experiment experiment = base_experiment(options.config, file.provenance, options.observations);
  if (file.dynamics.empty() && !experiment.data.files.empty()) {
    throw UsageError({.what = "a particle filter needs the system's simulator, and these states were imported",
                      .where = options.observations});
  }
  // The dynamics that made the truth, unless --set says that the filter shall believe in another.
  if (!file.dynamics.empty()) experiment.dynamics = read_dynamics(file.dynamics, options.observations);
  apply_flags(experiment, globals, {"simulation", "data", "schedule", "network", "training", "observation"});
  const auto dynamics = make_dynamics(experiment.dynamics);
  require_same_states(options.observations, dynamics->layout(), observations.length, observations);
  const FilterFiles files{.observations = options.observations, .ensemble = options.output, .resume = options.resume};
  const auto stopped = stopped_filter(files, experiment, globals.chosen_seed());
  if (stopped) globals.seed = stopped->provenance.seed;
  spdlog::info("{}: {} particles over {} states, {} trajectories kept", dynamics->name(), experiment.filter.particles,
               observations.length, experiment.filter.members);

  const FilterResult result = [&] {
    ProgressBar bar = globals.progress("filter", "states");
    return filter_to_file(*dynamics, observations, experiment, files, stopped, provenance_of(globals, experiment),
                          telling_by(bar));
  }();
  say(
      fmt::format("filtered {} with {} particles in {:.1f} s: {} trajectories kept of {} distinct starts, smallest "
                  "effective size {:.0f}, log-evidence {:.2f}, in {}",
                  observations.name, experiment.filter.particles, result.seconds, experiment.filter.members,
                  result.distinct_starts, result.smallest_effective_size, result.log_evidence, options.output));
}

}  // namespace

Subcommand filter_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<FilterOptions>();
  CLI::App* flags = add_subcommand(program, "filter", "Particle filter's posterior of an observation",
                                   "sda filter --obs run/lo.nc -o run/lo_filter.nc --particles 16384");
  add_config(*flags, options->config, "the one the observation was made with is taken");
  flags->add_option("--obs", options->observations, "observation file; says the dynamics too")
      ->required()
      ->type_name(value::file);
  flags->add_option("-o,--output", options->output, "ensemble file")->required()->type_name(value::file);
  flags->add_flag("--resume", options->resume, resume_help);
  add_key_flag(*flags, globals, "--particles", "filter.particles", "particles");
  add_key_flag(*flags, globals, "--members", "filter.members", "trajectories kept of them");
  return {flags, [options, &globals] { filter(*options, globals); }};
}

}  // namespace sda::app
