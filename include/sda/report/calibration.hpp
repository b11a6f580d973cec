/// Calibration, drawn: where truths lie among the members.
#pragma once

#include <vector>

#include "sda/evaluation/calibration.hpp"
#include "sda/report/plot.hpp"

namespace sda {

/// The rank histogram over the flat one, with the band that holds a calibrated one 95 times of 100, and the share of
/// truths below each quantile of the members.
std::vector<PlotPanel> calibration_panels(const RankUniformity& ranks);

}  // namespace sda
