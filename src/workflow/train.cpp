// Training on files: open, choose the configuration, gather the states, train with checkpoints, write the model.
#include "sda/workflow/train.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/going_on.hpp"
#include "sda/core/runtime.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/folders.hpp"
#include "sda/experiment/run.hpp"
#include "sda/training/trainer.hpp"
#include "workflow/checkpoint.hpp"

namespace sda {
namespace {

namespace fs = std::filesystem;

/// What decides the weights that come out; a checkpoint goes on with the same only.
std::string recipe_of_weights(const Experiment& experiment) {
  Experiment only;
  only.schedule = experiment.schedule;
  only.network = experiment.network;
  only.training = experiment.training;
  only.training.save_minutes = 0;  // when to save does not change what is saved
  return to_toml(only);
}

ModelFile read_checkpoint(const std::string& path) {
  require_saved(path);
  ModelFile checkpoint = read_model(path);
  if (checkpoint.training) return checkpoint;
  throw FileError({.what = "holds a model but no state of its training", .where = path, .expected = "a checkpoint"});
}

/// Training goes on from the weights of another model, in its normalisation.
void start_from(const std::string& path, Prior& prior) {
  const Prior start = read_model(path).prior;
  prior.network->load(start.network->parameters(), path);
  prior.normalisation = start.normalisation;
}

/// Of one file, or none, in memory; of several, which may be more than that, on the disk that the model goes to.
TrainingStates training_states(const std::vector<std::string>& files, const Trajectories& first,
                               const Normalisation& normalisation, const std::string& folder) {
  if (files.size() <= 1) return {first, normalisation};
  StatesOnDisk all(folder);
  for (std::size_t i = 0; i < files.size(); ++i) {
    all.add(i == 0 ? first : read_trajectories(files[i]).trajectories, normalisation);
    release_freed_memory();
    StopToken::throw_if_stopped("nothing, training had not begun");
  }
  return all.map();
}

std::string losses_in_words(const EpochReport& report, const std::optional<double>& validation) {
  return validation ? fmt::format("loss {:.4f}, validation {:.4f}", report.loss, *validation)
                    : fmt::format("loss {:.4f}", report.loss);
}

/// To the last epoch, saving itself in the file `checkpoint`.
void train_with_checkpoints(Trainer& trainer, const Prior& prior, const std::string& checkpoint,
                            const Provenance& provenance, const Telling& telling) {
  EpochReport last;
  std::optional<double> validation;
  try {
    trainer.run(
        [&](const TrainingState& state) {
          if (!checkpoint.empty()) write_model(checkpoint, prior, &state, provenance);
        },
        [&](const EpochReport& report) {
          last = report;
          if (report.validation_loss) validation = report.validation_loss;
          if (telling.progress) telling.progress(report.epoch, report.epochs, losses_in_words(report, validation));
        });
  } catch (const Interrupted& stop) {
    throw Interrupted(stop, saved_in(checkpoint, fmt::format("epoch {} of {}", last.epoch, last.epochs)));
  }
}

}  // namespace

struct TrainingRun::Opened {
  TrainingFiles files;
  std::string saved_in;                               ///< the checkpoint; empty: none is left
  std::vector<std::string> train_files, valid_files;  ///< none of states in memory
  TrajectoryFile first;                               ///< of the training files, or all in memory
  std::optional<Trajectories> valid{};                ///< in memory
  std::optional<ModelFile> checkpoint{};

  Opened(TrajectoryFile train, Trajectories valid_states, TrainingFiles f)
      : files(std::move(f)),
        saved_in(files.model.empty() ? "" : checkpoint_of(files.model)),
        first(std::move(train)),
        valid(std::move(valid_states)) {
    if (files.resume) checkpoint = read_checkpoint(saved_in);
  }
  std::string name_of_data() const { return train_files.empty() ? "the training data" : train_files.front(); }

