/// What files say of their states, without reading these: layout and times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/units.hpp"
#include "data/import/timeline.hpp"
#include "sda/core/layout.hpp"

namespace sda::io {

/// What one file says of its states.
struct FileHead {
  Run run;
  StateLayout layout;                  ///< without dt, spacing and mask
  std::int64_t states = 0;             ///< of each trajectory
  bool has_times = true;               ///< a coordinate of time
  std::vector<std::string> remarks{};  ///< what was assumed
};

/// data.time; "valid_time", as ECMWF has it, where that is left at "time" and the first variable has only the other.
std::string time_dimension(const std::string& path, const DataParameters& p);

/// Reads what the file at `path`, the `index`-th, says. Throws UsageError for [data] that does not fit it, FileError
/// for variables that do not fit each other.
FileHead read_head(const std::string& path, std::size_t index, const DataParameters& p);

/// Throws FileError where a file says something else than the first one did and cannot be converted to it.
void require_agreement(const FileHead& first, const FileHead& other, const std::string& path,
                       const std::string& first_path);

/// What makes values of a file, of each channel, those of the first one's units. What is converted or assumed is a
/// remark.
std::vector<UnitConversion> conversions_to(const FileHead& first, const FileHead& other, const std::string& path,
                                           std::vector<std::string>& remarks);
/// Times of a file in the first one's units.
void convert_times(FileHead& other, const FileHead& first);

/// The layout's spacing and units of space, from its coordinates; no coordinates where no axis has any.
void set_space(StateLayout& layout);

}  // namespace sda::io
