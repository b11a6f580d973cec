/// One case as PNG, by gnuplot.
#pragma once

#include <string>

#include "report/figures.hpp"

namespace sda::report {

/// The gnuplot script that draws the case into `png`; data included.
std::string picture_script(const Figures& figures, const std::string& png);

/// Draws into `path`, with the provenance as text inside, by way of a temporary file beside it. Throws FileError if
/// gnuplot is missing or fails, or the file cannot be written.
void draw_picture(const Figures& figures, const Provenance& provenance, const std::string& path);

}  // namespace sda::report
