/// Whether posteriors are calibrated, over many trajectories whose truth is known (simulation-based calibration: Cook,
/// Gelman & Rubin 2006; Talts et al. 2018). Each is simulated, observed and assimilated: its truth's ranks among the
/// members are flat, and members cannot be told from a reference's, if the posterior is right.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sda/assimilation/assimilate.hpp"
#include "sda/baselines/particle_filter.hpp"
#include "sda/core/provenance.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "sda/evaluation/calibration.hpp"

namespace sda {

/// Where a posterior that takes long saves itself while it is drawn, and goes on from by itself; nowhere where
/// `checkpoint` is empty.
struct PosteriorSaving {
  std::string checkpoint{};
  std::string recipe{};  ///< all that the posterior hangs on
  Provenance provenance{};
};

/// What draws the posterior, and the system that its truths are drawn from.
class CalibrationSubject {
 public:
  virtual ~CalibrationSubject() = default;
  virtual const Dynamics& dynamics() const = 0;
  virtual Normalisation normalisation() const = 0;
  /// Transitions before the first state of a truth.
  virtual std::int64_t spin_up() const = 0;
  /// Members (member, length, …event) normalised, of observations that believe in some noise.
  virtual Tensor posterior(const Observations& believed, std::int64_t members, std::uint64_t seed,
                           const PosteriorSaving& saving) const = 0;
  /// Members of the true posterior; undefined where there is none to be had.
  virtual Tensor reference(const Observations& observed, std::int64_t members, std::uint64_t seed) const = 0;
};

/// A trained prior on the system that it was trained on, beside the particle filter where transitions are stochastic.
/// Throws UsageError of --model where the prior's states are not the dynamics'.
std::unique_ptr<CalibrationSubject> trained_subject(Prior prior, std::unique_ptr<Dynamics> dynamics,
                                                    std::int64_t spin_up, PosteriorParameters parameters,
                                                    ParticleFilterParameters filter);

/// A linear-Gaussian chain in its stationary distribution with the exact scores of windows of 2 `order` + 1 states
/// (full_score: of whole trajectories), beside the Kalman smoother. Without an order it is the smoother's own draws
/// that are held against it.
std::unique_ptr<CalibrationSubject> exact_subject(const LinearGaussianChain& chain, const NoiseSchedule& schedule,
                                                  std::optional<std::int64_t> order, PosteriorParameters parameters);

/// What is observed of each trajectory of `length` states; of each part name, chain and noise are used.
struct CalibrationObservation {
  std::string name;
  std::vector<ObservationPart> parts;
  std::int64_t length = 0;
};

struct CalibrationParameters {
  std::int64_t trajectories = 64;  ///< at least 2
  std::int64_t members = 64;       ///< of each posterior, at least 2
  double believed_noise = 1;       ///< times the noise that was drawn: what a wrong noise would show
  bool reference = true;           ///< whether to draw one, and to let a classifier compare
};

/// What was found of one trajectory.
struct TrajectoryCalibration {
  double coverage50 = 0, coverage90 = 0;  ///< of its truth, in the members' central intervals
  double rmse = 0, spread = 0;            ///< of the members, normalised units
  std::vector<double> rank_shares;        ///< of its truth, calibration_bins of them
};
inline constexpr std::int64_t calibration_bins = 10;

/// Where trajectories that are done and their members are kept, so that a run that was stopped goes on.
class CalibrationRecord {
 public:
  virtual ~CalibrationRecord() = default;
  /// What was found of a trajectory: as it is kept, or computed and then kept.
  virtual TrajectoryCalibration row(std::int64_t trajectory, const std::function<TrajectoryCalibration()>& compute) = 0;
  /// Members of one `kind`, "posterior" or "reference".
  virtual void keep(const std::string& kind, std::int64_t trajectory, const Ensemble& members) = 0;
  /// Nothing where none were kept.
  virtual std::optional<Ensemble> kept(const std::string& kind, std::int64_t trajectory) const = 0;
  /// Of the posterior under way.
  virtual PosteriorSaving saving() const { return {}; }
};

/// Over all trajectories; errors are over trajectories, for values of one trajectory depend on each other.
struct Calibration {
  Estimate coverage50, coverage90;  ///< 0.5 and 0.9 where calibrated
  double spread_over_error = 0;     ///< 1 where calibrated
  RankUniformity ranks;
  std::optional<Estimate> area{};  ///< under the classifier's curve, 0.5 where calibrated; of ten trajectories or more
};

/// Trajectory i draws member i of the streams of `seed`.
Calibration calibrate(const CalibrationSubject& subject, const CalibrationObservation& observation,
                      const CalibrationParameters& parameters, std::uint64_t seed, CalibrationRecord& record);

}  // namespace sda
