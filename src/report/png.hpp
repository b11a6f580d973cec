/// PNG files: small pictures of few colours, and text inside.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sda::report {

/// `png` with a text chunk (iTXt, UTF-8) for each keyword and text, right after its header chunk. Throws FileError if
/// `png` does not begin as a PNG file does; `where` names it.
std::string with_text(const std::string& png, const std::vector<std::pair<std::string, std::string>>& texts,
                      const std::string& where);

/// A picture of one byte a pixel, rows from the top, each a place in `palette` (at most 256 colours: red, green, blue).
std::string indexed_png(std::int64_t width, std::int64_t height, const std::vector<std::uint8_t>& pixels,
                        const std::vector<std::array<std::uint8_t, 3>>& palette);

}  // namespace sda::report
