#include "scoring.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "sda/baselines/interpolation.hpp"
#include "sda/core/error.hpp"
#include "sda/dynamics/systems.hpp"
#include "sda/evaluation/spectrum.hpp"
#include "sda/report/table.hpp"

namespace sda::app {
namespace {

using Row = TableRow;

std::string cell(const std::optional<double>& value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

std::string cell(const std::optional<Estimate>& value, int digits) {
  return value ? fmt::format("{:.{}f} ± {:.{}f}", value->value, digits, value->standard_error, digits) : "-";
}

/// When a trajectory begins, as people say it.
std::string start_of(const StateLayout& layout, double time) {
  const std::string units = layout.time_units == "1" ? "" : " " + layout.time_units;
  return fmt::format("{:g}{}{}", time, units, layout.time_origin.empty() ? "" : " since " + layout.time_origin);
}

/// Whether times of both are numbers of the same unit since the same date.
bool share_clock(const StateLayout& one, const StateLayout& other) {
  return one.time_origin == other.time_origin && one.time_units == other.time_units;
}

/// An ensemble of another time has nothing to do with what was observed, however well it fits.
void require_same_start(const std::string& path, const Ensemble& ensemble, const Observations& observations) {
  const auto& [found, expected] = std::tie(ensemble.layout, observations.layout);
  const bool same =
      std::abs(ensemble.start_time - observations.start_time) <= 1e-3 * expected.dt && share_clock(found, expected);
  if (same) return;
  throw FileError({.what = "its trajectories begin at another time than the one observed",
                   .where = path,
                   .found = start_of(found, ensemble.start_time),
                   .expected = start_of(expected, observations.start_time),
                   .hint = "take the observation that it was made from"});
}

/// A file's name in a table.
std::string name_of(const std::string& file) {
  return file.empty() ? "-" : std::filesystem::path(file).stem().string();
}

/// A second table, of what only fields have; empty if no row has any.
std::string field_table(const std::vector<ScoredEnsemble>& rows) {
  std::vector<Row> cells{{"observation", "ensemble", "method", "departure / noise", "one-step error", "the truth's",
                          "spectrum ratio", "RMSE seen", "unseen", "spread seen", "unseen", "CRPS seen", "unseen"}};
  for (const auto& row : rows) {
    if (!row.fields) continue;
    const FieldScores& f = *row.fields;
    std::vector<std::string> departures;
    for (const auto& [part, over_noise] : f.departures) {
      departures.push_back((f.departures.size() > 1 ? part + " " : "") + cell(over_noise, 3));
    }
    const auto skill_cell = [](const std::optional<Skill>& skill, const auto& member) {
      return skill ? cell(std::optional<double>((*skill).*member), 3) : "-";
    };
    cells.push_back({row.of, name_of(row.file), row.scores.method, fmt::format("{}", fmt::join(departures, ", ")),
                     cell(f.one_step, 4), f.truth_one_step ? cell(f.truth_one_step->value, 4) : "-",
                     f.spectrum ? fmt::format("{:.2f} … {:.2f}", f.spectrum->min, f.spectrum->largest) : "-",
                     skill_cell(f.observed, &Skill::rmse), skill_cell(f.unobserved, &Skill::rmse),
                     skill_cell(f.observed, &Skill::spread), skill_cell(f.unobserved, &Skill::spread),
                     skill_cell(f.observed, &Skill::crps), skill_cell(f.unobserved, &Skill::crps)});
  }
  return cells.size() > 1 ? "\n" + aligned(cells, 3) : "";
}

/// Trajectories of the system that was observed.
TrajectoryFile read_trajectories_of(const std::string& path, const StateLayout& layout) {
  TrajectoryFile file = read_trajectories(path);
  const auto& found = file.trajectories;
  if (found.layout.event != layout.event) {
    throw FileError({.what = "the states are not of the observed system",
                     .where = path,
                     .found = "an event " + to_string(found.layout.event),
                     .expected = to_string(layout.event)});
  }
  return file;
}

/// Some trajectories of the file, enough for a mean spectrum.
Tensor read_simulated(const std::string& path, const StateLayout& layout) {
  constexpr std::int64_t max = 64;
  const Tensor states = read_trajectories_of(path, layout).trajectories.states;
  return states.narrow(0, 0, std::min(max, states.size(0)));
}

/// The states of a trajectory that were observed, by their times.
Tensor read_truth(const std::string& path, std::int64_t trajectory, const Observations& y) {
  const TrajectoryFile file = read_trajectories_of(path, y.layout);
  const auto& [layout, states, start_time] = file.trajectories;
  if (trajectory >= states.size(0)) {
    throw UsageError({.what = "there is no such trajectory",
                      .where = "--truth-trajectory",
                      .found = fmt::format("{}", trajectory),
                      .expected = fmt::format("0 to {} of {}", states.size(0) - 1, path)});
  }
  const double begins = file.start_time(trajectory), offset = (y.start_time - begins) / layout.dt;
  const auto first = std::llround(offset);
  const bool fits = share_clock(layout, y.layout) && std::abs(offset - static_cast<double>(first)) <= 1e-3 &&
                    first >= 0 && first + y.length <= states.size(1);
  if (!fits) {
    throw FileError(
        {.what = "the trajectory does not hold the states that were observed",
         .where = fmt::format("{}: trajectory {}", path, trajectory),
         .found = fmt::format("{} states {:g} apart from {}", states.size(1), layout.dt, start_of(layout, begins)),
         .expected = fmt::format("{} states from {}", y.length, start_of(y.layout, y.start_time)),
         .hint = "choose another by --truth-trajectory"});
  }
  return states.select(0, trajectory).narrow(0, first, y.length).clone();
}

}  // namespace

EnsembleFile read_ensemble_of(const std::string& path, const Observations& observations) {
  EnsembleFile file = read_ensemble(path);
  require_same_states(path, file.ensemble.layout, file.ensemble.members.size(1), observations);
  require_same_start(path, file.ensemble, observations);
  return file;
}

void add_scoring_flags(CLI::App& flags, ScoringFlags& options) {
  auto* truth =
      flags
          .add_option("--truth", options.truth,
                      "trajectories, of which one is what was observed: for observations from files, which know of "
                      "no truth")
          ->type_name(value::file);
  flags.add_option("--truth-trajectory", options.trajectory, "which of them")
      ->check(CLI::NonNegativeNumber.description("at least 0"))
      ->capture_default_str()
      ->needs(truth);
  flags
      .add_option("--simulated", options.simulated,
                  "trajectories of the simulator, whose energy spectrum that of the members is compared with (of "
                  "velocity fields; without it the truth's)")
      ->type_name(value::file);
  flags
      .add_option("--one-step", options.transitions,
                  "transitions of each member that a deterministic simulator repeats (of fields); costly")
      ->check(CLI::NonNegativeNumber.description("at least 0"))
      ->capture_default_str();
}

Scoring::Scoring(const std::string& path, const ScoringFlags& flags, std::uint64_t seed)
    : observed_(read_observations(path)), transitions_(flags.transitions), seed_(seed) {
  if (!flags.truth.empty()) observed_.observations.truth = read_truth(flags.truth, flags.trajectory, observations());
  if (!observed_.dynamics.empty()) dynamics_ = make_dynamics(read_dynamics(observed_.dynamics, path));
  if (!flags.simulated.empty()) {
    if (!is_velocity(observations().layout)) {
      throw UsageError({.what = "an energy spectrum is of velocities u and v on axes y and x",
                        .where = "--simulated",
                        .found = "states of another kind in " + path});
    }
    simulated_ = read_simulated(flags.simulated, observations().layout);
  }
  if (transitions_ > 0 && (dynamics_ == nullptr || dynamics_->is_stochastic() || !has_fields(observations().layout))) {
    throw UsageError({.what = "a one-step error is of fields with a deterministic simulator",
                      .where = "--one-step",
                      .found = dynamics_ == nullptr ? "no dynamics in " + path : dynamics_->name()});
  }
}

ScoredEnsemble Scoring::score(const std::string& path, const EnsembleFile& file, const Tensor& reference,
                              const Tensor& second_reference) const {
  const Observations& y = observations();
  ScoredEnsemble scored{.of = y.name,
                        .file = path,
                        .cost = file.cost,
                        .scores = score_ensemble(file.ensemble, y, dynamics_.get(), reference, seed_, second_reference),
                        .fields = {}};
  if (has_fields(y.layout)) {
    scored.fields = score_fields(file.ensemble, y, simulated_, dynamics_.get(), transitions_, seed_);
  }
  return scored;
}

std::string Scoring::remark() const {
  if (dynamics_ != nullptr) return "";
  return "\n" + observations().name +
         ": no log-prior, for states that were imported come without a transition density\n";
}

std::vector<ScoredEnsemble> Scoring::score_interpolations() const {
  std::vector<ScoredEnsemble> rows;
  if (!has_fields(observations().layout)) return rows;
  for (const auto method : {Interpolation::bicubic, Interpolation::trigonometric}) {
    try {
      const EnsembleFile file{.ensemble = interpolate(observations(), method), .cost = {}, .provenance = {}};
      rows.push_back(score("", file));
    } catch (const UnsupportedError&) {
      break;
    }
  }
  return rows;
}

std::string score_table(const std::vector<ScoredEnsemble>& rows) {
  std::vector<Row> cells{{"observation", "ensemble", "method", "members", "W1 to filter", "filter to filter",
                          "log-prior", "log-likelihood", "RMSE", "spread", "CRPS", "evaluations", "seconds"}};
  for (const auto& [of, file, cost, scores, fields] : rows) {
    cells.push_back({of, name_of(file), scores.method, fmt::format("{}", scores.members), cell(scores.wasserstein, 2),
                     cell(scores.wasserstein_floor, 2), cell(scores.log_prior, 1), cell(scores.log_likelihood, 1),
                     cell(scores.rmse, 3), cell(scores.spread, 3), cell(scores.crps, 3),
                     cost.evaluations > 0 ? fmt::format("{}", cost.evaluations) : "-",
                     fmt::format("{:.1f}", cost.seconds)});
  }
  return aligned(cells, 3) + field_table(rows);
}

}  // namespace sda::app
