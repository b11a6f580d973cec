/// What the NetCDF C library returns, as errors in words.
#pragma once

#include <fmt/format.h>
#include <netcdf.h>

#include <string>

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

}  // namespace sda::io
