// A tuner over a grid. A forecast is judged by the observations that come after it: log p(y | forecast), each
// observation by itself and its forecast taken for Gaussian, which punishes too little spread and too much. What is
// best by that is best by the error against the truth too, or nearly (docs/results/benchmark.md).
#include "sda/baselines/tuning.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sda/core/error.hpp"

namespace sda {
namespace {

using Setting = double BaselineParameters::*;

struct Tunable {
  Setting setting;
  const char* name;
  std::vector<double> values;
};
const std::vector<Tunable>& tunables() {
  static const std::vector<Tunable> all{
      {&BaselineParameters::inflation, "inflation", {1, 1.01, 1.02, 1.04, 1.07, 1.1, 1.15, 1.2, 1.3, 1.5}},
      {&BaselineParameters::radius, "radius", {1, 2, 4, 8, 16}},
      {&BaselineParameters::certainty, "certainty", {0.5, 1, 2, 4}},
      {&BaselineParameters::background, "background", {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1}}};
  return all;
}

/// Every combination of the values, from `trials` so far.
std::vector<BaselineTrial> varied(const std::vector<BaselineTrial>& trials, const Tunable& tunable) {
  std::vector<BaselineTrial> all;
  for (const auto& trial : trials) {
    for (const double value : tunable.values) {
      all.push_back(trial);
      all.back().parameters.*tunable.setting = value;
      all.back().settings += fmt::format("{}{} {:g}", trial.settings.empty() ? "" : ", ", tunable.name, value);
    }
  }
  return all;
}

}  // namespace

std::vector<BaselineTrial> tune_baseline(const Dynamics& dynamics, const Observations& observations,
                                         const BaselineParameters& parameters, std::uint64_t seed,
                                         const ProgressCallback& progress) {
  const BaselineMethod& method = baseline_method(parameters.method);
  if (method.tuned.empty()) {
    throw UsageError({.what = "this method has nothing to tune", .where = "baseline.method", .found = method.name});
  }
  std::vector<BaselineTrial> trials{{.parameters = parameters}};
  for (const auto& tunable : tunables()) {
    const bool is_read = std::find(method.tuned.begin(), method.tuned.end(), tunable.setting) != method.tuned.end();
    if (is_read) trials = varied(trials, tunable);
  }
  std::int64_t done = 0;
  for (auto& trial : trials) {
    try {
      trial.forecast = run_baseline(dynamics, observations, trial.parameters, seed).forecast;
    } catch (const NumericalError&) {
      trial.diverged = true;
    }
    if (progress) progress(++done, std::ssize(trials), trial.settings);
  }
  std::stable_sort(trials.begin(), trials.end(), [](const auto& a, const auto& b) {
    return a.diverged != b.diverged ? b.diverged : a.forecast.log_score > b.forecast.log_score;
  });
  return trials;
}

}  // namespace sda
