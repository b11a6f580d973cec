/// sda simulate: trajectories of the dynamics, split into files to train, validate and test on. A run that takes long
/// saves what is done in pieces; stopped, it goes on from them with --resume, bit for bit as if it had not been
/// stopped.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "command.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/dynamics/systems.hpp"

namespace sda::app {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string config, output;
  bool resume = false;
};

/// What decides the states that come out.
std::string recipe(const Experiment& experiment) {
  Experiment only;
  only.dynamics = experiment.dynamics;
  only.simulation = experiment.simulation;
  only.simulation.save_minutes = SimulationParameters{}.save_minutes;  // when to save does not change what is saved
  return to_toml(only);
}

/// The trajectories that are done, from the first on, in files of their own: OUTPUT/partial/from_000000.nc, each with
/// those done since the one before it.
class Pieces {
 public:
  explicit Pieces(const fs::path& output) : folder_(output / "partial") {
    if (!fs::is_directory(folder_)) return;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.path().filename().string().starts_with("from_")) files_.push_back(entry.path());
    }
    std::sort(files_.begin(), files_.end());
  }

  bool empty() const { return files_.empty(); }
  std::string folder() const { return folder_.string(); }
  std::string first() const { return files_.front().string(); }

  /// Copies them into `states`; how many trajectories they are.
  std::int64_t read(at::Tensor& states) const {
    std::int64_t done = 0;
    for (const auto& file : files_) {
      const Tensor piece = read_trajectories(file.string()).trajectories.states;
      if (file != name(done) || done + piece.size(0) > states.size(0) ||
          piece.sizes().slice(1) != states.sizes().slice(1)) {
        throw FileError({.what = "does not go on where the piece before it ends",
                         .where = file.string(),
                         .expected = name(done).filename().string(),
                         .hint = "start again without --resume"});
      }
      states.narrow(0, done, piece.size(0)).copy_(piece);
      done += piece.size(0);
    }
    return done;
  }

  void write(std::int64_t from, const Trajectories& trajectories, const Normalisation& normalisation,
             const std::string& dynamics, const Provenance& provenance) {
    std::error_code error;
    fs::create_directories(folder_, error);
    write_trajectories(name(from).string(), trajectories, normalisation, dynamics, provenance);
    files_.push_back(name(from));
  }

  void remove() {
    std::error_code ignored;
    for (const auto& file : files_) fs::remove(file, ignored);
    fs::remove(folder_, ignored);
    files_.clear();
  }

 private:
  fs::path name(std::int64_t from) const { return folder_ / fmt::format("from_{:06}.nc", from); }

  fs::path folder_;
  std::vector<fs::path> files_;
};

std::int64_t transitions_of_one(const SimulationParameters& simulation) {
  return simulation.spin_up + simulation.length - 1;
}

/// Trajectories to take from start to end at once: few, so that little is lost when the run is stopped and the solver's
/// fields fit into memory, but enough for all threads.
std::int64_t trajectories_at_once(const Dynamics& dynamics, int threads) {
  const std::int64_t enough = (std::int64_t{1} << 18) / count(dynamics.solver_event());
  return (std::max<std::int64_t>(enough, 1) + threads - 1) / threads * threads;  // a whole number for each thread
}

/// Trajectories `first` … of `states` (trajectory, time, …event), spun up; `progress` is told of transitions.
void simulate_some(const Dynamics& dynamics, const SimulationParameters& simulation, std::uint64_t seed,
                   std::int64_t first, const Tensor& states, const std::function<void(std::int64_t)>& progress) {
  const auto member = static_cast<std::uint64_t>(first);
  Tensor x = dynamics.start(states.size(0), {seed, Purpose::initial_state, member}, states.scalar_type());
  StreamKey key{.seed = seed, .purpose = Purpose::transition_noise, .first_member = member};
  const std::int64_t stride = std::max<std::int64_t>(1, simulation.spin_up / 32);
  for (std::int64_t done = 0; done < simulation.spin_up; done += stride) {
    const std::int64_t steps = std::min(stride, simulation.spin_up - done);
    dynamics.advance(x, steps, key);
    StopToken::throw_if_stopped("no trajectory");
    key.step += static_cast<std::uint64_t>(steps);
    progress(done + steps);
  }
  states.copy_(dynamics.trajectories(x, simulation.length, key,
                                     [&](auto done, auto, const auto&) { progress(simulation.spin_up + done); }));
}

/// The experiment that was asked for; with --resume the one that `pieces` are of, under its seed.
Experiment choose_experiment(const Options& options, const Pieces& pieces, Globals& globals) {
  if (!options.resume) {
    Experiment experiment = read_experiment(options.config);
    apply_flags(experiment, globals, {});
    return experiment;
  }
  if (pieces.empty()) {
    throw UsageError({.what = "nothing to go on from",
                      .where = pieces.folder(),
                      .expected = "pieces of a run that was stopped",
                      .hint = "start without --resume"});
  }
  const std::string first = pieces.first();
  const Provenance begun = read_trajectories(first).provenance;
  Experiment experiment = base_experiment(options.config, begun, first);
  apply_flags(experiment, globals, {});
  require_same_run(first, recipe(experiment), recipe(read_recorded_experiment(begun.config, first)), begun.seed,
                   globals.chosen_seed());
  globals.seed = begun.seed;
  return experiment;
}

