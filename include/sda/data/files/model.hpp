/// Trained priors and checkpoints of their training, in files of ours; see sda/data/files.hpp for what they share.
#pragma once

#include <optional>
#include <string>

#include "sda/core/provenance.hpp"
#include "sda/prior/prior.hpp"
#include "sda/training/trainer.hpp"

namespace sda {

/// A trained prior, and in a checkpoint the state of its training too.
void write_model(const std::string& path, const Prior& prior, const TrainingState* training,
                 const Provenance& provenance);
struct ModelFile {
  Prior prior;
  std::optional<TrainingState> training;
  Provenance provenance;
};
/// Names, shapes, dtypes and the configuration's checksum are compared; what differs is refused.
ModelFile read_model(const std::string& path);

}  // namespace sda
