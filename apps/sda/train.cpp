/// sda train: a prior from simulated or imported trajectories. A run that is stopped leaves a checkpoint and goes on
/// from it with --resume, bit for bit as if it had not been stopped; the checkpoint goes once the model is written.
#include "sda/workflow/train.hpp"

#include <fmt/format.h>

#include "command.hpp"
#include "sda/prior/device.hpp"

namespace sda::app {
namespace {

struct TrainOptions {
  std::string config, device = "cpu";
  TrainingFiles files;
};

void train(const TrainOptions& options, Globals& globals) {
  const TrainingRun run(options.files);
  Experiment experiment = run.experiment(options.config);
  apply_flags(experiment, globals, {"dynamics", "simulation", "data"});
  globals.seed = run.seed(experiment, globals.chosen_seed(), globals.seed);
  tell_of_other_work(globals);
  const TrainingReport report = [&] {
    ProgressBar bar = globals.progress("train", "epochs");
    return run.run(experiment, parse_device(options.device, "--device"), provenance_of(globals, experiment),
                   telling_by(bar));
  }();
  say(fmt::format("trained {} with {} weights on windows of {} states for {} epochs in {:.1f} s: loss {:.4f}{} in {}",
                  name_of(experiment.network.kind), report.weights, experiment.network.window_length(), report.epochs,
                  report.seconds, report.loss,
                  report.validation_loss ? fmt::format(", validation loss {:.4f}", *report.validation_loss) : "",
                  options.files.model));
}

}  // namespace

Subcommand train_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<TrainOptions>();
  TrainingFiles& files = options->files;
  CLI::App* flags = add_subcommand(program, "train", "Train a prior on simulated trajectories",
                                   "sda train --data run/data -o run/model.nc --set network.order=4");
  add_config(*flags, options->config, "the one the data were simulated with is taken");
  flags
      ->add_option("--data", files.data, "folder with train.nc and valid.nc, or with train_0000.nc … of a large import")
      ->required()
      ->type_name(value::folder);
  flags->add_option("-o,--output", files.model, "model file; its checkpoint lies beside it")
      ->required()
      ->type_name(value::file);
  flags->add_option("--from", files.from, "model whose weights and normalisation to start from, of the same network")
      ->type_name(value::file);
  add_device_flag(*flags, options->device);
  flags->add_flag("--resume", files.resume, resume_help);
  add_key_flag(*flags, globals, "--order", "network.order", "k: windows of 2k+1 states");
  add_key_flag(*flags, globals, "--epochs", "training.epochs", "passes over the data");
  return {flags, [options, &globals] { train(*options, globals); }};
}

}  // namespace sda::app
