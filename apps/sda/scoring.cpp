#include "scoring.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sda/core/error.hpp"
#include "sda/dynamics/systems.hpp"

namespace sda::app {
namespace {

using Row = std::vector<std::string>;

std::string cell(const std::optional<double>& value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

std::string cell(const std::optional<Estimate>& value, int digits) {
  return value ? fmt::format("{:.{}f} ± {:.{}f}", value->value, digits, value->standard_error, digits) : "-";
}

/// Columns of a UTF-8 text in which each character takes one.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char byte) { return (byte & 0xC0) != 0x80; }));
}

/// The first two columns to the left, numbers to the right.
std::string aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width(row[i]), ' ');
      line += (i == 0 ? "" : "  ") + (i < 3 ? row[i] + padding : padding + row[i]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace

EnsembleFile read_ensemble_of(const std::string& path, const Observations& observations) {
  EnsembleFile file = read_ensemble(path);
  require_same_states(path, file.ensemble.layout, file.ensemble.members.size(1), observations);
  return file;
}

ScoredEnsemble score(const std::string& path, const EnsembleFile& file, const ObservationFile& observed,
                     const Dynamics* dynamics, const Tensor& reference, const Tensor& second_reference,
                     std::uint64_t seed) {
  return {.of = observed.observations.name,
          .file = path,
          .cost = file.cost,
          .scores = score_ensemble(file.ensemble, observed.observations, dynamics, reference, seed, second_reference)};
}

std::unique_ptr<Dynamics> dynamics_of(const ObservationFile& observed, const std::string& path) {
  if (observed.dynamics.empty()) return nullptr;
  return make_dynamics(read_dynamics(observed.dynamics, path));
}

std::string score_table(const std::vector<ScoredEnsemble>& rows) {
  std::vector<Row> cells{{"observation", "ensemble", "method", "members", "W1 to filter", "filter to filter",
                          "log-prior", "log-likelihood", "RMSE", "spread", "CRPS", "evaluations", "seconds"}};
  for (const auto& [of, file, cost, scores] : rows) {
    cells.push_back({of, std::filesystem::path(file).stem().string(), scores.method, fmt::format("{}", scores.members),
                     cell(scores.wasserstein, 2), cell(scores.wasserstein_floor, 2), cell(scores.log_prior, 1),
                     cell(scores.log_likelihood, 1), cell(scores.rmse, 3), cell(scores.spread, 3), cell(scores.crps, 3),
                     cost.evaluations > 0 ? fmt::format("{}", cost.evaluations) : "-",
                     fmt::format("{:.1f}", cost.seconds)});
  }
  return aligned(cells);
}

}  // namespace sda::app
