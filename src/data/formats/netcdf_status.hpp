/// What the NetCDF C library returns, as errors in words.
#pragma once

#include <fmt/format.h>
#include <netcdf.h>

#include <string>

#include "data/formats/netcdf_file.hpp"
#include "sda/core/error.hpp"

namespace sda::io {

/// Throws FileError for a status that is an error.
inline void check_write(int status, const std::string& where) {
  if (status == NC_NOERR) return;
  throw FileError({.what = fmt::format("cannot be written: {}", nc_strerror(status)), .where = where});
}

inline void check_read(int status, const std::string& where) {
  if (status == NC_NOERR) return;
  throw FileError({.what = fmt::format("cannot be read: {}", nc_strerror(status)),
                   .where = where,
                   .hint = "the file is damaged; take a good copy or make it again"});
}

/// Of a type of numbers.
inline NumberType number_type_of(nc_type type) {
  switch (type) {
    case NC_BYTE:
      return {1, true, true};
    case NC_UBYTE:
      return {1, true, false};
    case NC_SHORT:
      return {2, true, true};
    case NC_USHORT:
      return {2, true, false};
    case NC_INT:
      return {4, true, true};
    case NC_UINT:
      return {4, true, false};
    case NC_INT64:
      return {8, true, true};
    case NC_UINT64:
      return {8, true, false};
    case NC_FLOAT:
      return {4, false, true};
    default:
      return {8, false, true};
  }
}

}  // namespace sda::io
