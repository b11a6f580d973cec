/// Text of files, and their names.
#pragma once

#include <string>

namespace sda::report {

/// The whole file. Throws FileError.
std::string read_text(const std::string& path);

/// A file name for a case: its name, with what a file system may not like replaced.
std::string file_stem(const std::string& name);

}  // namespace sda::report
