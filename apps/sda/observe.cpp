/// sda observe: draws an observation y of a stretch of a known trajectory, or takes observations of instruments.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "command.hpp"
#include "models.hpp"
#include "sda/core/error.hpp"
#include "sda/data/observations.hpp"

namespace sda::app {
namespace {

struct Options {
  std::string config, data, model, observations, name, output, begin, end;
  std::int64_t trajectory = 0, start = 0;
};

void require_within(const std::string& flag, std::int64_t found, std::int64_t max, const std::string& of) {
  if (found >= 0 && found <= max) return;
  throw UsageError({.what = "not in " + of,
                    .where = flag,
                    .found = fmt::format("{}", found),
                    .expected = max < 0 ? "a longer trajectory" : fmt::format("0 to {}", max)});
}

/// "sigma 0.05", as it always was, where the noise is Gaussian.
std::string noise_in_words(const Noise& noise) {
  return noise.is_gaussian() ? fmt::format("sigma {}", fmt::join(noise.values(), ", ")) : noise.describe();
}

/// Departures of where states have no values are of nothing.
void warn_of_valueless(const Observations& observations) {
  const auto counts = valueless_observations(observations);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const ObservationPart& part = observations.parts[i];
    if (counts[i] == 0) continue;
    spdlog::warn(
        "{} of {} observations{} reach points where states have no values, such as land: choose others by points, box "
        "or "
        "circle",
        counts[i], part.values.numel(), part.name.empty() ? "" : " of " + part.name);
  }
}

void observe_states(const Options& options, const Globals& globals) {
  const TrajectoryFile file = read_trajectories(options.data);
  Experiment experiment = base_experiment(options.config, file.provenance, options.data);
  if (!file.dynamics.empty()) experiment.dynamics = read_dynamics(file.dynamics, options.data);
  apply_flags(experiment, globals, {"dynamics", "simulation", "data", "network", "schedule", "training"});
  const auto [name, parameters] = chosen_observation(experiment, options.name);

  const StateLayout& layout = file.trajectories.layout;
  const Tensor& states = file.trajectories.states;
  const std::int64_t trajectories = states.size(0), length = states.size(1);
  require_within("--trajectory", options.trajectory, trajectories - 1,
                 fmt::format("{}, which holds {} trajectories", options.data, trajectories));
  require_within(
      "--start", options.start, length - parameters.length,
      fmt::format("{}: {} states are observed of trajectories of {}", options.data, parameters.length, length));
  require_writable(options.output);

  const Tensor truth = states.select(0, options.trajectory).narrow(0, options.start, parameters.length).clone();
  // A draw of its own for each place in the data that can be observed.
  const auto index = static_cast<std::uint64_t>(options.trajectory * length + options.start);
  Observations observations = observe(truth, layout, file.normalisation, parameters.parts(), name, globals.seed, index);
  observations.start_time = file.start_time(options.trajectory) + static_cast<double>(options.start) * layout.dt;
  observations.check();
  warn_of_valueless(observations);
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

/// What the observations are of, as a model or its data know it.
struct ObservedSystem {
  StateLayout layout;
  Normalisation normalisation;
  std::string dynamics;  ///< TOML; empty for a system that was imported
  Experiment experiment;
  AssimilationWindow window;
};

ObservedSystem system_of_model(const Options& options) {
  const ModelFile model = read_model(options.model);
  ObservedSystem system{.layout = model.prior.layout,
                        .normalisation = model.prior.normalisation,
                        .dynamics = "",
                        .experiment = base_experiment(options.config, model.provenance, options.model),
                        .window = {}};
  if (system.experiment.data.files.empty() && !model.prior.dynamics.empty()) {
    system.dynamics = to_toml(system.experiment.dynamics);
  }
  system.window.min_length = model.prior.network_parameters.window_length();
  return system;
}

ObservedSystem system_of_data(const Options& options) {
  const TrajectoryFile file = read_trajectories(options.data);
  ObservedSystem system{.layout = file.trajectories.layout,
                        .normalisation = file.normalisation,
                        .dynamics = file.dynamics,
                        .experiment = base_experiment(options.config, file.provenance, options.data),
                        .window = {}};
  if (!file.dynamics.empty()) system.experiment.dynamics = read_dynamics(file.dynamics, options.data);
  system.window.state_at = file.trajectories.start_time;
  return system;
}

void take_observations(const Options& options, const Globals& globals) {
  if (options.model.empty() == options.data.empty()) {
    throw UsageError({.what = "observations of which system?",
                      .where = "--from",
                      .expected = "either --model MODEL or --data FILE.nc, which knows its variables and coordinates"});
  }
  ObservedSystem system = options.model.empty() ? system_of_data(options) : system_of_model(options);
  apply_flags(system.experiment, globals, {"dynamics", "simulation", "data", "network", "schedule", "training"});
  system.window.begin = options.begin;
  system.window.end = options.end;
  require_writable(options.output);
  Observations observations = read_observations(options.observations, system.layout, system.normalisation,
                                                system.experiment.observation_file, system.window);
  observations.name = options.name.empty() ? std::filesystem::path(options.observations).stem().string() : options.name;
  write_observations(options.output, observations, system.dynamics, provenance_of(globals, system.experiment));
  spdlog::info("{}", observations.qc_summary);
  std::int64_t count = 0;
  for (const auto& part : observations.parts) count += part.values.numel();
  say(fmt::format("observed {}: {} observations of a trajectory of {} states, in {}", observations.name, count,
                  observations.length, options.output));
}

void observe(const Options& options, const Globals& globals) {
  if (!options.observations.empty()) return take_observations(options, globals);
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
  auto options = std::make_shared<Options>();
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
          "axis of space, "
          "variable, value, error and flag, or NetCDF in IODA's groups or on a grid")
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
  flags
      ->add_option("--name", options->name,
                   "which [observation.NAME]; may be left out if there is one only. With --from any name; without it "
                   "that of the file")
      ->type_name("NAME");
  flags->add_option("--trajectory", options->trajectory, "which trajectory, from 0")->capture_default_str();
  flags->add_option("--start", options->start, "its first state observed, from 0")->capture_default_str();
  flags->add_option("-o,--output", options->output, "observation file")->required()->type_name(value::file);
  return {flags, [options, &globals] { observe(*options, globals); }};
}

}  // namespace sda::app
