/// sda observe: draws an observation y of a stretch of a known trajectory.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.hpp"
#include "sda/core/error.hpp"

namespace sda::app {
namespace {

struct Options {
  std::string config, data, name, output;
  std::int64_t trajectory = 0, start = 0;
};

/// The [observation.NAME] asked for; the only one there is if no name was given.
std::pair<std::string, ObservationParameters> chosen_observation(const Experiment& experiment,
                                                                 const std::string& name) {
  const auto& known = experiment.observation;
  if (name.empty() && known.size() == 1) return *known.begin();
  if (const auto found = known.find(name); found != known.end()) return *found;
  std::vector<std::string> names;
  for (const auto& [key, parameters] : known) names.push_back(key);
  const auto nearest = nearest_name(name, names);
  throw UsageError({.what = name.empty() ? "which observation?" : "no such observation",
                    .where = "--name",
                    .found = name,
                    .wanted = names.empty() ? "a section [observation.NAME] in the configuration"
                                            : fmt::format("one of {}", fmt::join(names, ", ")),
                    .mend = nearest.empty() ? "" : "did you mean " + nearest + "?"});
}

void require_within(const std::string& flag, std::int64_t found, std::int64_t most, const std::string& of) {
  if (found >= 0 && found <= most) return;
  throw UsageError({.what = "not in " + of,
                    .where = flag,
                    .found = fmt::format("{}", found),
                    .wanted = most < 0 ? "a longer trajectory" : fmt::format("0 to {}", most)});
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
  write_observations(options.output, observations, file.dynamics, provenance_of(globals, experiment));
  const bool several = observations.parts.size() > 1;
  for (const auto& part : observations.parts) {
    say(fmt::format(
        "observed {}{} of trajectory {} from state {}: {} readings of shape {} over {} states ({}), sigma {}, in {}",
        name, several ? "." + part.name : "", options.trajectory, options.start, part.values.size(0),
        to_string(part.reading()), parameters.length, part.op->describe(), fmt::join(part.noise.values(), ", "),
        options.output));
  }
}

}  // namespace

Subcommand observe_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<Options>();
  CLI::App* flags = add_subcommand(program, "observe", "Draw an observation of a stretch of a trajectory",
                                   "sda observe --data run/data/test.nc --name lo --trajectory 3 -o run/lo.nc");
  add_config(*flags, options->config, "the one the data were simulated with is taken");
  flags->add_option("--data", options->data, "trajectories, such as test.nc")->required()->type_name(value::file);
  flags->add_option("--name", options->name, "which [observation.NAME]; may be left out if there is one only")
      ->type_name("NAME");
  flags->add_option("--trajectory", options->trajectory, "which trajectory, from 0")->capture_default_str();
  flags->add_option("--start", options->start, "its first state observed, from 0")->capture_default_str();
  flags->add_option("-o,--output", options->output, "observation file")->required()->type_name(value::file);
  return {flags, [options, &globals] { observe_states(*options, globals); }};
}

}  // namespace sda::app
