/// Files that are known to be whole when they are read.
///
/// A file ends in a seal of 16 bytes, "sda-crc " and the CRC-32 of all bytes before it as 8 hexadecimal digits. HDF5
/// and every tool built on it read past the end of their data without a word, and cut the seal off when they change
/// a file in place: a damaged file is refused, an edited one is only no longer sealed.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "sda/core/error.hpp"

namespace sda::io {

/// Writes `bytes` and a seal as `write_file` does.
void write_sealed_file(const std::string& path, std::span<const std::byte> bytes);

/// Ends an open file, read from its beginning, in a seal, and has all of it on the disk. 0 or the error.
int seal(int descriptor);

/// Throws FileError where `path` is not a regular file that can be read, or does not match its seal. True if it has
/// a seal.
bool check_sealed_file(const std::string& path);

/// All bytes of a file of text. Throws FileError: `refusal`, with the path and what the system said.
std::string read_text_file(const std::string& path, Fault refusal);

/// CRC-32 as 8 hexadecimal digits.
std::string checksum(std::span<const std::byte> bytes);

}  // namespace sda::io
