/// Text inside a PNG file.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace sda::report {

/// `png` with a text chunk (iTXt, UTF-8) for each keyword and text, right after its header chunk. Throws FileError if
/// `png` does not begin as a PNG file does; `where` names it.
std::string with_text(const std::string& png, const std::vector<std::pair<std::string, std::string>>& texts,
                      const std::string& where);

}  // namespace sda::report
