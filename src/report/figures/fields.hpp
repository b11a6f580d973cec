/// Figures of fields on a plane: windows onto their cells, with axes, and bars of what colours mean.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "report/statistics/animation.hpp"
#include "report/svg.hpp"

namespace sda::report {

/// The fields beside each other, at most four a row. The windows show frame `first` and hold `count` frames. `scale`
/// is how many pixels of a picture one of the drawing's will be; 0 for a page, whose browser draws cells sharply.
Drawing animation_drawing(const Animation& animation, std::size_t first, std::size_t count, double scale);

/// The first fields as rows, a column for each of a few times, for a picture of that scale.
Drawing fields_drawing(const Animation& animation, double scale);

/// The colours that `animation_drawing` uses: those of its scales.
std::vector<std::array<std::uint8_t, 3>> colours_of(const Animation& animation);

}  // namespace sda::report
