/// The energy spectrum of a velocity, of members, truth and simulator.
#pragma once

#include <string>

#include "report/statistics/case_data.hpp"

namespace sda::report {

struct Spectrum {
  Panel panel;  ///< energy over wavenumber (in `times`), to be drawn on logarithms
  std::string wavenumber_axis, caption;
};

/// Of a case whose states are a velocity on a plane.
Spectrum spectrum_of(const CaseData& data);

}  // namespace sda::report
