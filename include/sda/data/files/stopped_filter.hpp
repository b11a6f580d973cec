/// The file that a particle filter leaves when it is stopped.
#pragma once

#include <string>

#include "sda/baselines/saving.hpp"
#include "sda/core/provenance.hpp"

namespace sda {

/// A filter under way, and what it is a filter of.
struct StoppedFilter {
  FilterState state;
  std::string recipe;  ///< TOML: all that its trajectories hang on; it goes on with the same only
  Provenance provenance;
};

/// Throws FileError.
void write_stopped_filter(const std::string& path, const StoppedFilter& stopped);
/// Throws FileError for another file.
StoppedFilter read_stopped_filter(const std::string& path);

}  // namespace sda
