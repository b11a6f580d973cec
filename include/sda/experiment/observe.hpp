/// Observations of one trajectory: drawn from a known one, or taken from a file of instruments.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sda/data/files.hpp"
#include "sda/data/files/model.hpp"
#include "sda/data/observations.hpp"
#include "sda/experiment/experiment.hpp"

namespace sda {

/// Observations y ~ p(y | A(x)) of `parameters.length` states from `start` on of one trajectory of `file`, which was
/// read from `path`. Each start has draws of its own. Throws UsageError, naming --trajectory or --start, for a stretch
/// that the file does not have.
Observations observe_trajectory(const TrajectoryFile& file, const std::string& path, std::int64_t trajectory,
                                std::int64_t start, const ObservationParameters& parameters, const std::string& name,
                                std::uint64_t seed);

/// Of each part whose observations reach points where states have no values, such as land, a sentence that says so.
std::vector<std::string> valueless_in_words(const Observations& observations);

/// What observations of instruments are of, as a model or its data know it.
struct ObservedSystem {
  StateLayout layout;
  Normalisation normalisation;
  std::string dynamics;  ///< TOML; empty for a system that was imported
  AssimilationWindow window;
};
/// Of a model whose configuration is `experiment`.
ObservedSystem observed_system(const ModelFile& model, const Experiment& experiment);
ObservedSystem observed_system(const TrajectoryFile& file);

/// Observations of this system in a file of instruments; `name` empty: the file's.
Observations take_observations(const std::string& path, const ObservedSystem& system,
                               const ObservationFileParameters& parameters, const std::string& name);

}  // namespace sda
