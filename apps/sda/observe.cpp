/// sda observe: draws an observation y of a stretch of a known trajectory, or takes observations of instruments.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "command.hpp"
#include "models.hpp"
#include "sda/core/error.hpp"
#include "sda/experiment/observe.hpp"

namespace sda::app {
namespace {

struct ObserveOptions {
  std::string config, data, model, observations, name, output, begin, end;
  std::int64_t trajectory = 0, start = 0;
};

/// "sigma 0.05", as it always was, where the noise is Gaussian.
std::string noise_in_words(const Noise& noise) {
  return noise.is_gaussian() ? fmt::format("sigma {}", fmt::join(noise.values(), ", ")) : noise.describe();
}

void observe_states(const ObserveOptions& options, const Globals& globals) {
  const TrajectoryFile file = read_trajectories(options.data);
  Experiment experiment = base_experiment(options.config, file.provenance, options.data);
  if (!file.dynamics.empty()) experiment.dynamics = read_dynamics(file.dynamics, options.data);
  apply_flags(experiment, globals, {"dynamics", "simulation", "data", "network", "schedule", "training"});
  const auto [name, parameters] = chosen_observation(experiment, options.name);
  if (options.config.empty()) require_no_code(parameters, options.data);
  require_writable(options.output);
  const Observations observations =
      observe_trajectory(file, options.data, options.trajectory, options.start, parameters, name, globals.seed);
  for (const auto& sentence : valueless_in_words(observations)) spdlog::warn("{}", sentence);
  write_observations(options.output, observations, file.dynamics, provenance_of(globals, experiment));
  const bool several = observations.parts.size() > 1;
  for (const auto& part : observations.parts) {
    say(fmt::format(
        "observed {}{} of trajectory {} from state {}: {} observations of shape {} over {} states ({}), {}, in {}",
        name, several ? "." + part.name : "", options.trajectory, options.start, part.values.size(0),
        to_string(part.observation()), parameters.length, part.op->describe(), noise_in_words(part.noise),
        options.output));
  }
}

/// The system of --model or --data, and the configuration that goes with it.
std::pair<ObservedSystem, Experiment> chosen_system(const ObserveOptions& options) {
  if (options.model.empty() == options.data.empty()) {
    throw UsageError({.what = "observations of which system?",
                      .where = "--from",
                      .expected = "either --model MODEL or --data FILE.nc, which knows its variables and coordinates"});
  }
  if (options.data.empty()) {
    const ModelFile model = read_model(options.model);
    const Experiment experiment = base_experiment(options.config, model.provenance, options.model);
    return {observed_system(model, experiment), experiment};
  }
  const TrajectoryFile file = read_trajectories(options.data);
  Experiment experiment = base_experiment(options.config, file.provenance, options.data);
  if (!file.dynamics.empty()) experiment.dynamics = read_dynamics(file.dynamics, options.data);
  return {observed_system(file), experiment};
}

void observe_instruments(const ObserveOptions& options, const Globals& globals) {
  auto [system, experiment] = chosen_system(options);
  apply_flags(experiment, globals, {"dynamics", "simulation", "data", "network", "schedule", "training"});
  system.window.begin = options.begin;
  system.window.end = options.end;
  require_writable(options.output);
  const auto& source = options.data.empty() ? options.model : options.data;
  if (const auto remark = remark_on_ring(system.dynamics, source); !remark.empty()) spdlog::warn("{}", remark);
  const Observations observations =
      take_observations(options.observations, system, experiment.observation_file, options.name);
  write_observations(options.output, observations, system.dynamics, provenance_of(globals, experiment));
  spdlog::info("{}", observations.qc_summary);
  std::int64_t count = 0;
  for (const auto& part : observations.parts) count += part.values.numel();
  say(fmt::format("observed {}: {} observations of a trajectory of {} states, in {}", observations.name, count,
                  observations.length, options.output));
}

void observe(const ObserveOptions& options, const Globals& globals) {
  if (!options.observations.empty()) return observe_instruments(options, globals);
  for (const auto& [flag, value] :
       {std::pair{"--model", options.model}, std::pair{"--begin", options.begin}, std::pair{"--end", options.end}}) {
    if (value.empty()) continue;
    throw UsageError({.what = "a flag of observations alone", .where = flag, .expected = "--from FILE with it"});
  }
  if (options.data.empty()) {
    throw UsageError({.what = "--data is required",
                      .where = "observe",
                      .expected = "--data FILE.nc, or observations by --from FILE",
                      .hint = "see `sda observe --help`"});
  }
  observe_states(options, globals);
}

}  // namespace

Subcommand observe_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<ObserveOptions>();
  CLI::App* flags = add_subcommand(
      program, "observe", "Draw an observation of a stretch of a trajectory, or take observations of instruments",
      "sda observe --data run/data/test.nc --name lo --trajectory 3 -o run/lo.nc\n"
      "  sda observe --from buoys.csv --model run/model.nc -o run/buoys.nc");
  add_config(*flags, options->config, "the one the data were simulated with is taken");
  flags->add_option("--data", options->data, "trajectories, such as test.nc")->type_name(value::file);
  flags
      ->add_option(
          "--from", options->observations,
          "observations of instruments of the system of --model or --data: a CSV with columns time, one for each "
          "axis of space, variable, value, error, units and flag, or a column for each variable; or NetCDF in IODA's "
          "groups, on a grid, of a swath or of profiles")
      ->type_name(value::file);
  add_model_flag(*flags, options->model, "with --from: the model that will assimilate the observations");
  flags
      ->add_option("--begin", options->begin,
                   "with --from: time of the first state, a number or a date; without it that of the first observation")
      ->type_name("TIME");
  flags->add_option("--end", options->end, "with --from: time of the last state")->type_name("TIME");
  add_key_flag(*flags, globals, "--error", "observation_file.error",
               "with --from: standard deviation, where the file gives none");
  add_key_flag(*flags, globals, "--max-flag", "observation_file.max_flag",
               "with --from: the largest quality flag that is good");
  add_key_flag(*flags, globals, "--good-flags", "observation_file.good_flags",
               "with --from: quality flags that are good, such as 1,2, instead of --max-flag");
  flags
      ->add_option("--name", options->name,
                   "which [observation.NAME]; may be left out if there is one only. With --from any name; without it "
                   "that of the file")
      ->type_name("NAME");
  flags->add_option("--trajectory", options->trajectory, "which trajectory, from 0")->capture_default_str();
  flags->add_option("--start", options->start, "its first state observed, from 0")->capture_default_str();
  flags->add_option("-o,--output", options->output, "observation file")->required()->type_name(value::file);
  return {flags, [options, &globals] { observe(*options, globals); }, FreedMemory::given_back};
}

}  // namespace sda::app
