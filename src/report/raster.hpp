/// Drawings as pixels, by librsvg and Cairo.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/svg.hpp"
#include "sda/core/provenance.hpp"

namespace sda::report {

struct Pixels {
  std::int64_t width = 0, height = 0;
  std::vector<std::uint32_t> colours;  ///< 0xRRGGBB, rows from the top
};

/// The drawing in the page's light colours on white, `scale` pixels for one of the drawing's. Throws NumericalError if
/// librsvg refuses it, which would be a fault of ours.
Pixels rendered(const Drawing& drawing, double scale);

/// The style sheet of figures with the page's light colours in place of their names.
std::string figure_style();

/// Writes the drawing as PNG, `scale` pixels for one of the drawing's, with title and provenance as text inside. The
/// file appears whole or not at all. Throws FileError if it cannot be written.
void draw_png(const Drawing& drawing, double scale, const std::string& title, const Provenance& provenance,
              const std::string& path);

}  // namespace sda::report
