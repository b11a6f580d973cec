/// sda baseline: classical methods over the same observation files, dynamics and ensembles as the rest.
#include "sda/baselines/baseline.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "command.hpp"
#include "sda/baselines/tuning.hpp"
#include "sda/core/error.hpp"

namespace sda::app {
namespace {

struct BaselineOptions {
  std::string method, config, observations, output, filtered;
  bool rotation = false, tune = false;
};

/// The best setting for these observations, after a table of all.
BaselineParameters tuned(const Dynamics& dynamics, const Observations& observations, const BaselineParameters& given,
                         const Globals& globals) {
  ProgressBar bar = globals.progress("tune", "settings");
  const auto trials = tune_baseline(dynamics, observations, given, globals.seed, telling_by(bar).progress);
  for (const auto& trial : trials) {
    say(trial.diverged ? fmt::format("{}: diverged", trial.settings)
                       : fmt::format("{}: log score {:.4f}, forecasts miss by {:.2f} of their spread", trial.settings,
                                     trial.forecast.log_score, trial.forecast.departure));
  }
  return trials.front().parameters;
}

/// What the method found of itself, for people.
std::string told(const BaselineResult& result) {
  std::string text = fmt::format(", forecasts miss by {:.2f} of their spread", result.forecast.departure);
  if (result.mean_inflation != 1) text += fmt::format(", mean inflation {:.3f}", result.mean_inflation);
  if (result.mean_iterations > 0) text += fmt::format(", {:.1f} iterations an analysis", result.mean_iterations);
  return text;
}

void baseline(const BaselineOptions& options, const Globals& globals) {
  const ObservationFile file = read_observations(options.observations);
  const Observations& observations = file.observations;
  Experiment experiment = base_experiment(options.config, file.provenance, options.observations);
  if (file.dynamics.empty() && !experiment.data.files.empty()) {
    throw UsageError({.what = "a classical method needs the system's simulator, and these states were imported",
                      .where = options.observations});
  }
  // The dynamics that made the truth, unless --set says that the method shall believe in another.
  if (!file.dynamics.empty()) experiment.dynamics = read_dynamics(file.dynamics, options.observations);
  apply_flags(experiment, globals, {"simulation", "data", "schedule", "network", "training", "observation"});
  experiment.baseline.method = options.method;
  if (options.rotation) experiment.baseline.rotation = true;
  const auto dynamics = make_dynamics(experiment.dynamics);
  require_same_states(options.observations, dynamics->layout(), observations.length, observations);
  require_writable(options.output);
  if (!options.filtered.empty()) require_writable(options.filtered);
  spdlog::info("{}: {} over {} states", dynamics->name(), options.method, observations.length);
  if (options.tune) experiment.baseline = tuned(*dynamics, observations, experiment.baseline, globals);

  const Stopwatch stopwatch;
  BaselineResult result;
  {
    ProgressBar bar = globals.progress("baseline", "states");
    result = run_baseline(*dynamics, observations, experiment.baseline, globals.seed, telling_by(bar).progress);
  }
  const EnsembleCost cost{.seconds = stopwatch.seconds()};
  const Provenance provenance = provenance_of(globals, experiment);
  write_ensemble(options.output, result.best(), cost, provenance);
  if (!options.filtered.empty()) write_ensemble(options.filtered, result.filtered, cost, provenance);
  say(fmt::format("{} of {} in {:.2f} s: {} members, {} analyses, {} transitions{}, in {}", result.best().method,
                  observations.name, cost.seconds, result.best().members.size(0), result.analyses, result.integrations,
                  told(result), options.output));
}

}  // namespace

Subcommand baseline_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<BaselineOptions>();
  CLI::App* flags =
      add_subcommand(program, "baseline", "Classical filters, smoothers and variational methods",
                     "sda baseline etkf --obs run/lo.nc -o run/lo_etkf.nc --members 40 --inflation 1.02\n"
                     "  sda baseline ienks --obs run/lo.nc -o run/lo_ienks.nc --lag 4 --set dynamics.noise=0\n"
                     "  sda baseline letkf --obs run/ring.nc -o run/ring_letkf.nc --members 10 --rotation --tune\n"
                     "  sda evaluate --obs run/lo.nc run/lo_etkf.nc run/lo_ienks.nc");
  flags->add_option("METHOD", options->method, "which; `sda keys` says what each is and reads")
      ->required()
      ->check(CLI::IsMember(baseline_names()));
  add_config(*flags, options->config, "the one the observation was made with is taken");
  flags->add_option("--obs", options->observations, "observation file; says the dynamics too")
      ->required()
      ->type_name(value::file);
  flags->add_option("-o,--output", options->output, "ensemble file: a smoother's states given all, else a filter's")
      ->required()
      ->type_name(value::file);
  flags->add_option("--filtered", options->filtered, "ensemble file of each state given the observations up to it")
      ->type_name(value::file);
  add_key_flag(*flags, globals, "--members", "baseline.members", "members of the ensemble");
  add_key_flag(*flags, globals, "--inflation", "baseline.inflation", "factor on an analysed ensemble's anomalies");
  add_key_flag(*flags, globals, "--radius", "baseline.radius", "letkf: of its localisation, in points of the grid");
  add_key_flag(*flags, globals, "--lag", "baseline.lag",
               "enks, ienks, 4dvar: analyses that an observation reaches back");
  flags->add_flag("--tune", options->tune,
                  "try inflations, radii or backgrounds, take those whose forecasts meet the observations best");
  flags->add_flag("--rotation", options->rotation, "rotate an analysed ensemble at random (baseline.rotation)");
  return {flags, [options, &globals] { baseline(*options, globals); }};
}

}  // namespace sda::app
