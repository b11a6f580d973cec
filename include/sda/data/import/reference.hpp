/// Files of the public Python reference of Rozet & Louppe (2023).
#pragma once

#include <string>

#include "sda/core/trajectories.hpp"
#include "sda/prior/prior.hpp"

namespace sda {

/// The reference's `state.pth` (as torch.save wrote it) and `config.json` → a prior.
Prior import_reference_model(const std::string& state_path, const std::string& config_path, const StateLayout& layout,
                             const Normalisation& normalisation);
/// The reference's HDF5 trajectories (dataset `x`, normalised) → physical trajectories.
Trajectories import_reference_trajectories(const std::string& path, const StateLayout& layout,
                                           const Normalisation& normalisation);

}  // namespace sda
