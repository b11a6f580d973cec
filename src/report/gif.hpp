/// Animated GIF, by giflib.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "report/raster.hpp"

namespace sda::report {

/// `frames` frames one after another, each for `hundredths` of a second, repeated for ever. All frames are of one size.
/// `colours` are those that matter: they are thinned evenly to what GIF's 256 have room for beside greys, and each
/// pixel takes the nearest.
std::string animated_gif(std::size_t frames, const std::function<Pixels(std::size_t)>& frame, int hundredths,
                         const std::vector<std::array<std::uint8_t, 3>>& colours);

}  // namespace sda::report
