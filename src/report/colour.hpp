/// Colour maps whose steps look alike, made in Oklab (Ottosson 2020).
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace sda::report {

enum class ColourMap {
  diverging,   ///< blue below zero, nearly white at zero, red above
  sequential,  ///< nearly white at zero, purple above
};

/// Red, green and blue of a level: 0 is grey, for no value; 1 … 255 go from −largest to largest (zero is 128), or from
/// zero to largest.
std::array<std::uint8_t, 3> colour(ColourMap map, int level);
/// "#rrggbb".
std::string colour_text(ColourMap map, int level);

/// The level of a value; NaN is 0, what lies beyond the scale takes its end.
std::uint8_t level_of(ColourMap map, double value, double largest);
/// The value in the middle of a level ≥ 1.
double value_of(ColourMap map, int level, double largest);

}  // namespace sda::report
