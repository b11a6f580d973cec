/// What files of work under way share. Private to the module.
#pragma once

#include <string>

#include "data/formats/netcdf_file.hpp"

namespace sda::io {

/// Values under dimensions of their own, NAME_0, NAME_1, …
void write_values(WritableGroup& file, const std::string& name, const Tensor& values, const std::string& long_name);

}  // namespace sda::io