/// Fills `states` from trajectory `done` on, saving what is done every so often and when the run is stopped.
void simulate_rest(const Dynamics& dynamics, const Experiment& experiment, const Globals& globals, std::int64_t done,
                   Tensor& states, Pieces& pieces) {
  const SimulationParameters& simulation = experiment.simulation;
  const std::int64_t total = states.size(0), transitions = transitions_of_one(simulation);
  const std::int64_t at_once = trajectories_at_once(dynamics, choose_threads(globals.threads));
  const Provenance provenance = provenance_of(globals, experiment);
  std::int64_t saved = done;
  const auto save = [&] {
    if (saved == done) return;
    pieces.write(saved, {dynamics.layout(), states.narrow(0, saved, done - saved)}, dynamics.normalisation(),
                 to_toml(experiment.dynamics), provenance);
    saved = done;
  };
  Stopwatch since_saved;
  try {
    ProgressBar bar = globals.progress("simulate", "states");
    while (done < total) {
      const std::int64_t some = std::min(at_once, total - done);
      simulate_some(dynamics, simulation, globals.seed, done, states.narrow(0, done, some),
                    [&](std::int64_t passed) { bar.update(done * transitions + some * passed, total * transitions); });
      done += some;
      if (since_saved.seconds() > 60 * simulation.save_minutes && done < total) {
        save();
        spdlog::info("saved {} of {} trajectories", done, total);
        since_saved = Stopwatch();
      }
    }
  } catch (const Interrupted& stop) {
    save();
    const std::string hint =
        pieces.empty() ? "nothing was written"
                       : fmt::format("{} of {} trajectories are saved in {}; the same command with --resume goes on",
                                     done, total, pieces.folder());
    throw Interrupted({.what = stop.fault().what, .hint = hint}, stop.exit_code() - 128);
  }
}

void simulate(const Options& options, Globals& globals) {
  Pieces pieces(options.output);
  const Experiment experiment = choose_experiment(options, pieces, globals);
  const SimulationParameters& simulation = experiment.simulation;
  const auto parts = split(simulation.trajectories, simulation.train, simulation.valid, "simulation.trajectories");
  const auto dynamics = make_dynamics(experiment.dynamics);
  const StateLayout layout = dynamics->layout();
  const Normalisation normalisation = dynamics->normalisation();
  for (const auto& part : parts) require_no_others(options.output, part.name, false);
  OutputFolder folder(options.output);
  for (const auto& part : parts) require_writable(folder.file(part_file(part.name)));
  spdlog::info("{}: {} trajectories of {} states after {} transitions of spin-up", dynamics->name(),
               simulation.trajectories, simulation.length, simulation.spin_up);

  Tensor states =
      normalisation.mean.new_empty(prepend({simulation.trajectories, simulation.length}, layout.event), at::kFloat);
  std::int64_t done = 0;
  if (options.resume) {
    done = pieces.read(states);
    spdlog::info("going on after trajectory {} of {}", done, simulation.trajectories);
  } else if (!pieces.empty()) {
    spdlog::warn("{} is of an earlier run and is removed; --resume would have gone on from it", pieces.folder());
    pieces.remove();
  }
  const Stopwatch stopwatch;
  try {
    simulate_rest(*dynamics, experiment, globals, done, states, pieces);
  } catch (const Error&) {
    if (!pieces.empty()) folder.keep();
    throw;
  }
  const double seconds = stopwatch.seconds();

  std::string written;
  for (const auto& part : parts) {
    write_trajectories(folder.file(part_file(part.name)), {layout, states.narrow(0, part.begin, part.count)},
                       normalisation, to_toml(experiment.dynamics), provenance_of(globals, experiment));
    written += fmt::format("{}{}.nc ({})", written.empty() ? "" : ", ", part.name, part.count);
  }
  pieces.remove();
  folder.keep();
  const auto steps =
      static_cast<double>((simulation.trajectories - done) * transitions_of_one(simulation) * dynamics->solver_steps());
  say(fmt::format("simulated {} trajectories of {} states of {} in {:.1f} s ({:.3g} solver steps/s): {} in {}",
                  simulation.trajectories, simulation.length, dynamics->name(), seconds,
                  steps / std::max(seconds, 1e-9), written, options.output));
}

}  // namespace

Subcommand simulate_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<Options>();
  CLI::App* flags = add_subcommand(program, "simulate", "Simulate trajectories to train, validate and test on",
                                   "sda simulate experiments/lorenz63/lorenz63.toml -o run/data --seed 1");
  add_config(*flags, options->config, "the defaults are taken: Lorenz 1963");
  flags->add_option("-o,--output", options->output, "folder for train.nc, valid.nc and test.nc; made if missing")
      ->required()
      ->type_name(value::folder);
  flags->add_flag("--resume", options->resume, "go on from what a run that was stopped has saved");
  add_key_flag(*flags, globals, "--trajectories", "simulation.trajectories", "trajectories simulated");
  add_key_flag(*flags, globals, "--length", "simulation.length", "states kept of each");
  return {flags, [options, &globals] { simulate(*options, globals); }};
}

}  // namespace sda::app
