/// Value types that travel between the modules: trajectories and ensembles of them.
#pragma once

#include <cstdint>
#include <string>

#include "sda/core/layout.hpp"
#include "sda/core/tensor.hpp"

namespace sda {

/// Simulated or given trajectories, physical units.
struct Trajectories {
  StateLayout layout;
  Tensor states;  ///< (trajectory, time, …event), float32 or float64
  double start_time = 0.0;
};

/// Posterior members, physical units: the only thing SDA and every baseline return.
struct Ensemble {
  StateLayout layout;
  Tensor members;  ///< (member, time, …event)
  double start_time = 0.0;
  std::string method;  ///< "SDA", "DPS", "bootstrap particle filter", "Kalman smoother"
};

/// What an ensemble cost, written beside it.
struct EnsembleCost {
  double seconds = 0;
  std::int64_t evaluations = 0;  ///< network passes, forward and VJP each counting one, of the whole batch
};

}  // namespace sda
