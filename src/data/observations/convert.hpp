/// Rows that are used → observations: a row of the link `points` each.
#pragma once

#include "data/observations/screen.hpp"
#include "sda/observation/observations.hpp"

namespace sda::io {

/// Observations of variables of the state make one part, those of a formula one each.
Observations to_observations(ScreenedObservations used, ObservationTable table, const ExpectedObservations& expected,
                             const Normalisation& normalisation);

}  // namespace sda::io
