/// One case as PNG, and its fields as an animated GIF.
#pragma once

#include <string>

#include "report/statistics/case_statistics.hpp"
#include "report/svg.hpp"

namespace sda::report {

/// All figures of a case below one another, each with its caption, for a picture of that scale.
Drawing picture_of(const CaseStatistics& statistics, double scale);

/// Draws a case into `path`, 2000 pixels wide, with the provenance as text inside. The file appears whole or not at
/// all. Throws FileError if it cannot be written.
void draw_picture(const CaseStatistics& statistics, const Provenance& provenance, const std::string& path);

/// The same of the fields over time; without provenance, for which GIF has no place that is read.
void draw_animation(const CaseStatistics& statistics, const std::string& path);

}  // namespace sda::report
