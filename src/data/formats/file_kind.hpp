/// What a file is by its first bytes, where it is none that we read.
#pragma once

#include <optional>
#include <string>

namespace sda::io {

/// A format of others, and what makes something of it that we read.
struct ForeignFormat {
  std::string name, hint;
};

/// Whether a file is NetCDF, by its first bytes.
bool is_netcdf(const std::string& path);

/// A format that is known and not read here; nothing for text, for NetCDF and for what nobody knows. What gzip packed
/// is looked into.
std::optional<ForeignFormat> foreign_format(const std::string& path);

/// Throws FileError naming a format that is not read here.
void refuse_foreign_format(const std::string& path, const std::string& expected);

}  // namespace sda::io
