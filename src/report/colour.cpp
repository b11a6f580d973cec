/// Along each arm of a map lightness falls in equal steps from white, the hue stays, and chroma stays within sRGB.
#include "report/colour.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sda::report {
namespace {

constexpr int zero_level = 128, arm_levels = 127, last_level = 255;

std::uint8_t srgb(double linear) {
  const double c = std::clamp(linear, 0.0, 1.0);
  const double encoded = c <= 0.0031308 ? 12.92 * c : 1.055 * std::pow(c, 1 / 2.4) - 0.055;
  return static_cast<std::uint8_t>(std::lround(255 * encoded));
}

/// Oklab by lightness, chroma and hue (degrees) → sRGB.
std::array<std::uint8_t, 3> from_oklch(double lightness, double chroma, double hue) {
  const double a = chroma * std::cos(hue * std::numbers::pi / 180), b = chroma * std::sin(hue * std::numbers::pi / 180);
  const auto cube = [](double x) { return x * x * x; };
  const double l = cube(lightness + 0.3963377774 * a + 0.2158037573 * b);
  const double m = cube(lightness - 0.1055613458 * a - 0.0638541728 * b);
  const double s = cube(lightness - 0.0894841775 * a - 1.2914855480 * b);
  return {srgb(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          srgb(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          srgb(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

}  // namespace

std::array<std::uint8_t, 3> colour(ColourMap map, int level) {
  if (level == 0) return {190, 193, 197};
  constexpr double blue = 258, red = 25, purple = 300;
  const double along = map == ColourMap::diverging ? static_cast<double>(level - zero_level) / arm_levels
                                                   : static_cast<double>(level - 1) / (last_level - 1);
  const double s = std::abs(along), hue = map == ColourMap::sequential ? purple : along < 0 ? blue : red;
  return from_oklch(0.97 - 0.6 * s, 0.16 * std::sin(0.75 * std::numbers::pi * s), hue);
}

std::string colour_text(ColourMap map, int level) {
  const auto [r, g, b] = colour(map, level);
  return fmt::format("#{:02x}{:02x}{:02x}", r, g, b);
}

std::uint8_t level_of(ColourMap map, double value, double largest) {
  if (std::isnan(value)) return 0;
  const double share = std::clamp(value / largest, map == ColourMap::diverging ? -1.0 : 0.0, 1.0);
  const auto level = map == ColourMap::diverging ? zero_level + std::lround(arm_levels * share)
                                                 : 1 + std::lround((last_level - 1) * share);
  return static_cast<std::uint8_t>(level);
}

double value_of(ColourMap map, int level, double largest) {
  return map == ColourMap::diverging ? largest * (level - zero_level) / arm_levels
                                     : largest * (level - 1) / (last_level - 1);
}

}  // namespace sda::report
