#include "workflow/simulation_pieces.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/data/files.hpp"

namespace sda {

namespace fs = std::filesystem;

SimulationPieces::SimulationPieces(const fs::path& folder) : folder_(folder / "partial") {
  if (!fs::is_directory(folder_)) return;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().filename().string().starts_with("from_")) files_.push_back(entry.path());
  }
  std::sort(files_.begin(), files_.end());
}

std::int64_t SimulationPieces::read(Tensor& states) const {
  std::int64_t done = 0;
  for (const auto& file : files_) {
    const Tensor piece = read_trajectories(file.string()).trajectories.states;
    if (file != name(done) || done + piece.size(0) > states.size(0) ||
        piece.sizes().slice(1) != states.sizes().slice(1)) {
      throw FileError({.what = "does not go on where the piece before it ends",
                       .where = file.string(),
                       .expected = name(done).filename().string(),
                       .hint = "start again without --resume"});
    }
    states.narrow(0, done, piece.size(0)).copy_(piece);
    done += piece.size(0);
  }
  return done;
}

void SimulationPieces::write(std::int64_t from, const Trajectories& trajectories, const Normalisation& normalisation,
                             const std::string& dynamics, const Provenance& provenance) {
  std::error_code error;
  fs::create_directories(folder_, error);
  write_trajectories(name(from).string(), trajectories, normalisation, dynamics, provenance);
  files_.push_back(name(from));
}

void SimulationPieces::remove() {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const std::string file = entry.path().filename().string();
    if (file.starts_with("from_") || file.starts_with(".from_")) fs::remove(entry.path(), ignored);
  }
  fs::remove(folder_, ignored);
  files_.clear();
}

fs::path SimulationPieces::name(std::int64_t from) const {
  return folder_ / fmt::format("from_{:06}.nc", from);
}

}  // namespace sda
