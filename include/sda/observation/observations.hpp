/// Observations: values, where and when, the operators and the noise that made them.
#pragma once

#include <optional>

#include "sda/observation/noise.hpp"
#include "sda/observation/operator.hpp"
#include "sda/observation/points.hpp"

namespace sda {

/// What one instrument observed of a trajectory: its operator, its times (the operator's) and its noise.
struct ObservationPart {
  std::string name;                 ///< "averages"; empty where there is one part
  std::vector<OperatorLink> chain;  ///< the operator as written
  Noise noise{{1.0}};
  std::shared_ptr<const ObservationOperator> op{};
  /// (times, …observation), float64; finite. (1, …observation) where the operator takes states together.
  Tensor values{};

  Shape observation() const { return values.sizes().slice(1).vec(); }
  /// σ of an observation.
  Tensor sigma(at::ScalarType dtype) const { return noise.sigma(observation(), dtype); }
  /// The observations of `point_part` again; nothing where the operator is any other.
  std::optional<PointObservations> points(const StateLayout& layout) const;
};

/// The part that holds these observations, with noise of this form. Throws ShapeError for columns that are not as long
/// as each other, or not one for each axis of space, UsageError for those that do not lie within the layout's grid and
/// for a formula of what it does not have.
ObservationPart point_part(const std::string& name, PointObservations observed, const NoiseShape& noise,
                           const StateLayout& layout, const Normalisation& normalisation);

/// A value of an observation file that is not used, and why.
struct RejectedObservation {
  std::string variable;        ///< as the file names it
  double time = 0, value = 0;  ///< in the data's units; NaN where there is none
  std::int64_t origin = 0;     ///< its line, or its number in the file
  std::string reason{};        ///< one word: "missing", "background", …
  bool operator==(const RejectedObservation&) const = default;
};

/// What was observed of one trajectory of `length` states: one part or several, independent given the trajectory, so
/// that p(y | x) = Π p(y_part | x). Trajectories x below are normalised, (member, length, …event).
struct Observations {
  StateLayout layout;
  Normalisation normalisation;
  std::int64_t length = 0;             ///< of the trajectory to be found
  std::vector<ObservationPart> parts;  ///< at least one; of several each has a name of its own
  Tensor truth{};                      ///< (length, …event) physical, if known; else undefined
  double start_time = 0.0;
  std::string name{};  ///< "lo", "hi"
  /// Of observations that came from a file: what was used of it, what was rejected and why, for people. Else empty.
  std::string qc_summary{};
  std::vector<RejectedObservation> rejected{};  ///< of the same file, each of them

  /// Throws ShapeError or ValueError if values, operators, length and noise do not fit, or values are not finite;
  /// ValueError for names of parts that are missing, alike, or no word of letters, digits and _.
  void check() const;

  /// A(x), (member, observation): the observations of all parts, flat, one part after the other. May be a view of x.
  Tensor apply(const Tensor& x) const;
  /// y − A(x), (member, observation).
  Tensor departure(const Tensor& x) const;
  /// The VJP Hᵀ v, H = ∂A/∂x: v (member, observation) → (member, length, …event).
  Tensor vjp(const Tensor& x, const Tensor& v) const;
  /// σ² of each observation, (observation): the diagonal of Σ_y where the noise is Gaussian.
  Tensor variance(at::ScalarType dtype) const;
  /// log p(y | x): (member).
  Tensor log_prob(const Tensor& x) const;
  /// Root mean square of NoiseModel::standardised, (y − A(x)) / σ where the noise is Gaussian, over members and all
  /// observations; about 1 where x explains y.
  double departure_over_sigma(const Tensor& x) const;
  /// "every 8th state → component 0"; of several parts "averages: …; probe: …".
  std::string describe() const;

  /// Those of states first … first + count − 1, as observations of a trajectory of these alone; there may be none.
  /// Throws UnsupportedError where a point lies between a state within and one beyond.
  Observations within(std::int64_t first, std::int64_t count) const;

  /// The same observations, for those who go from state to state: parts whose operator takes states together become a
  /// part for each state. Throws UnsupportedError where an observation lies between two states.
  Observations by_state() const;
};

/// y ~ p(y | A(normalised truth)); `truth` (length, …event) physical. Of each part name, chain and noise are used, its
/// operator and values are made; part i draws member `index`, step i of the stream.
Observations observe(const Tensor& truth, const StateLayout& layout, const Normalisation& normalisation,
                     std::vector<ObservationPart> parts, const std::string& name, std::uint64_t seed,
                     std::uint64_t index);
/// The same by one instrument.
Observations observe(const Tensor& truth, const StateLayout& layout, const Normalisation& normalisation,
                     const std::vector<OperatorLink>& chain, const Noise& noise, const std::string& name,
                     std::uint64_t seed, std::uint64_t index);

/// Of each part, how many of its observations reach where states have no values (a mask of the layout), such as land:
/// they are of nothing. Zeros where there is no mask.
std::vector<std::int64_t> valueless_observations(const Observations& observations);

}  // namespace sda
