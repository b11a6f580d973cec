/// Which files [data] names, and whether what it says can be meant.
#pragma once

#include <string>
#include <vector>

#include "sda/data/import.hpp"

namespace sda::io {

/// Files that match the patterns of data.files, each once, in the order of the patterns. Throws UsageError where there
/// is no pattern, FileError where one matches nothing.
std::vector<std::string> find_files(const DataParameters& p);

/// Throws UsageError where no variable is named, or a variable or a dimension twice.
void require_distinct_names(const DataParameters& p);

}  // namespace sda::io
