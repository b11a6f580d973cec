/// Text chunks of PNG (W3C Portable Network Graphics, third edition, 5.3 and 11.3.3.4).
#include "report/png.hpp"

#include <cstdint>

#include "sda/core/error.hpp"

namespace sda::report {
namespace {

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFFU);
  return bytes;
}

/// CRC-32 of a chunk's type and data, bit by bit: chunks of text are short.
std::uint32_t crc32(const std::string& bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

std::string text_chunk(const std::string& keyword, const std::string& text) {
  // Keyword, not compressed (flag, method), no language, no translated keyword, text.
  const std::string data = keyword + std::string(5, '\0') + text;
  return big_endian(static_cast<std::uint32_t>(data.size())) + "iTXt" + data + big_endian(crc32("iTXt" + data));
}

}  // namespace

std::string with_text(const std::string& png, const std::vector<std::pair<std::string, std::string>>& texts,
                      const std::string& where) {
  constexpr std::size_t header_end = 8 + 4 + 4 + 13 + 4;  // signature, then IHDR: length, type, data, check sum
  if (png.size() < header_end || png.compare(0, 8, "\x89PNG\r\n\x1a\n") != 0) {
    throw FileError({.what = "not a PNG file", .where = where});
  }
  std::string chunks;
  for (const auto& [keyword, text] : texts) chunks += text_chunk(keyword, text);
  return png.substr(0, header_end) + chunks + png.substr(header_end);
}

}  // namespace sda::report
