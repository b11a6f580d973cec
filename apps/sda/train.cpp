/// sda train: a prior from simulated trajectories. A run that is stopped leaves a checkpoint and goes on from it with
/// --resume, bit for bit as if it had not been stopped; the checkpoint goes once the model is written.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "command.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/prior/device.hpp"
#include "sda/training/trainer.hpp"

namespace sda::app {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string config, data, output, from, device = "cpu";
  bool resume = false;
};

/// model.nc → model.checkpoint.nc, beside it.
std::string checkpoint_path(const std::string& output) {
  const fs::path path(output);
  return (path.parent_path() / (path.stem().string() + ".checkpoint" + path.extension().string())).string();
}

/// What decides the weights that come out; a checkpoint goes on with the same only.
std::string recipe(const Experiment& experiment) {
  Experiment only;
  only.schedule = experiment.schedule;
  only.network = experiment.network;
  only.training = experiment.training;
  only.training.checkpoint_minutes = 0;  // when to save does not change what is saved
  return to_toml(only);
}

ModelFile read_checkpoint(const std::string& path) {
  ModelFile checkpoint = read_model(path);
  if (!checkpoint.training) {
    throw FileError({.what = "holds a model but no state of its training", .where = path, .expected = "a checkpoint"});
  }
  return checkpoint;
}

/// Training goes on from the weights of another model, in its normalisation.
void start_from(const std::string& path, Prior& prior) {
  const Prior start = read_model(path).prior;
  prior.network->load(start.network->parameters(), path);
  prior.normalisation = start.normalisation;
}

/// Of one file in memory; of several, which may be more than that, on the disk that the model goes to.
TrainingStates training_states(const std::vector<std::string>& files, const Trajectories& first,
                               const Normalisation& normalisation, const std::string& folder) {
  if (files.size() == 1) return {first, normalisation};
  StatesOnDisk all(folder);
  for (std::size_t i = 0; i < files.size(); ++i) {
    all.add(i == 0 ? first : read_trajectories(files[i]).trajectories, normalisation);
    release_freed_memory();
    StopToken::throw_if_stopped("nothing, training had not begun");
  }
  return all.map();
}

void train(const Options& options, Globals& globals) {
  const std::string saved_in = checkpoint_path(options.output);
  const std::vector<std::string> train_files = files_of_part(options.data, "train"),
                                 valid_files = files_of_part(options.data, "valid");
  const TrajectoryFile data = read_trajectories(train_files.front());
  std::optional<ModelFile> checkpoint;
  if (options.resume) checkpoint = read_checkpoint(saved_in);

  // Resumed without CONFIG, the run is what the checkpoint says it is.
  Experiment experiment = checkpoint ? base_experiment(options.config, checkpoint->provenance, saved_in)
                                     : base_experiment(options.config, data.provenance, train_files.front());
  if (!data.dynamics.empty()) experiment.dynamics = read_dynamics(data.dynamics, train_files.front());
  apply_flags(experiment, globals, {"dynamics", "simulation", "data"});
  if (checkpoint) {
    const Provenance& begun = checkpoint->provenance;
    require_same_run(saved_in, recipe(experiment), recipe(read_recorded_experiment(begun.config, saved_in)), begun.seed,
                     globals.chosen_seed());
    globals.seed = begun.seed;
  }

  Prior prior = prior_of(experiment, data, globals.seed);
  if (!options.from.empty()) start_from(options.from, prior);
  require_writable(options.output);
  const std::string folder = fs::absolute(options.output).parent_path().string();
  TrainingStates states = training_states(train_files, data.trajectories, prior.normalisation, folder);
  TrainingStates held_out =
      training_states(valid_files, read_trajectories(valid_files.front()).trajectories, prior.normalisation, folder);
  tell_of_other_work(globals);
  spdlog::info("training on {} trajectories of {} states{}", states.states().size(0), states.states().size(1),
               train_files.size() > 1 ? fmt::format(", of {} files, mapped from {}", train_files.size(), folder) : "");
  Trainer trainer(prior, experiment.training, std::move(states), std::move(held_out), globals.seed,
                  parse_device(options.device, "--device"));
  if (checkpoint) {
    trainer.resume(*checkpoint->training);
    spdlog::info("going on after epoch {} of {}", checkpoint->training->epoch, experiment.training.epochs);
  } else if (fs::exists(saved_in)) {
    spdlog::warn("{} is of an earlier run and will be replaced; --resume would have gone on from it", saved_in);
  }

  const Provenance provenance = provenance_of(globals, experiment);
  const Stopwatch stopwatch;
  EpochReport last;
  std::optional<double> validation;
  try {
    ProgressBar bar = globals.progress("train", "epochs");
    trainer.run([&](const TrainingState& state) { write_model(saved_in, prior, &state, provenance); },
                [&](const EpochReport& report) {
                  last = report;
                  if (report.validation_loss) validation = report.validation_loss;
                  const auto note = validation ? fmt::format("loss {:.4f}, validation {:.4f}", report.loss, *validation)
                                               : fmt::format("loss {:.4f}", report.loss);
                  bar.update(report.epoch, report.epochs, note);
                });
  } catch (const Interrupted& stop) {
    throw Interrupted({.what = stop.fault().what,
                       .hint = fmt::format("saved in {} after epoch {}; the same command with --resume goes on",
                                           saved_in, last.epoch)},
                      stop.exit_code() - 128);
  }

  const TrainingState state = trainer.state();
  write_model(options.output, trainer.result(), nullptr, provenance);
  std::error_code ignored;
  fs::remove(saved_in, ignored);
  say(fmt::format(
      "trained {} with {} weights on windows of {} states for {} epochs in {:.1f} s: loss {:.4f}{} in {}",
      experiment.network.kind, state.weights.numel(), experiment.network.window_length(), state.epoch,
      stopwatch.seconds(), state.losses.back(),
      state.validation_losses.empty() ? "" : fmt::format(", validation loss {:.4f}", state.validation_losses.back()),
      options.output));
}

}  // namespace

Subcommand train_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<Options>();
  CLI::App* flags = add_subcommand(program, "train", "Train a prior on simulated trajectories",
                                   "sda train --data run/data -o run/model.nc --set network.order=4");
  add_config(*flags, options->config, "the one the data were simulated with is taken");
  flags
      ->add_option("--data", options->data,
                   "folder with train.nc and valid.nc, or with train_0000.nc … of a large import")
      ->required()
      ->type_name(value::folder);
  flags->add_option("-o,--output", options->output, "model file; its checkpoint lies beside it")
      ->required()
      ->type_name(value::file);
  flags->add_option("--from", options->from, "model whose weights and normalisation to start from, of the same network")
      ->type_name(value::file);
  add_device_flag(*flags, options->device);
  flags->add_flag("--resume", options->resume, "go on from the checkpoint of a run that was stopped");
  add_key_flag(*flags, globals, "--order", "network.order", "k: windows of 2k+1 states");
  add_key_flag(*flags, globals, "--epochs", "training.epochs", "passes over the data");
  return {flags, [options, &globals] { train(*options, globals); }};
}

}  // namespace sda::app
