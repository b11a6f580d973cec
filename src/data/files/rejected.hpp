/// Rejected observations in our files: nothing is lost that an instrument gave. Private to src/.
#pragma once

#include <vector>

#include "data/formats/netcdf_file.hpp"
#include "sda/observation/observations.hpp"

namespace sda::io {

/// Variables over the dimension `rejected`: value, time, line and reason, a flag with its meanings. None where nothing
/// was rejected.
void write_rejected(WritableGroup& file, const Observations& observations);
std::vector<RejectedObservation> read_rejected(const ReadableGroup& file);

}  // namespace sda::io
