// Simulation into files: plan, go on from the pieces that are there, simulate and save, write a file for each part.
#include "sda/workflow/simulate.hpp"

#include <fmt/format.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/going_on.hpp"
#include "sda/core/runtime.hpp"
#include "sda/data/files.hpp"
#include "sda/dynamics/simulation.hpp"
#include "sda/experiment/run.hpp"
#include "workflow/checkpoint.hpp"
#include "workflow/simulation_pieces.hpp"

namespace sda {
namespace {

/// What decides the states that come out.
std::string recipe_of_states(const Experiment& experiment) {
  Experiment only;
  only.dynamics = experiment.dynamics;
  only.simulation = experiment.simulation;
  only.simulation.save_minutes = SimulationParameters{}.save_minutes;  // when to save does not change what is saved
  return to_toml(only);
}

SimulationPlan plan_of(const SimulationParameters& p, std::uint64_t seed) {
  return {.trajectories = p.trajectories, .length = p.length, .spin_up = p.spin_up, .seed = seed};
}

/// A simulation that saves what is done every so often and when it is stopped.
class SavingSimulation {
 public:
  SavingSimulation(const Dynamics& dynamics, const Experiment& experiment, const Provenance& provenance,
                   SimulationPieces& pieces, Tensor& states)
      : dynamics_(dynamics), experiment_(experiment), provenance_(provenance), pieces_(pieces), states_(states) {}

  /// Fills the states from trajectory `done` on.
  void run(std::int64_t done, const Telling& telling) {
    const std::int64_t total = states_.size(0);
    done_ = saved_ = done;
    Stopwatch since_saved;
    const auto after = [&](std::int64_t now) {
      done_ = now;
      if (since_saved.seconds() <= 60 * experiment_.simulation.save_minutes || now == total) return;
      save();
      telling.say(fmt::format("saved {} of {} trajectories", now, total));
      since_saved = Stopwatch();
    };
    try {
      simulate(dynamics_, plan_of(experiment_.simulation, provenance_.seed), done, states_, after, telling.progress);
    } catch (const Interrupted& stop) {
      save();
      throw Interrupted(
          stop, saved_in(pieces_.empty() ? "" : pieces_.folder(), fmt::format("trajectory {} of {}", done_, total)));
    }
  }

 private:
  void save() {
    if (saved_ == done_) return;
    pieces_.write(saved_, {dynamics_.layout(), states_.narrow(0, saved_, done_ - saved_)}, dynamics_.normalisation(),
                  to_toml(experiment_.dynamics), provenance_);
    saved_ = done_;
  }

  const Dynamics& dynamics_;
  const Experiment& experiment_;
  const Provenance& provenance_;
  SimulationPieces& pieces_;
  Tensor& states_;
  std::int64_t done_ = 0, saved_ = 0;
};

/// How many trajectories are in `states` already; without `resume` none, and the pieces of an earlier run go.
std::int64_t trajectories_there(SimulationPieces& pieces, bool resume, Tensor& states, const Telling& telling) {
  if (resume) {
    const std::int64_t done = pieces.read(states);
    telling.say(fmt::format("going on after trajectory {} of {}", done, states.size(0)));
    return done;
  }
  if (!pieces.empty()) {
    telling.warn(of_an_earlier_run(pieces.folder()));
    pieces.remove();
  }
  return 0;
}

}  // namespace

StoppedSimulation stopped_simulation(const std::string& folder) {
  const SimulationPieces pieces(folder);
  require_saved(pieces.folder(), !pieces.empty());
  return {pieces.first(), read_trajectories(pieces.first()).provenance};
}

void require_same_simulation(const StoppedSimulation& stopped, const Experiment& experiment,
                             std::optional<std::uint64_t> seed_given) {
  const auto& [file, begun] = stopped;
  require_same_run(file, recipe_of_states(experiment), recipe_of_states(read_recorded_experiment(begun.config, file)),
                   begun.seed, seed_given);
}

SimulationReport simulate_to_files(const Experiment& experiment, const std::string& folder, bool resume,
                                   const Provenance& provenance, const Telling& telling) {
  const SimulationParameters& p = experiment.simulation;
  SimulationPieces pieces(folder);
  SimulationReport report{.parts = split(p.trajectories, p.train, p.valid, "simulation.trajectories")};
  const auto dynamics = make_dynamics(experiment.dynamics);
  const StateLayout layout = dynamics->layout();
  for (const auto& part : report.parts) require_no_others(folder, part.name, false);
  OutputFolder output(folder);
  for (const auto& part : report.parts) prepare_output(output.file(part_file(part.name)));
  telling.say(fmt::format("{}: {} trajectories of {} states after {} transitions of spin-up", dynamics->name(),
                          p.trajectories, p.length, p.spin_up));

  Tensor states = at::empty(prepend({p.trajectories, p.length}, layout.event), at::kFloat);
  const std::int64_t there = trajectories_there(pieces, resume, states, telling);
  const Stopwatch stopwatch;
  try {
    SavingSimulation(*dynamics, experiment, provenance, pieces, states).run(there, telling);
  } catch (const Error&) {
    if (!pieces.empty()) output.keep();
    throw;
  }
  report.seconds = stopwatch.seconds();
  report.solver_steps = (p.trajectories - there) * plan_of(p, 0).transitions_of_one() * dynamics->solver_steps();

  for (const auto& part : report.parts) {
    write_trajectories(output.file(part_file(part.name)), {layout, states.narrow(0, part.begin, part.count)},
                       dynamics->normalisation(), to_toml(experiment.dynamics), provenance);
  }
  pieces.remove();
  output.keep();
  return report;
}

}  // namespace sda
