/// Latitudes and longitudes of curvilinear grids, found in files of other programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/formats/netcdf_file.hpp"
#include "sda/core/layout.hpp"
#include "sda/data/import.hpp"

namespace sda::io {

/// The auxiliary coordinates of `variable` over two dimensions of data.space: those that its attribute `coordinates`
/// names, else the only ones in the file. Nothing where there are none; where there are several and none is named, a
/// remark says so. Throws FileError for grids that move in time, and for a latitude without longitude.
std::optional<CurvilinearGrid> find_curvilinear(const ReadableGroup& file, const std::string& variable,
                                                const DataParameters& p, std::vector<std::string>& remarks);

}  // namespace sda::io
