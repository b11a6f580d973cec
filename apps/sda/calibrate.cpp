/// sda calibrate: whether posteriors are calibrated, over many trajectories whose truth is known.
#include "sda/study/calibrate.hpp"
#include "models.hpp"

#include <fmt/format.h>

#include "calibration_files.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/prior/device.hpp"
#include "sda/report/calibration.hpp"

namespace sda::app {
namespace {

namespace fs = std::filesystem;

struct CalibrateOptions : CalibrationParameters {
  std::string config, model, exact, name, output, memory, device = "cpu";
  std::optional<Quality> quality;
  bool resume = false;
};

std::string text_of(const Calibration& found) {
  const auto line = [](const std::string& what, const Estimate& estimate, const std::string& expected) {
    const double off = (estimate.value - std::stod(expected)) / std::max(estimate.standard_error, 1e-12);
    return TableRow{what, fmt::format("{:.3f} ± {:.3f}", estimate.value, estimate.standard_error), expected,
                    fmt::format("{:+.1f}", off)};
  };
  std::vector<TableRow> rows{{"", "found", "calibrated", "standard errors off"},
                             line("truth in the central 50 %", found.coverage50, "0.5"),
                             line("truth in the central 90 %", found.coverage90, "0.9"),
                             {"spread over error", fmt::format("{:.3f}", found.spread_over_error), "1", ""}};
  if (found.area) rows.push_back(line("area under the classifier's curve", *found.area, "0.5"));
  return aligned(rows, 1) + fmt::format("\nrank histogram: p = {:.3f} of its largest deviation from flat, {} bins\n",
                                        found.ranks.p_value, calibration_bins);
}

/// All that posteriors hang on.
std::string recipe(const CalibrateOptions& options, const Experiment& experiment, const std::string& name) {
  return fmt::format("model = \"{}\"\nexact = \"{}\"\nmembers = {}\nbelieved_noise = {}\n", options.model,
                     options.exact, options.members, options.believed_noise) +
         sections_toml(experiment, {"dynamics", "simulation", "schedule", "observation." + name, "guidance", "sampler",
                                    "assimilation", "filter"});
}

/// Puts the configuration into `experiment`.
std::unique_ptr<CalibrationSubject> subject_of(const CalibrateOptions& options, const Globals& globals,
                                               Experiment& experiment) {
  if (options.model.empty()) {
    StudyFlags flags;
    flags.config = options.config;
    experiment = study_experiment(flags, globals, /*advised=*/true);
    const auto order =
        options.exact == "smoother" ? std::nullopt : std::optional(parse_order(options.exact, "--exact"));
    return exact_subject(*linear_chain(experiment.dynamics), NoiseSchedule(experiment.schedule), order,
                         experiment.posterior());
  }
  const ModelFile model = read_model(options.model);
  experiment = posterior_experiment(options.config, model, options.model, options.quality);
  apply_flags(experiment, globals, {"data", "training", "network", "schedule"});
  if (!experiment.data.files.empty()) {
    throw UsageError({.what = "truths are drawn from the system's simulator, and these states were imported",
                      .where = options.model});
  }
  set_machine(experiment.assimilation, options.memory, options.device);
  return trained_subject(model.prior, make_dynamics(experiment.dynamics), experiment.simulation.spin_up,
                         experiment.posterior(), experiment.filter);
}

void calibrate(const CalibrateOptions& options, const Globals& globals) {
  Experiment experiment;
  const auto subject = subject_of(options, globals, experiment);
  const auto [name, observation] = chosen_observation(experiment, options.name);
  fs::create_directories(options.output);
  ProgressBar bar = globals.progress("study", "trajectories");
  StudyTable table({.path = (fs::path(options.output) / "calibration").string(),
                    .command = globals.command_line,
                    .seed = globals.seed,
                    .progress = telling_by(bar).progress,
                    .resume = options.resume},
                   "trajectories", {"trajectory"}, CalibrationFiles::columns(), recipe(options, experiment, name));
  table.expect(options.trajectories);
  tell_of_other_work(globals);
  CalibrationFiles files(table, options.output, recipe(options, experiment, name), provenance_of(globals, experiment));
  const Calibration found =
      sda::calibrate(*subject, {name, observation.parts(), observation.length}, options, globals.seed, files);
  const StudyResult result = table.finish(
      text_of(found) + "\n",
      fmt::format("Calibration of {} on {}", options.model.empty() ? "exact scores" : options.model, name),
      calibration_panels(found.ranks),
      fmt::format("{} trajectories of {} members. Bands and errors are over trajectories, for values of one trajectory "
                  "depend on each other.",
                  options.trajectories, options.members));
  print(result.text);
  say(result.summary);
}

}  // namespace

Subcommand calibrate_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<CalibrateOptions>();
  CLI::App* flags = add_subcommand(
      program, "calibrate", "Find out over many trajectories whether posteriors are calibrated",
      "sda calibrate --model run/model.nc --name lo --quality good -o run/calibration --trajectories 64\n"
      "  sda calibrate --exact 4 -o run/calibration_of_the_chain");
  add_config(*flags, options->config,
             "the one the model was trained with is taken; with --exact a rotation with noise");
  auto* model =
      add_model_flag(*flags, options->model, "model file, or the name of an installed model: its system is simulated");
  auto* exact = flags
                    ->add_option("--exact", options->exact,
                                 "no model, but a linear-Gaussian chain: exact scores of windows of 2K+1 states, or "
                                 "full: of whole trajectories, or smoother: draws of the posterior itself")
                    ->type_name("K");
  model->excludes(exact);
  add_quality_flag(*flags, options->quality, quality_help);
  add_machine_flags(*flags, options->memory, options->device);
  for (const char* of_a_model : {"--quality", "--memory", "--device"}) flags->get_option(of_a_model)->needs(model);
  flags->add_option("--name", options->name, "which [observation.NAME]; may be left out if there is one only")
      ->type_name("NAME");
  flags->add_option("-o,--output", options->output, "folder; made if missing. What is there is not made again")
      ->required()
      ->type_name(value::folder);
  flags->add_option("--trajectories", options->trajectories, "trajectories, each simulated, observed and assimilated")
      ->check(CLI::Range(2, 1000000).description("2 to 1000000"))
      ->capture_default_str();
  flags->add_option("--members", options->members, "posterior members of each")
      ->check(CLI::Range(2, 1000000).description("2 to 1000000"))
      ->capture_default_str();
  flags
      ->add_option("--believed-noise", options->believed_noise,
                   "the posterior believes in so many times the noise that was drawn: what a wrong noise would show")
      ->check(CLI::PositiveNumber.description("> 0"))
      ->capture_default_str();
  flags->add_flag("--resume", options->resume, resume_help);
  flags->add_flag("!--no-filter", options->reference, "without the filter and the classifier that compares with it");
  return {flags, [options, &globals] {
            if (options->model.empty() && options->exact.empty()) {
              throw UsageError(
                  {.what = "whose posteriors?", .where = "sda calibrate", .expected = "--model FILE, or --exact K"});
            }
            calibrate(*options, globals);
          }};
}

}  // namespace sda::app
