/// Classical methods of data assimilation, cycled over the observations of one trajectory: ensemble Kalman filters and
/// smoothers, iterative and variational methods, a file each in src/baselines/methods. They know the dynamics, and no
/// prior.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sda/core/fields.hpp"
#include "sda/core/progress.hpp"
#include "sda/core/trajectories.hpp"
#include "sda/dynamics/dynamics.hpp"
#include "sda/observation/observations.hpp"

namespace sda {

/// How an ensemble takes in observations, where a method leaves that open.
enum class EnsembleUpdate {
  enkf,   ///< perturbed observations
  etkf,   ///< symmetric square root
  enkf_n  ///< symmetric square root, inflated as the observations ask
};
constexpr auto choice_names(EnsembleUpdate) {
  return std::array{"enkf", "etkf", "enkf_n"};
}

/// Where the first ensemble comes from.
enum class FirstEnsemble {
  climatology,  ///< the dynamics' start, spun up: nothing is known of the first state
  truth         ///< draws about the truth that the observations hold, as studies of filters start: they are in step
};
constexpr auto choice_names(FirstEnsemble) {
  return std::array{"climatology", "truth"};
}

/// [baseline]: each method reads those that its help names.
struct BaselineParameters {
  std::string method = "etkf";  ///< one of baseline_names()
  std::int64_t members = 40;
  std::int64_t spin_up = 1024;  ///< transitions before the first state, from the dynamics' start
  FirstEnsemble first = FirstEnsemble::climatology;
  double first_sigma = 0.01;  ///< truth: standard deviation of the draws, in the normalisation's
  double inflation = 1.0;     ///< of an analysed ensemble's anomalies
  bool rotation = false;      ///< a random rotation of an analysed ensemble that keeps mean and covariance
  double radius = 4.0;        ///< letkf: length scale of the localisation, in points of the grid
  EnsembleUpdate update = EnsembleUpdate::etkf;
  std::int64_t lag = -1;            ///< analyses; −1: the method's own
  std::int64_t iterations = 10;     ///< of Gauss-Newton, at most
  double tolerance = 1e-4;          ///< step at which they end, in standard deviations
  bool bundle = false;              ///< ienks: sensitivities by finite differences, not by regression
  double certainty = 1.0;           ///< enkf_n: of the prior of its inflation
  std::int64_t climatology = 1024;  ///< draws for the climatological mean and covariance
  double background = 1.0;          ///< share of the climatological covariance that is the background's
};

/// A row of the registry.
class CyclingProblem;
struct BaselineResult;
struct BaselineMethod {
  std::string name;                                   ///< "etkf"
  std::string help;                                   ///< what it is, whose it is, and the keys it reads, a line
  std::int64_t lag = 0;                               ///< its own, where it has one
  bool perfect_model = false;                         ///< it takes the dynamics for deterministic
  std::vector<double BaselineParameters::*> tuned{};  ///< what a tuner varies
  std::function<BaselineResult(const CyclingProblem&)> run;
};
/// All of them, in the order of help and messages.
const std::vector<BaselineMethod>& baseline_methods();
std::vector<std::string> baseline_names();
/// Throws UsageError for a method that there is not.
const BaselineMethod& baseline_method(const std::string& name);

template <class Visitor>
void fields(Visitor& v, BaselineParameters& p) {
  v("method", p.method, "which classical method", one_of(baseline_names()));
  v("members", p.members, "members of the ensemble", at_least(2));
  v("spin_up", p.spin_up, "transitions from the dynamics' first draw to the first state", at_least(0));
  v("first", p.first, "where the first ensemble comes from: climatology, or about the truth as filter studies start");
  v("first_sigma", p.first_sigma, "truth: standard deviation of its draws, in the normalisation's", above(0));
  v("inflation", p.inflation, "factor on the anomalies of an analysed ensemble", above(0));
  v("rotation", p.rotation, "rotate an analysed ensemble at random; mean and covariance stay", any());
  v("radius", p.radius, "letkf: length scale of its localisation, in points of the grid", above(0));
  v("update", p.update, "enks, enrts: how the ensemble takes in observations");
  v("lag", p.lag, "enks, ienks, 4dvar: analyses that an observation reaches back; -1: the method's own", at_least(-1));
  v("iterations", p.iterations, "ienks, oi, 3dvar, 4dvar: Gauss-Newton steps, at most", at_least(1));
  v("tolerance", p.tolerance, "the step at which they end, in standard deviations of the background", above(0));
  v("bundle", p.bundle, "ienks: sensitivities by finite differences in place of regression", any());
  v("certainty", p.certainty, "enkf_n: of its prior of the inflation; 1: as published, more: less inflation", above(0));
  v("climatology", p.climatology, "oi, 3dvar, 4dvar: draws for the climatological mean and covariance", at_least(2));
  v("background", p.background, "3dvar, 4dvar: share of the climatological covariance that is the background's",
    above(0));
}

/// How well observations were forecast, each before it was taken in; of the last three quarters of the analyses.
struct ForecastScores {
  /// Mean of log p(y | forecast) over observations, in σ's unit, each forecast taken for Gaussian with the members'
  /// mean and variance. More is better.
  double log_score = 0;
  /// Root mean square of (y − mean) over the standard deviation that members and noise say: 1 where the spread is
  /// right.
  double departure = 0;
};

/// What a method found of a trajectory.
struct BaselineResult {
  Ensemble filtered;  ///< state i given the observations up to i; one member where the method is of a single state
  Ensemble smoothed;  ///< given later ones too; members undefined where the method is a filter
  ForecastScores forecast;
  std::int64_t analyses = 0;      ///< states that were observed
  std::int64_t integrations = 0;  ///< transitions of single states through the dynamics
  double mean_inflation = 1;      ///< that enkf_n found
  double mean_iterations = 0;     ///< Gauss-Newton steps an analysis took

  /// The smoothed ensemble where there is one.
  const Ensemble& best() const { return smoothed.members.defined() ? smoothed : filtered; }
};

/// Runs parameters.method over the observations: from an ensemble of the dynamics' start, spun up, forecast and analyse
/// at each state that is observed. Members are batched; results depend on the seed and not on the threads.
/// Throws ShapeError for observations of another system; UnsupportedError for noise that is not Gaussian, a method that
/// takes the dynamics for deterministic beside one that is not, a covariance of states of more than 4000 numbers, and
/// observations between two states; UsageError for
/// parameters out of range; NumericalError where the ensemble is no longer finite.
BaselineResult run_baseline(const Dynamics& dynamics, const Observations& observations,
                            const BaselineParameters& parameters, std::uint64_t seed,
                            const ProgressCallback& progress = {});

}  // namespace sda
