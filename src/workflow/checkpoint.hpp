/// Where work on a file saves itself. Private to the module.
#pragma once

#include <string>

namespace sda {

/// model.nc → model.checkpoint.nc, beside it.
std::string checkpoint_of(const std::string& file);

/// Before long work whose result goes to `file`: it can be written, and what a killed run left half-written, of it or
/// of its checkpoint, goes. Throws FileError.
void prepare_output(const std::string& file);

/// The checksum of all of a file, which a recipe names it by. Throws FileError.
std::string checksum_of_file(const std::string& path);

}  // namespace sda
