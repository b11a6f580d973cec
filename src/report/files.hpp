/// Files that appear whole or not at all.
#pragma once

#include <string>

namespace sda::report {

/// The whole file. Throws FileError.
std::string read_text(const std::string& path);
/// Writes under a name beside `path`, then renames. Throws FileError, and then leaves nothing behind.
void write_whole(const std::string& path, const std::string& text);

/// A file name for a case: its name, with what a file system may not like replaced.
std::string file_stem(const std::string& name);

}  // namespace sda::report
