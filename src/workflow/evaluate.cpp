// Evaluation of files: read what belongs together, refuse what does not, score.
#include "sda/workflow/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/torch.hpp"
#include "sda/baselines/interpolation.hpp"
#include "sda/core/error.hpp"
#include "sda/data/files/folders.hpp"
#include "sda/dynamics/systems.hpp"
#include "sda/evaluation/spectrum.hpp"
#include "sda/experiment/run.hpp"

namespace sda {
namespace {

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
Tensor observed_truth(const std::string& path, std::int64_t trajectory, const Observations& y) {
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

std::string remark_on_misfit(const ScoredEnsemble& scored) {
  const auto words = in_words(scored.scores.misfit);
  return words.empty() || scored.file.empty() ? "" : fmt::format("\n{}: {}\n", scored.file, words);
}

EnsembleFile read_ensemble_of(const std::string& path, const Observations& observations) {
  EnsembleFile file = read_ensemble(path);
  require_same_states(path, file.ensemble.layout, file.ensemble.members.size(1), observations);
  require_same_start(path, file.ensemble, observations);
  return file;
}

Scoring::Scoring(const std::string& path, const ScoringInput& input, std::uint64_t seed)
    : observed_(read_observations(path)), transitions_(input.transitions), seed_(seed) {
  if (!input.truth.empty())
    observed_.observations.truth = observed_truth(input.truth, input.trajectory, observations());
  if (!observed_.dynamics.empty()) dynamics_ = make_dynamics(read_dynamics(observed_.dynamics, path));
  if (!input.simulated.empty()) {
    if (!has_spectrum(observations().layout)) {
      throw UsageError({.what = "an energy spectrum is of velocities u and v on axes y and x of equal steps",
                        .where = "--simulated",
                        .found = "states of another kind in " + path});
    }
    simulated_ = read_simulated(input.simulated, observations().layout);
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

std::vector<ScoredEnsemble> EvaluationResult::all() const {
  std::vector<ScoredEnsemble> list = rows;
  if (reference) list.push_back(*reference);
  return list;
}

EvaluationResult evaluate_files(const EvaluationFiles& files, std::uint64_t seed, const ProgressCallback& progress) {
  const Scoring scoring(files.observations, files.scoring, seed);
  const Observations& y = scoring.observations();
  EvaluationResult evaluation{.name = y.name, .rows = {}};
  std::optional<EnsembleFile> reference;
  if (!files.reference.empty()) reference = read_ensemble_of(files.reference, y);
  const Tensor members = reference ? reference->ensemble.members : Tensor();
  const Tensor second = files.floor.empty() ? Tensor() : read_ensemble_of(files.floor, y).ensemble.members;
  for (const auto& path : files.ensembles) {
    evaluation.rows.push_back(scoring.score(path, read_ensemble_of(path, y), members, second));
    if (progress) progress(std::ssize(evaluation.rows), std::ssize(files.ensembles), "");
  }
  for (auto& row : scoring.score_interpolations()) evaluation.rows.push_back(std::move(row));
  if (reference) evaluation.reference = scoring.score(files.reference, *reference);
  evaluation.remark = scoring.remark();
  for (const auto& row : evaluation.all()) evaluation.remark += remark_on_misfit(row);
  return evaluation;
}

}  // namespace sda
