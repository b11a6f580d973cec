/// Where an artefact came from; written into every file.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace sda {

struct Provenance {
  std::string command;  ///< the command line
  std::string config;   ///< the whole effective configuration, as TOML
  std::uint64_t seed = 0;
  std::string version;  ///< of sda
  std::string created;  ///< UTC, ISO 8601
};

/// Version of this library, "0.1.0".
std::string version();

/// With version and the present time filled in.
Provenance make_provenance(std::string command, std::string config, std::uint64_t seed);

/// The first lines in which two configurations differ, such as "steps = 8" and "steps = 16", without the # of a
/// comment; "nothing" in place of a line that is empty or lacks.
std::pair<std::string, std::string> first_difference(const std::string& found, const std::string& expected);

}  // namespace sda
