/// Fields of the context, [data] context.
#pragma once

#include <string>

#include "sda/core/layout.hpp"
#include "sda/data/import.hpp"

namespace sda::io {

/// Fields that are constant in time, (c, …space), each of mean 0 and deviation 1 over space; undefined for none. Throws
/// UsageError for states without space, FileError for values that are missing or the same everywhere, and for a field
/// of another size.
Tensor read_context_fields(const DataParameters& p, const std::string& first_path, const StateLayout& layout);

}  // namespace sda::io
