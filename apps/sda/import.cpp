/// sda import: weights and trajectories of the public Python reference, as files of ours.
#include <fmt/format.h>

#include "command.hpp"
#include "sda/core/error.hpp"
#include "sda/dynamics/systems.hpp"

namespace sda::app {
namespace {

struct Options {
  std::string config, state, reference_config, trajectories, output;
};

void import_files(const Options& options, const Globals& globals) {
  const bool model = !options.state.empty();
  if (model == !options.trajectories.empty() || model == options.reference_config.empty()) {
    throw UsageError({.what = "what shall be imported?",
                      .where = "import",
                      .wanted = "either --state and --config, or --trajectories"});
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
    std::int64_t weights = 0;
    for (const auto& parameter : prior.network->parameters()) weights += parameter.value.numel();
    say(fmt::format("imported {} with {} weights for windows of {} states in {}", experiment.network.kind, weights,
                    experiment.network.window_length(), options.output));
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
  auto options = std::make_shared<Options>();
  CLI::App* flags =
      add_subcommand(program, "import", "Take over weights or trajectories of the public Python reference",
                     "sda import --state state.pth --config config.json -o model.nc\n"
                     "  sda import --trajectories train.h5 -o train.nc --set dynamics.system=lorenz63");
  add_config(*flags, options->config, "the default [dynamics] are taken: Lorenz 1963; the system says what a state is");
  flags->add_option("--state", options->state, "weights as torch.save wrote them");
  flags->add_option("--config", options->reference_config, "the network's config.json");
  flags->add_option("--trajectories", options->trajectories, "HDF5 file with the dataset x, normalised");
  flags->add_option("-o,--output", options->output, "model or trajectory file")->required();
  return {flags, [options, &globals] { import_files(*options, globals); }};
}

}  // namespace sda::app