  explicit Opened(TrainingFiles f)
      : files(std::move(f)),
        saved_in(files.model.empty() ? "" : checkpoint_of(files.model)),
        train_files(files_of_part(files.data, "train")),
        valid_files(files_of_part(files.data, "valid")),
        first(read_trajectories(train_files.front())) {
    if (files.resume) checkpoint = read_checkpoint(saved_in);
  }
};

TrainingRun::TrainingRun(TrainingFiles files) : opened_(std::make_unique<Opened>(std::move(files))) {}
TrainingRun::TrainingRun(TrajectoryFile train, TrajectoryFile valid, TrainingFiles files)
    : opened_(std::make_unique<Opened>(std::move(train), std::move(valid.trajectories), std::move(files))) {}
TrainingRun::~TrainingRun() = default;

Experiment TrainingRun::experiment(const std::string& config) const {
  const auto& [files, saved_in, train_files, valid_files, first, valid, checkpoint] = *opened_;
  const std::string data = opened_->name_of_data();
  Experiment experiment = checkpoint ? base_experiment(config, checkpoint->provenance, saved_in)
                                     : base_experiment(config, first.provenance, data);
  if (!first.dynamics.empty()) experiment.dynamics = read_dynamics(first.dynamics, data);
  if (config.empty()) require_no_code(experiment.network, checkpoint ? saved_in : data);
  return experiment;
}

std::uint64_t TrainingRun::seed(const Experiment& experiment, std::optional<std::uint64_t> given,
                                std::uint64_t otherwise) const {
  if (!opened_->checkpoint) return given.value_or(otherwise);
  const Provenance& begun = opened_->checkpoint->provenance;
  require_same_run(opened_->saved_in, recipe_of_weights(experiment),
                   recipe_of_weights(read_recorded_experiment(begun.config, opened_->saved_in)), begun.seed, given);
  return begun.seed;
}

TrainingReport TrainingRun::run(const Experiment& experiment, at::Device device, const Provenance& provenance,
                                const Telling& telling) const {
  const auto& [files, saved_in, train_files, valid_files, first, valid_states, checkpoint] = *opened_;
  Prior prior = prior_of(experiment, first, provenance.seed);
  if (!files.from.empty()) start_from(files.from, prior);
  if (!files.model.empty()) prepare_output(files.model);
  const std::string folder = fs::absolute("." / fs::path(files.model)).parent_path().string();
  TrainingStates train = training_states(train_files, first.trajectories, prior.normalisation, folder);
  TrainingStates valid =
      training_states(valid_files, valid_states ? *valid_states : read_trajectories(valid_files.front()).trajectories,
                      prior.normalisation, folder);
  telling.say(fmt::format(
      "training on {} trajectories of {} states{}", train.states().size(0), train.states().size(1),
      train_files.size() > 1 ? fmt::format(", of {} files, mapped from {}", train_files.size(), folder) : ""));
  Trainer trainer(prior, experiment.training, std::move(train), std::move(valid), provenance.seed, device);
  if (checkpoint) {
    trainer.resume(*checkpoint->training);
    telling.say(fmt::format("going on after epoch {} of {}", checkpoint->training->epoch, experiment.training.epochs));
  } else if (!saved_in.empty() && fs::exists(saved_in)) {
    telling.warn(of_an_earlier_run(saved_in));
  }

  const Stopwatch stopwatch;
  train_with_checkpoints(trainer, prior, saved_in, provenance, telling);
  const TrainingState state = trainer.state();
  TrainingReport report{.weights = state.weights.numel(),
                        .epochs = state.epoch,
                        .seconds = stopwatch.seconds(),
                        .loss = state.losses.back()};
  report.prior = trainer.result();
  if (!files.model.empty()) {
    write_model(files.model, report.prior, nullptr, provenance);
    std::error_code ignored;
    fs::remove(saved_in, ignored);
  }
  if (!state.validation_losses.empty()) report.validation_loss = state.validation_losses.back();
  return report;
}

}  // namespace sda
