/// sda import: trajectories of a model of the user's own, and weights and trajectories of the public Python reference,
/// as files of ours.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "command.hpp"
#include "sda/core/error.hpp"
#include "sda/data/import.hpp"
#include "sda/data/import/reference.hpp"
#include "sda/dynamics/systems.hpp"
#include "sda/training/trainer.hpp"

namespace sda::app {
namespace {

struct ImportOptions {
  std::string config, state, reference_config, trajectories, script, data, output;
};

/// "u [m s-1], v [m s-1] on y 64, x 64".
std::string in_words(const StateLayout& layout) {
  std::vector<std::string> names, axes;
  for (const auto& variable : layout.variables) names.push_back(fmt::format("{} [{}]", variable.name, variable.units));
  const Shape space = layout.space();
  for (std::size_t axis = 0; axis < space.size(); ++axis) {
    axes.push_back(fmt::format("{} {}", layout.space_names[axis], space[axis]));
  }
  return fmt::format("{}{}{}", fmt::join(names, ", "), axes.empty() ? "" : " on ", fmt::join(axes, ", "));
}

/// Trajectories that [data] of CONFIG names, split into the files that `sda simulate` would write.
void import_user_data(const ImportOptions& options, const Globals& globals) {
  Experiment experiment = read_experiment(options.config);
  apply_flags(experiment, globals, {"dynamics", "simulation", "filter"});
  if (experiment.data.files.empty()) {
    throw UsageError({.what = "what shall be imported?",
                      .where = "import",
                      .expected =
                          "a CONFIG whose [data] names files of your own; of the reference, --state and --config, "
                          "or --trajectories"});
  }
  const ImportedTrajectories imported =
      import_trajectories(experiment.data, options.output, provenance_of(globals, experiment));
  for (const auto& remark : imported.remarks) spdlog::info("{}", remark);
  if (imported.left_over > 0) spdlog::info("{} states at ends were too few for another piece", imported.left_over);
  const StateLayout& layout = imported.layout;
  for (const auto& axis : axes_in_words(layout)) spdlog::info("axis {}", axis);
  if (layout.mask.defined()) {
    spdlog::info("{} of {} values of a state are masked", layout.mask.logical_not().sum().item<std::int64_t>(),
                 layout.mask.numel());
  }
  const auto units = layout.time_units == "1" ? "" : " [" + layout.time_units + "]";
  say(fmt::format("imported {} trajectories of {} states, {:.6g}{} apart, from {} file{}: {}; {} in {}",
                  imported.trajectories, imported.length, layout.dt, units, imported.files,
                  imported.files == 1 ? "" : "s", in_words(layout), fmt::join(imported.written, ", "), options.output));
}

/// A network of TorchScript as a prior of the data it was trained on.
void import_script(const ImportOptions& options, const Globals& globals) {
  if (options.data.empty() || !options.state.empty() || !options.trajectories.empty()) {
    throw UsageError({.what = "a TorchScript network needs the data it was trained on, and nothing else",
                      .where = "import --script",
                      .expected = "--data FOLDER, whose train.nc says what a state is and how it is normalised"});
  }
  const std::string path = files_of_part(options.data, "train").front();
  const TrajectoryFile data = read_trajectories(path);
  Experiment experiment = base_experiment(options.config, data.provenance, path);
  if (!data.dynamics.empty()) experiment.dynamics = read_dynamics(data.dynamics, path);
  apply_flags(experiment, globals, {"dynamics", "simulation", "data", "training"});
  experiment.network.kind = NetworkKind::torchscript;
  experiment.network.script = options.script;
  require_writable(options.output);
  const Prior prior = prior_of(experiment, data, globals.seed);
  // Whether it is what it should be shows in its loss, far below 1.
  Trajectories some = data.trajectories;
  some.states = some.states.narrow(0, 0, std::min<std::int64_t>(some.states.size(0), 64));
  experiment.training.average = 0;
  const double loss = Trainer(prior, experiment.training, some, some, globals.seed).validation_loss();
  write_model(options.output, prior, nullptr, provenance_of(globals, experiment));
  say(fmt::format("imported torchscript with {} weights for windows of {} states, loss {:.4f} on {}, in {}",
                  prior.network->flat_values().numel(), experiment.network.window_length(), loss, path,
                  options.output));
}

void import_files(const ImportOptions& options, const Globals& globals) {
  if (!options.script.empty()) return import_script(options, globals);
  const bool model = !options.state.empty();
  if (!model && options.trajectories.empty() && options.reference_config.empty()) {
    import_user_data(options, globals);
    return;
  }
  if (model == !options.trajectories.empty() || model == options.reference_config.empty()) {
    throw UsageError({.what = "what shall be imported?",
                      .where = "import",
                      .expected = "either --state and --config, or --trajectories"});
  }
  Experiment experiment = read_experiment(options.config);
  apply_flags(experiment, globals, {"simulation", "schedule", "network", "training"});
  const auto dynamics = make_dynamics(experiment.dynamics);
  require_writable(options.output);
  if (model) {
    Prior prior =
        import_reference_model(options.state, options.reference_config, dynamics->layout(), dynamics->normalisation());
    prior.dynamics = experiment.dynamics.system;
    experiment.network = prior.network_parameters;
    experiment.schedule = prior.schedule;
    write_model(options.output, prior, nullptr, provenance_of(globals, experiment));
    say(fmt::format("imported {} with {} weights for windows of {} states in {}", name_of(experiment.network.kind),
                    prior.network->flat_values().numel(), experiment.network.window_length(), options.output));
  } else {
    const Trajectories trajectories =
        import_reference_trajectories(options.trajectories, dynamics->layout(), dynamics->normalisation());
    write_trajectories(options.output, trajectories, dynamics->normalisation(), to_toml(experiment.dynamics),
                       provenance_of(globals, experiment));
    say(fmt::format("imported {} trajectories of {} states in {}", trajectories.states.size(0),
                    trajectories.states.size(1), options.output));
  }
}

}  // namespace

Subcommand import_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* flags =
      add_subcommand(program, "import", "Take over trajectories of a model of your own, or the reference's weights",
                     "sda import own.toml -o run/data\n"
                     "  sda import --state state.pth --config config.json -o model.nc\n"
                     "  sda import --script score.pt --data run/data -o model.nc --set network.order=2\n"
                     "  sda import --trajectories train.h5 -o train.nc --set dynamics.system=lorenz63");
  add_config(*flags, options->config, "the default [dynamics] are taken: Lorenz 1963; [data] names files of your own");
  flags->add_option("--state", options->state, "weights as torch.save wrote them")->type_name(value::file);
  flags->add_option("--config", options->reference_config, "the network's config.json")->type_name(value::file);
  flags
      ->add_option("--script", options->script,
                   "TorchScript module whose forward(windows, t) is the noise expected in normalised windows")
      ->type_name(value::file);
  flags->add_option("--data", options->data, "of --script: folder of train.nc, what it was trained on")
      ->type_name(value::folder);
  flags->add_option("--trajectories", options->trajectories, "HDF5 file with the dataset x, normalised")
      ->type_name(value::file);
  flags
      ->add_option("-o,--output", options->output,
                   "model or trajectory file; of data of your own the folder for train.nc, valid.nc and test.nc")
      ->required()
      ->type_name(value::file);
  return {flags, [options, &globals] { import_files(*options, globals); }, FreedMemory::given_back};
}

}  // namespace sda::app
