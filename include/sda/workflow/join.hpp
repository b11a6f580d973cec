/// Parts of one ensemble, drawn by several runs, into the file that one run would have written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sda/core/provenance.hpp"

namespace sda {

struct JoinReport {
  std::int64_t members = 0;
  std::size_t parts = 0;
};

/// Joins ensemble files of `sda assimilate --members-from` in the order of their members, some members in memory at a
/// time. Seed and configuration are those of the parts, members those of all; `command` is who asked. Throws FileError
/// where a part is of another model, observation, seed, configuration or trajectory, or where members are missing or
/// there twice.
JoinReport join_ensembles(const std::vector<std::string>& parts, const std::string& path, const std::string& command,
                          std::int64_t compression = 0);

}  // namespace sda
