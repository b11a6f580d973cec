/// Files that gzip packed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sda::io {

/// By the first bytes of a file.
bool is_gzip(std::string_view first_bytes);

/// At most `size` bytes of what is in a packed file; fewer, or none, where it is damaged.
std::string first_bytes_of_gzip(const std::string& path, std::size_t size);

/// All that is in a packed file. Throws FileError for a damaged one.
std::string read_gzip(const std::string& path);

}  // namespace sda::io
