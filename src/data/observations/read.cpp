/// A file of observations, step by step: decode → screen → convert → QC summary.
#include <fmt/format.h>

#include <utility>

#include "data/observations/convert.hpp"
#include "data/observations/decode.hpp"
#include "data/observations/qc_summary.hpp"
#include "data/observations/screen.hpp"
#include "sda/core/error.hpp"
#include "sda/data/observations.hpp"

namespace sda {

using namespace io;

namespace {

void require_fitting_errors(const ObservationFileParameters& parameters, std::size_t observables) {
  const auto errors = parameters.error.size();
  if (errors <= 1 || errors == observables) return;
  throw UsageError({.what = "errors do not fit the variables",
                    .where = "observation_file.error",
                    .found = fmt::format("{} numbers", errors),
                    .expected = fmt::format("1 or {}, one for each variable", observables)});
}

}  // namespace

Observations read_observations(const std::string& path, const StateLayout& layout, const Normalisation& normalisation,
                               const ObservationFileParameters& parameters, const AssimilationWindow& window) {
  const auto observables = observables_of(layout, parameters);
  require_fitting_errors(parameters, observables.size());
  const ExpectedObservations expected{layout, parameters, observables};
  ObservationTable table = decode_observations(path, expected);
  ScreenedObservations used = screen(table, expected, normalisation, window);
  auto summary = qc_summary(used, table, expected);
  Observations y = to_observations(std::move(used), std::move(table), expected, normalisation);
  y.qc_summary = std::move(summary);
  y.check();
  return y;
}

}  // namespace sda
