/// Filters of HDF5 that a variable was packed by.
#pragma once

#include <string>

namespace sda::io {

/// Throws FileError naming a filter that the variable of a file needs and HDF5 does not have here.
void require_filters(int file, int variable, const std::string& where);

}  // namespace sda::io
