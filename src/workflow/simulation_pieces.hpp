/// The trajectories that a simulation has done, in files of their own: FOLDER/partial/from_000000.nc, each with those
/// done since the one before it. Private to src/.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sda/core/provenance.hpp"
#include "sda/core/trajectories.hpp"

namespace sda {

class SimulationPieces {
 public:
  /// Those that are in `folder`.
  explicit SimulationPieces(const std::filesystem::path& folder);

  bool empty() const { return files_.empty(); }
  std::string folder() const { return folder_.string(); }
  std::string first() const { return files_.front().string(); }

  /// Copies them into `states`; how many trajectories they are. Throws FileError for pieces of which one is missing.
  std::int64_t read(Tensor& states) const;
  /// Adds those from trajectory `from` on.
  void write(std::int64_t from, const Trajectories& trajectories, const Normalisation& normalisation,
             const std::string& dynamics, const Provenance& provenance);
  void remove();

 private:
  std::filesystem::path name(std::int64_t from) const;

  std::filesystem::path folder_;
  std::vector<std::filesystem::path> files_;
};

}  // namespace sda
