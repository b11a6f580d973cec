/// Imported trajectories in files of ours, a part at a time and no more of it than one file holds.
#include <fmt/format.h>

#include <algorithm>

#include "core/torch.hpp"
#include "sda/core/runtime.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/folders.hpp"
#include "sda/data/formats/atomic_file.hpp"
#include "sda/data/import.hpp"

namespace sda {
namespace {

/// Trajectories that fill a file.
std::int64_t trajectories_in_file(const UserData& data, double gigabytes) {
  const auto bytes = static_cast<double>(data.length() * count(data.layout().event) * std::int64_t{sizeof(float)});
  return static_cast<std::int64_t>(std::max(1.0, gigabytes * 1e9 / bytes));
}

/// Writes the files of one part, of at most `at_once` trajectories each; "train.nc (8)". All but the trajectories
/// stands in `file`.
std::string write_part_files(const Part& part, const UserData& data, std::int64_t at_once, TrajectoryFile file,
                             OutputFolder& folder) {
  std::vector<std::string> names;
  for (std::int64_t done = 0; done < part.count; done += at_once) {
    const std::int64_t n = std::min(at_once, part.count - done), begin = part.begin + done;
    const auto* starts = data.start_times().data() + begin;
    file.start_times = {starts, starts + n};
    file.trajectories = {data.layout(), data.read(begin, n), *starts};
    names.push_back(n == part.count ? part_file(part.name) : part_file(part.name, done / at_once));
    write_trajectories(folder.file(names.back()), file);
    release_freed_memory();
  }
  return fmt::format("{}{} ({})", names.front(), names.size() > 1 ? " … " + names.back() : "", part.count);
}

}  // namespace

ImportedTrajectories import_trajectories(const DataParameters& parameters, const std::string& path,
                                         const Provenance& provenance) {
  UserData data(parameters);
  const auto parts = split(data.size(), parameters.train, parameters.valid, "data.length");
  const auto at_once = trajectories_in_file(data, parameters.file_gigabytes);
  for (const auto& part : parts) require_no_others(path, part.name, part.count > at_once);
  // Tests stay unseen: they have no part in the normalisation.
  const bool trains = parts.front().name == "train";
  const Normalisation normalisation = data.survey(trains ? parts.front().count : data.size());
  OutputFolder folder(path);
  for (const auto& part : parts) require_writable(folder.file(part_file(part.name)));

  const TrajectoryFile file{.trajectories = {},
                            .normalisation = normalisation,
                            .dynamics = "",
                            .provenance = provenance,
                            .context = data.context()};
  ImportedTrajectories imported{.layout = data.layout(),
                                .trajectories = data.size(),
                                .length = data.length(),
                                .files = data.files(),
                                .left_over = data.left_over(),
                                .written = {},
                                .remarks = data.remarks()};
  for (const auto& part : parts) imported.written.push_back(write_part_files(part, data, at_once, file, folder));
  folder.keep();
  return imported;
}

}  // namespace sda
