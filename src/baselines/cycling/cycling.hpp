/// What all cycled methods share: the ensemble, its forecasts by the dynamics, what is observed of a state, and the
/// record of what was found. Private to src/baselines.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "baselines/cycling/linear_algebra.hpp"
#include "sda/baselines/baseline.hpp"
#include "sda/core/random.hpp"

namespace sda {

/// What an analysis sees, whitened by R^{-1/2}: S, the anomalies of the members' observations, and d = y − mean.
struct SeenEnsemble {
  Matrix anomalies;  ///< S (N, p)
  Vector departure;  ///< d (p)
};

/// Mean and covariance of states that no observation is known of.
struct Climatology {
  RowVector mean;    ///< (n)
  Matrix deviation;  ///< rows span the covariance: deviationᵀ deviation (n, n), symmetric
};

class CyclingProblem {
 public:
  CyclingProblem(const Dynamics& dynamics, const Observations& observations, const BaselineParameters& parameters,
                 std::uint64_t seed, const ProgressCallback& progress);

  const BaselineParameters& parameters() const { return parameters_; }
  const Dynamics& dynamics() const { return dynamics_; }
  /// The instruments, each reading states alone.
  const Observations& observations() const { return observations_; }
  std::int64_t length() const { return observations_.length; }
  std::int64_t lag() const;
  /// The states that are observed, ascending.
  const std::vector<std::int64_t>& observed() const { return observed_; }
  bool is_observed(std::int64_t state) const;
  /// The instruments that observe it, in the order of what is observed.
  std::vector<const ObservationPart*> parts(std::int64_t state) const;

  /// Members of the first state, E (N, n). Rows are solver states.
  Matrix first(std::int64_t members) const;
  Climatology climatology() const;
  /// Members of state `state` become those of the next, in place. Throws NumericalError where one is not finite.
  void forecast(Matrix& e, std::int64_t state) const;

  /// R^{-1/2} y of a state, (p), and R^{-1/2} H(E), (N, p).
  Vector observation(std::int64_t state) const;
  Matrix observe(const Matrix& e, std::int64_t state) const;
  /// What the forecast e of an observed state looks like to its analysis; it is scored by the way.
  SeenEnsemble see(const Matrix& e, std::int64_t state) const;
  ForecastScores forecast_scores() const;

  /// Draws of an analysis, its own for each state.
  StreamKey draws(std::int64_t state, std::uint64_t what) const;
  Matrix normal(std::int64_t rows, std::int64_t columns, const StreamKey& key) const;

  void tell(std::int64_t done) const;
  std::int64_t integrations() const { return integrations_; }

 private:
  Matrix about_the_truth(std::int64_t members) const;
  struct Reading {
    const ObservationPart* part;
    std::int64_t time;  ///< which of the part's observations
  };

  const Dynamics& dynamics_;
  Observations observations_;
  BaselineParameters parameters_;
  std::uint64_t seed_;
  ProgressCallback progress_;
  Shape solver_event_;
  std::vector<std::vector<Reading>> readings_;  ///< of each state
  std::vector<std::int64_t> observed_;
  mutable std::int64_t integrations_ = 0;
  mutable double log_scores_ = 0, squares_ = 0;  ///< sums over the observations scored
  mutable std::int64_t scored_ = 0;
};

/// States found, one after the other.
class Record {
 public:
  Record(const CyclingProblem& problem, std::int64_t members);
  void put(std::int64_t state, const Matrix& e);
  Ensemble ensemble(const std::string& method) const;

 private:
  const CyclingProblem& problem_;
  Tensor members_;
};

/// Takes the observations of a state into the ensemble, in place.
using Analysis = std::function<void(Matrix& e, std::int64_t state)>;
/// Forecast, analyse where there are observations, record: `e` are members of the first state. `after`, if given, sees
/// each state's ensemble when it is done.
BaselineResult filter(const CyclingProblem& problem, Matrix e, const std::string& method, const Analysis& analyse,
                      const Analysis& after = {});

/// (N, N), row-stochastic: analysed members are Θ E. The second is what inflation did, for enkf_n.
struct Transform {
  Matrix theta;
  double inflation = 1;
};
/// The update's Θ. Each is documented in its own file.
Transform perturbed_observations(const SeenEnsemble& seen, const Matrix& noise);
Transform symmetric_square_root(const SeenEnsemble& seen);
Transform finite_size(const SeenEnsemble& seen, double certainty);
Transform transform_of(const CyclingProblem& problem, EnsembleUpdate update, const SeenEnsemble& seen,
                       std::int64_t state);
/// Whose it is: "EnKF", "ETKF", "EnKF-N".
const char* title_of(EnsembleUpdate update);

/// Filters whose analysis is one transform of all members: enkf, etkf, enkf_n.
BaselineResult transform_filter(const CyclingProblem& problem, EnsembleUpdate update);

/// A random orthogonal Ω (N, N) with Ω 1 = 1 (Sakov & Oke 2008), of the problem's draws at `state`.
Matrix random_rotation(const CyclingProblem& problem, std::int64_t members, std::int64_t state);
/// Rotation and inflation of analysed members about their mean, where they are asked for.
void rotate(const CyclingProblem& problem, Matrix& e, std::int64_t state);
void inflate(const CyclingProblem& problem, Matrix& e);
void rotate_and_inflate(const CyclingProblem& problem, Matrix& e, std::int64_t state);

}  // namespace sda
