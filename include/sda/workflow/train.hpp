/// Training on files: the trajectories of a simulation or an import into a model. A run that is stopped leaves a
/// checkpoint beside the model and goes on from it, bit for bit as if it had not been stopped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sda/core/provenance.hpp"
#include "sda/data/files.hpp"
#include "sda/experiment/experiment.hpp"
#include "sda/workflow/telling.hpp"

namespace sda {

struct TrainingFiles {
  std::string data;     ///< folder with train.nc and valid.nc, or with train_0000.nc … of a large import
  std::string model;    ///< to be written
  std::string from{};   ///< model whose weights and normalisation to start from; empty: first weights of the seed
  bool resume = false;  ///< from the checkpoint of a run that was stopped
};

struct TrainingReport {
  std::int64_t weights = 0, epochs = 0;
  double seconds = 0;
  double loss = 0;                          ///< of the last epoch
  std::optional<double> validation_loss{};  ///< the last
  Prior prior{};                            ///< what was trained
};

/// A training whose input files have been opened, so that a configuration can be taken from them.
class TrainingRun {
 public:
  /// Reads the first training file, and the checkpoint with `resume`. Throws FileError.
  explicit TrainingRun(TrainingFiles files);
  /// Of states in memory; files.data is not looked at. Without files.model nothing is written, and no checkpoint left.
  TrainingRun(TrajectoryFile train, TrajectoryFile valid, TrainingFiles files);
  ~TrainingRun();

  /// What the run starts from: `config`, an experiment file, if it is given; else what the checkpoint recorded, or the
  /// data. Its dynamics are the data's. Throws as read_experiment.
  Experiment experiment(const std::string& config) const;
  /// The checkpoint's seed; without one what was given. Throws UsageError where a checkpoint is of another experiment,
  /// or of another seed than the one given.
  std::uint64_t seed(const Experiment& experiment, std::optional<std::uint64_t> given, std::uint64_t otherwise) const;

  /// Trains a prior under provenance.seed, and writes it. `progress` counts epochs and has the losses as its note.
  /// Throws UsageError as Trainer and prior_of, FileError where the model cannot be written; Interrupted after a stop
  /// signal, with a checkpoint left.
  TrainingReport run(const Experiment& experiment, at::Device device, const Provenance& provenance,
                     const Telling& telling = {}) const;

 private:
  struct Opened;
  std::unique_ptr<const Opened> opened_;
};

}  // namespace sda
