/// Plots of plain curves as PNG, for studies: what a table says, to be seen at once.
#pragma once

#include <string>
#include <vector>

#include "sda/core/provenance.hpp"

namespace sda {

struct PlotCurve {
  std::string name;  ///< in the legend; empty: not there
  std::vector<double> x, y;
  std::vector<double> low{}, high{};  ///< a band around it, one for each x; empty: none
  bool points = false;                ///< points alone, no line between them
  bool reference = false;             ///< drawn in grey dashes: what the others are to be compared with
};

struct PlotPanel {
  std::string title, x_axis, y_axis;
  bool log_x = false, log_y = false;  ///< values that are not > 0 are left out
  std::vector<PlotCurve> curves;
};

/// Draws the panels beside each other, `caption` below, as PNG; `provenance` goes into the file's text chunks. Throws
/// FileError if the file cannot be written, and then leaves nothing; ValueError if there is no panel, or a curve's
/// lists are not as long as each other.
void write_plot(const std::string& path, const std::string& title, const std::vector<PlotPanel>& panels,
                const std::string& caption, const Provenance& provenance);

}  // namespace sda
