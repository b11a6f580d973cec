/// Chunks of PNG (W3C Portable Network Graphics, third edition, 5.3, 9.2, 11.2 and 11.3.3.4).
#include "report/png.hpp"

#include <zlib.h>

#include <cstdint>

#include "sda/core/error.hpp"

namespace sda::report {
namespace {

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFFU);
  return bytes;
}

/// Length, type, data and the check sum of the latter two.
std::string chunk(const std::string& type_and_data) {
  const auto* bytes = reinterpret_cast<const Bytef*>(type_and_data.data());
  const auto sum = ::crc32(0, bytes, static_cast<uInt>(type_and_data.size()));
  return big_endian(static_cast<std::uint32_t>(type_and_data.size() - 4)) + type_and_data +
         big_endian(static_cast<std::uint32_t>(sum));
}

std::string text_chunk(const std::string& keyword, const std::string& text) {
  // Keyword, not compressed (flag, method), no language, no translated keyword, text.
  return chunk("iTXt" + keyword + std::string(5, '\0') + text);
}

std::string deflated(const std::string& bytes) {
  auto size = ::compressBound(static_cast<uLong>(bytes.size()));
  std::string packed(size, '\0');
  ::compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
              static_cast<uLong>(bytes.size()), Z_BEST_COMPRESSION);  // fails on too little room only
  packed.resize(size);
  return packed;
}

const std::string signature = "\x89PNG\r\n\x1a\n";

}  // namespace

std::string with_text(const std::string& png, const std::vector<std::pair<std::string, std::string>>& texts,
                      const std::string& where) {
  constexpr std::size_t header_end = 8 + 4 + 4 + 13 + 4;  // signature, then IHDR: length, type, data, check sum
  if (png.size() < header_end || png.compare(0, 8, signature) != 0) {
    throw FileError({.what = "not a PNG file", .where = where});
  }
  std::string chunks;
  for (const auto& [keyword, text] : texts) chunks += text_chunk(keyword, text);
  return png.substr(0, header_end) + chunks + png.substr(header_end);
}

std::string indexed_png(std::int64_t width, std::int64_t height, const std::vector<std::uint8_t>& pixels,
                        const std::vector<std::array<std::uint8_t, 3>>& palette) {
  if (width < 1 || height < 1 || std::ssize(pixels) != width * height || palette.empty() || palette.size() > 256) {
    throw ShapeError(
        {.what = "pixels or colours do not fit a picture",
         .where = "PNG",
         .found = std::to_string(pixels.size()) + " pixels, " + std::to_string(palette.size()) + " colours",
         .expected = std::to_string(width) + " × " + std::to_string(height) + " pixels, 1 to 256 colours"});
  }
  // 8 bits a pixel, colours from a palette (3), the only compression and filter method, not interlaced.
  std::string header = "IHDR" + big_endian(static_cast<std::uint32_t>(width)) +
                       big_endian(static_cast<std::uint32_t>(height)) + std::string("\x08\x03\0\0\0", 5);
  std::string colours = "PLTE";
  for (const auto& colour : palette) {
    for (const auto part : colour) colours += static_cast<char>(part);
  }
  std::string rows;  // each after its filter type: none
  for (std::int64_t y = 0; y < height; ++y) {
    rows += '\0';
    rows.append(pixels.begin() + y * width, pixels.begin() + (y + 1) * width);
  }
  return signature + chunk(header) + chunk(colours) + chunk("IDAT" + deflated(rows)) + chunk("IEND");
}

}  // namespace sda::report
