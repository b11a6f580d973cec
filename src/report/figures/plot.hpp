/// Panels of plain curves beside each other, as studies and calibration draw them.
#pragma once

#include <string>
#include <vector>

#include "report/svg.hpp"
#include "sda/report/plot.hpp"

namespace sda::report {

/// The title, panels with their legends below, and the caption.
Drawing plot_drawing(const std::string& title, const std::vector<PlotPanel>& panels, const std::string& caption);

}  // namespace sda::report
