/// Simulation into files: trajectories of an experiment's dynamics, in parts for training, validation and tests. What
/// is done is saved in pieces, so that a run that was stopped goes on bit for bit as if it had not been.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sda/core/provenance.hpp"
#include "sda/data/files/folders.hpp"
#include "sda/experiment/experiment.hpp"
#include "sda/workflow/telling.hpp"

namespace sda {

/// What a simulation into a folder that was stopped has left there.
struct StoppedSimulation {
  std::string file;  ///< its first piece
  Provenance provenance;
};
/// Throws UsageError where it has left nothing.
StoppedSimulation stopped_simulation(const std::string& folder);
/// Throws UsageError where `experiment`, or the seed if one is given, would make other states than those it left.
void require_same_simulation(const StoppedSimulation& stopped, const Experiment& experiment,
                             std::optional<std::uint64_t> seed_given);

struct SimulationReport {
  std::vector<Part> parts;  ///< a file each
  double seconds = 0;
  std::int64_t solver_steps = 0;  ///< of all trajectories that were not there yet
};

/// folder/train.nc, valid.nc and test.nc, by the shares of [simulation]; draws are of provenance.seed. With `resume` it
/// goes on from the pieces that were saved. Throws UsageError where a part is left without trajectories, FileError
/// where a file cannot be written; Interrupted after a stop signal, when all that is whole has been saved.
SimulationReport simulate_to_files(const Experiment& experiment, const std::string& folder, bool resume,
                                   const Provenance& provenance, const Telling& telling = {});

}  // namespace sda
