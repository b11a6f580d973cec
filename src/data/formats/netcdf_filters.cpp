/// Filters of HDF5, by the numbers that The HDF Group registered for them.
#include "data/formats/netcdf_filters.hpp"

#include <fmt/format.h>
#include <netcdf.h>
#include <netcdf_filter.h>

#include <map>
#include <vector>

#include "sda/core/error.hpp"

namespace sda::io {

void require_filters(int file, int variable, const std::string& where) {
  static const std::map<unsigned, std::string> names{
      {4, "szip"},           {307, "bzip2"}, {32000, "LZF"},       {32001, "Blosc"}, {32004, "LZ4"},
      {32008, "bitshuffle"}, {32013, "ZFP"}, {32015, "Zstandard"}, {32017, "SZ"},    {32022, "Granular BitRound"},
      {32026, "Blosc2"}};
  std::size_t count = 0;
  if (nc_inq_var_filter_ids(file, variable, &count, nullptr) != NC_NOERR || count == 0) return;
  std::vector<unsigned> ids(count);
  if (nc_inq_var_filter_ids(file, variable, &count, ids.data()) != NC_NOERR) return;
  for (const unsigned id : ids) {
    if (nc_inq_filter_avail(file, id) == NC_NOERR) continue;
    const auto name = names.find(id);
    throw FileError(
        {.what = "values are packed by a filter that HDF5 does not have here",
         .where = where,
         .found = name == names.end() ? fmt::format("filter {}", id) : fmt::format("{} (filter {})", name->second, id),
         .expected = "deflate, shuffle or none",
         .hint = "where it can be read, `nccopy -F none IN OUT` unpacks it; or let HDF5_PLUGIN_PATH name "
                 "the folder of its plugin"});
  }
}

}  // namespace sda::io
