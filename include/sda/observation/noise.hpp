/// Noise of an instrument: p(y | a) of each reading y given what it should be, a = A(x). Readings are independent.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sda/core/fields.hpp"
#include "sda/core/random.hpp"
#include "sda/core/tensor.hpp"

namespace sda {

/// The kinds of noise there are, by the names that TOML and files give them.
inline std::vector<std::string> noise_kinds() {
  return {"gaussian", "student_t", "laplace", "mixture", "censored", "poisson"};
}

/// The form of a noise; σ beside it is its scale.
struct NoiseShape {
  std::string kind = "gaussian";
  double degrees_of_freedom = 4;          ///< student_t: ν
  std::vector<double> weights{};          ///< mixture: of its Gaussians; sum 1
  std::vector<double> means{}, scales{};  ///< mixture: their means and standard deviations, in units of σ
  std::vector<double> bounds{};           ///< censored: [least, most] that the instrument shows; may be infinite
  bool operator==(const NoiseShape&) const = default;
};
template <class Visitor>
void fields(Visitor& v, NoiseShape& p) {
  v("noise", p.kind,
    "form of the noise: gaussian, student_t (outliers; sigma its scale), laplace, mixture (of Gaussians), censored "
    "(Gaussian, cut at the instrument's bounds) or poisson (counts; sigma the value of one)",
    one_of(noise_kinds()));
  v("degrees_of_freedom", p.degrees_of_freedom, "student_t: the fewer, the more outliers", between(1, 100));
  v("weights", p.weights, "mixture: weight of each Gaussian", or_none(between(0, 1)));
  v("means", p.means, "mixture: mean of each, in units of sigma", or_none(any()));
  v("scales", p.scales, "mixture: standard deviation of each, in units of sigma", or_none(above(0)));
  v("bounds", p.bounds, "censored: [least, most] the instrument shows; -inf or inf where there is none",
    or_none(any_or_infinite()));
}

/// log ∫ p(y | a) N(a; m, s²) da of each reading, its derivative by m, and minus its second derivative, which may be
/// negative where the noise has heavy tails. All of one shape.
struct MarginalLikelihood {
  Tensor log_density, score, curvature;
};

/// p(y | a), reading by reading. Arguments are float64 and broadcast with each other; y, a and σ are in one unit.
class NoiseModel {
 public:
  virtual ~NoiseModel() = default;
  /// Log-density; log-probability where the noise gives single values (counts, bounds).
  virtual Tensor log_density(const Tensor& y, const Tensor& a, const Tensor& sigma) const = 0;
  /// With the prediction uncertain by N(m, s²): docs/noise.md says how each is worked out. `variance` is s² > 0.
  virtual MarginalLikelihood marginal(const Tensor& y, const Tensor& m, const Tensor& sigma,
                                      const Tensor& variance) const = 0;
  /// y of readings a (member, …) from the streams of `key`.
  virtual Tensor draw(const Tensor& a, const Tensor& sigma, const StreamKey& key) const = 0;
  /// Variance of y given a; infinite where there is none.
  virtual Tensor variance(const Tensor& a, const Tensor& sigma) const = 0;
  /// How far y is from a, in units of which the mean square is about 1 where a is right (at most 1 of what is
  /// censored).
  virtual Tensor standardised(const Tensor& y, const Tensor& a, const Tensor& sigma) const = 0;
  /// Throws ValueError for values that this noise never gives.
  virtual void check(const Tensor& /*y*/, const Tensor& /*sigma*/) const {}
  /// What stands before σ: "Gaussian noise of standard deviation".
  virtual std::string describe() const = 0;
};

/// An instrument's noise: its form, and σ.
class Noise {
 public:
  /// σ: one value for all readings or one for each element of a reading, flattened. Throws ValueError unless each is >
  /// 0 and finite and the shape's parameters are those of its kind; `where` of the fault is then the parameter's key.
  explicit Noise(std::vector<double> sigma, NoiseShape shape = {});
  const std::vector<double>& values() const { return sigma_; }
  const NoiseShape& shape() const { return shape_; }
  const NoiseModel& model() const { return *model_; }
  bool is_gaussian() const { return shape_.kind == "gaussian"; }
  /// σ broadcast to a reading of this shape. Throws ShapeError.
  Tensor sigma(at::IntArrayRef reading, at::ScalarType dtype) const;
  /// log p(y | A(x)) summed over times and reading: `readings` (member, times, …), y (times, …) → (member).
  Tensor log_prob(const Tensor& y, const Tensor& readings) const;
  /// y of readings (member, times, …), float64.
  Tensor draw(const Tensor& readings, const StreamKey& key) const;
  /// NoiseModel::standardised of `readings` (member, times, …), y (times, …).
  Tensor standardised(const Tensor& y, const Tensor& readings) const;
  /// The same form with every σ multiplied by `factor` > 0.
  Noise scaled(double factor) const;
  /// "Student-t noise with 4 degrees of freedom and scale 0.1".
  std::string describe() const;

 private:
  std::vector<double> sigma_;
  NoiseShape shape_;
  std::shared_ptr<const NoiseModel> model_;
};

/// Gaussian noise of standard deviation σ.
class GaussianNoise : public Noise {
 public:
  explicit GaussianNoise(std::vector<double> sigma) : Noise(std::move(sigma)) {}
};

}  // namespace sda
