/// Observations: values, where and when, the operator and the noise that made them.
#pragma once

#include "sda/core/random.hpp"
#include "sda/observation/operator.hpp"

namespace sda {

/// Gaussian noise of the readings: independent, standard deviation σ each.
class GaussianNoise {
 public:
  /// σ: one value for all readings or one for each element of a reading, flattened. Throws ValueError unless > 0
  /// and finite.
  explicit GaussianNoise(std::vector<double> sigma);
  /// σ broadcast to a reading of this shape. Throws ShapeError.
  Tensor sigma(at::IntArrayRef reading, at::ScalarType dtype) const;
  const std::vector<double>& values() const { return sigma_; }
  /// log p(y | A(x)) summed over times and reading: `readings` (member, times, …), y (times, …) → (member).
  Tensor log_prob(const Tensor& y, const Tensor& readings) const;

 private:
  std::vector<double> sigma_;
};

/// What was observed of one trajectory of `length` states.
struct Observations {
  StateLayout layout;
  Normalisation normalisation;
  std::int64_t length = 0;          ///< of the trajectory to be found
  Tensor values;                    ///< (times, …reading), float64; finite
  std::vector<OperatorLink> chain;  ///< the operator as written
  std::shared_ptr<const ObservationOperator> op;
  GaussianNoise noise{{1.0}};
  Tensor truth;  ///< (length, …event) physical, if known; else undefined
  double start_time = 0.0;
  std::string name;  ///< "lo", "hi"

  /// Throws ShapeError or ValueError if values, operator, length and noise do not fit, or values are not finite.
  void check() const;
};

/// y = A(normalised truth) + σ ε; `truth` (length, …event) physical. Member `index` of the stream.
Observations observe(const Tensor& truth, const StateLayout& layout, const Normalisation& normalisation,
                     const std::vector<OperatorLink>& chain, const GaussianNoise& noise, const std::string& name,
                     std::uint64_t seed, std::uint64_t index);

}  // namespace sda
