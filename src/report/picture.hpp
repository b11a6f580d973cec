/// One case as PNG, and its films as GIF, by gnuplot.
#pragma once

#include <string>

#include "report/figures.hpp"

namespace sda::report {

/// The gnuplot script that draws the case into `png`; data included.
std::string picture_script(const Figures& figures, const std::string& png);

/// The gnuplot script that draws the films of a case, one time after another, into `gif`; data included.
std::string animation_script(const Figures& figures, const std::string& gif);

/// Draws into `path`, with the provenance as text inside, by way of a temporary file beside it. Throws FileError if
/// gnuplot is missing or fails, or the file cannot be written.
void draw_picture(const Figures& figures, const Provenance& provenance, const std::string& path);

/// The same of the animation; without provenance, for which GIF has no place that is read.
void draw_animation(const Figures& figures, const std::string& path);

}  // namespace sda::report
