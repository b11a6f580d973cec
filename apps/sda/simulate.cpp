/// sda simulate: trajectories of the dynamics, split into files to train, validate and test on.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cmath>

#include "command.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/dynamics/systems.hpp"

namespace sda::app {
namespace {

struct Options {
  std::string config, output;
};

struct Part {
  std::string name;
  std::int64_t begin, count;
};

/// Train, validation and test parts of the simulated trajectories; without those whose share is 0.
std::vector<Part> split(const SimulationParameters& simulation) {
  const auto up_to = [&](double share) {
    return static_cast<std::int64_t>(std::floor(share * static_cast<double>(simulation.trajectories) + 1e-9));
  };
  const std::int64_t train = up_to(simulation.train), valid = up_to(simulation.train + simulation.valid);
  const bool tests = simulation.train + simulation.valid < 1 - 1e-9;
  std::vector<Part> parts;
  for (const auto& [name, begin, end, wanted] : {std::tuple{"train", std::int64_t{0}, train, simulation.train > 0},
                                                 std::tuple{"valid", train, valid, simulation.valid > 0},
                                                 std::tuple{"test", valid, simulation.trajectories, tests}}) {
    if (!wanted) continue;
    if (begin == end) {
      throw UsageError({.what = fmt::format("no trajectory is left for {}.nc", name),
                        .where = "simulation.trajectories",
                        .found = fmt::format("{}", simulation.trajectories),
                        .wanted = "enough for the shares simulation.train and simulation.valid"});
    }
    parts.push_back({name, begin, end - begin});
  }
  return parts;
}

void simulate(const Options& options, const Globals& globals) {
  Experiment experiment = read_experiment(options.config);
  apply_flags(experiment, globals, {});
  const auto parts = split(experiment.simulation);
  const auto dynamics = make_dynamics(experiment.dynamics);
  const auto& simulation = experiment.simulation;
  OutputFolder folder(options.output);
  for (const auto& part : parts) require_writable(folder.file(part.name + ".nc"));
  spdlog::info("{}: {} trajectories of {} states after {} transitions of spin-up", dynamics->name(),
               simulation.trajectories, simulation.length, simulation.spin_up);

  const Stopwatch stopwatch;
  Tensor state = dynamics->start(simulation.trajectories, {globals.seed, Purpose::initial_state});
  dynamics->advance(state, simulation.spin_up, {globals.seed, Purpose::transition_noise});
  StopToken::throw_if_stopped("nothing was written");
  const StreamKey kept{.seed = globals.seed,
                       .purpose = Purpose::transition_noise,
                       .step = static_cast<std::uint64_t>(simulation.spin_up)};
  Tensor states;
  {
    ProgressBar bar = globals.progress("simulate", "states");
    states = dynamics->trajectories(state, simulation.length, kept, [&](auto done, auto total, const auto& note) {
      StopToken::throw_if_stopped("nothing was written");
      bar.update(done, total, note);
    });
  }

  const Provenance provenance = provenance_of(globals, experiment);
  std::string written;
  for (const auto& part : parts) {
    const Trajectories trajectories{dynamics->layout(), states.narrow(0, part.begin, part.count)};
    write_trajectories(folder.file(part.name + ".nc"), trajectories, dynamics->normalisation(),
                       to_toml(experiment.dynamics), provenance);
    written += fmt::format("{}{}.nc ({})", written.empty() ? "" : ", ", part.name, part.count);
  }
  folder.keep();
  say(fmt::format("simulated {} trajectories of {} states of {} in {:.1f} s: {} in {}", simulation.trajectories,
                  simulation.length, dynamics->name(), stopwatch.seconds(), written, options.output));
}

}  // namespace

Subcommand simulate_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<Options>();
  CLI::App* flags = add_subcommand(program, "simulate", "Simulate trajectories to train, validate and test on",
                                   "sda simulate experiments/lorenz63/lorenz63.toml -o run/data --seed 1");
  add_config(*flags, options->config, "the defaults are taken: Lorenz 1963");
  flags->add_option("-o,--output", options->output, "folder for train.nc, valid.nc and test.nc; made if missing")
      ->required();
  add_key_flag(*flags, globals, "--trajectories", "simulation.trajectories", "trajectories simulated");
  add_key_flag(*flags, globals, "--length", "simulation.length", "states kept of each");
  return {flags, [options, &globals] { simulate(*options, globals); }};
}

}  // namespace sda::app
