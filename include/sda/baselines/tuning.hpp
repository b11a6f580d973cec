/// What a classical method must be told (inflation, localisation, background), found by trying: by the observations
/// alone, for users have no truth.
#pragma once

#include <string>
#include <vector>

#include "sda/baselines/baseline.hpp"

namespace sda {

/// One setting tried.
struct BaselineTrial {
  BaselineParameters parameters;
  std::string settings{};     ///< what was varied: "inflation 1.02, radius 4"
  bool diverged = false;      ///< then there are no scores
  ForecastScores forecast{};  ///< of observations by the forecasts before them
};

/// All values of what parameters.method is tuned by (BaselineMethod::tuned), everything else as in `parameters`, over
/// the same draws; best first, by the log score of forecasts. `progress` counts settings. Throws as run_baseline, and
/// UsageError for a method that has nothing to tune.
std::vector<BaselineTrial> tune_baseline(const Dynamics& dynamics, const Observations& observations,
                                         const BaselineParameters& parameters, std::uint64_t seed,
                                         const ProgressCallback& progress = {});

}  // namespace sda
