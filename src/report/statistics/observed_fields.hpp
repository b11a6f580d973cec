/// What was observed, as fields on a plane.
#pragma once

#include <optional>
#include <string>

#include "report/statistics/quantities.hpp"
#include "sda/observation/observations.hpp"

namespace sda::report {

/// What was read, as fields (read times, h, w), NaN where nothing was.
struct ReadFields {
  Tensor fields;
  bool as_read = false;  ///< not the quantity looked at, but the operator's own
  std::string of;        ///< what it is then
};

/// Observations y = c + span z of an affine operator, where z is normalised and all-ones states have z = 1. On a
/// coarser grid of all variables they are states of that grid. Otherwise they are laid back to where they were read,
/// each weighing as much as it depends on a component: Jᵀ (span z) / Jᵀ span, the value itself of a sample, the mean
/// over the region of an average.
std::optional<ReadFields> read_fields(const Observations& y, const ObservationPart& part, const Shown& shown);

}  // namespace sda::report
