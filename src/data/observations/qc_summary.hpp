/// What was used of a file of observations, what was rejected and why, for people.
#pragma once

#include <string>
#include <vector>

#include "data/observations/screen.hpp"

namespace sda::io {

/// One line for what was used, and one for each reason why others were rejected, and for each remark.
std::string qc_summary(const ScreenedObservations& used, const ObservationTable& table,
                       const ExpectedObservations& expected);

/// "2 with a quality flag above 0 (lines 3, 9)", for each reason that there was.
std::vector<std::string> rejections_in_words(const ScreenedObservations& used, const ObservationTable& table,
                                             const ExpectedObservations& expected);

}  // namespace sda::io
