/// Where work on a file saves itself. Private to the module.
#pragma once

#include <string>

namespace sda {

/// model.nc → model.checkpoint.nc, beside it.
std::string checkpoint_of(const std::string& file);

}  // namespace sda
