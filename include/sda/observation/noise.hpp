/// Noise of an instrument: p(y | a) of each observation y given what it should be, a = A(x). Observations are
/// independent given x.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sda/core/fields.hpp"
#include "sda/core/random.hpp"
#include "sda/core/tensor.hpp"

namespace sda {

/// The kinds of noise there are, by the names that TOML and files give them: ours, then those of register_noise.
std::vector<std::string> noise_kinds();
/// "form of the noise: gaussian, student_t (outliers; sigma its scale), …".
const char* noise_help();

/// The form of a noise; σ beside it is its scale.
struct NoiseShape {
  std::string kind = "gaussian";
  double degrees_of_freedom = 4;          ///< student_t: ν
  std::vector<double> weights{};          ///< mixture: of its Gaussians; sum 1
  std::vector<double> means{}, scales{};  ///< mixture: their means and standard deviations, in units of σ
  std::vector<double> bounds{};           ///< censored: [least, most] that the instrument shows; may be infinite
  std::vector<double> parameters{};       ///< of a kind of your own: what its maker is given
  bool operator==(const NoiseShape&) const = default;
};
template <class Visitor>
void fields(Visitor& v, NoiseShape& p) {
  v("noise", p.kind, noise_help(), one_of(noise_kinds(), "one of a --plugin"));
  v("degrees_of_freedom", p.degrees_of_freedom, "student_t: the fewer, the more outliers", between(1, 100));
  v("weights", p.weights, "mixture: weight of each Gaussian", or_none(between(0, 1)));
  v("means", p.means, "mixture: mean of each, in units of sigma", or_none(any()));
  v("scales", p.scales, "mixture: standard deviation of each, in units of sigma", or_none(above(0)));
  v("bounds", p.bounds, "censored: [least, most] the instrument shows; -inf or inf where there is none",
    or_none(any_or_infinite()));
  v("parameters", p.parameters, "of a noise of your own (--plugin): its parameters", or_none(any()));
}

/// log ∫ p(y | a) N(a; m, s²) da of each observation, its derivative by m, and minus its second derivative, which may
/// be negative where the noise has heavy tails. All of one shape.
struct MarginalLikelihood {
  Tensor log_density, score, curvature;
};

/// p(y | a), observation by observation. Arguments are float64 and broadcast with each other; y, a and σ are in one
/// unit. A noise of your own says what log_density, draw and describe are, and is known by register_noise; the rest has
/// defaults.
class NoiseModel {
 public:
  virtual ~NoiseModel() = default;
  /// Log-density; log-probability where the noise gives single values (counts, bounds).
  virtual Tensor log_density(const Tensor& y, const Tensor& a, const Tensor& sigma) const = 0;
  /// With the prediction uncertain by N(m, s²): docs/noise.md says how each is worked out. `variance` is s² > 0. The
  /// default integrates exp(log_density) over a by the trapezoidal rule, in some 400 evaluations of it, to about 10⁻⁶
  /// where the density by a changes near y on the scale of σ, farther away on that of the distance. What falls twice
  /// exponentially, as Gumbel's lower tail, is wrong where it has fallen to nothing (10⁻¹⁰⁰).
  virtual MarginalLikelihood marginal(const Tensor& y, const Tensor& m, const Tensor& sigma,
                                      const Tensor& variance) const;
  /// y of observations a (member, …) from the streams of `key`.
  virtual Tensor draw(const Tensor& a, const Tensor& sigma, const StreamKey& key) const = 0;
  /// Variance of y given a; infinite where there is none. The default: σ².
  virtual Tensor variance(const Tensor& a, const Tensor& sigma) const;
  /// How far y is from a, in units of which the mean square is about 1 where a is right (at most 1 of what is
  /// censored). The default: (y − a) / σ.
  virtual Tensor standardised(const Tensor& y, const Tensor& a, const Tensor& sigma) const;
  /// Throws ValueError for values that this noise never gives.
  virtual void check(const Tensor& /*y*/, const Tensor& /*sigma*/) const {}
  /// Whether p(y | a) = N(y; a, σ²), for which there are closed forms elsewhere.
  virtual bool is_gaussian() const { return false; }
  /// What stands before σ: "Gaussian noise of standard deviation".
  virtual std::string describe() const = 0;
};

/// Makes a noise of your own of the numbers in `parameters`. Throws ValueError for numbers that it does not take.
using MakeNoiseModel = std::function<std::shared_ptr<const NoiseModel>(const std::vector<double>& parameters)>;
/// Adds a kind of noise: by one line at namespace scope, in a program of your own or in a plugin (`sda --plugin FILE`),
///     const bool known = sda::register_noise("sonar", [](auto& parameters) { … });
/// True. To be called before other threads make noise. Throws UsageError if the name is taken.
bool register_noise(const std::string& kind, MakeNoiseModel make);

/// An instrument's noise: its form, and σ.
class Noise {
 public:
  /// σ: one value for all observations or one for each element of an observation, flattened. Throws ValueError unless
  /// each is > 0 and finite and the shape's parameters are those of its kind; `where` of the fault is then the
  /// parameter's key.
  explicit Noise(std::vector<double> sigma, NoiseShape shape = {});
  const std::vector<double>& values() const { return sigma_; }
  const NoiseShape& shape() const { return shape_; }
  const NoiseModel& model() const { return *model_; }
  bool is_gaussian() const { return model_->is_gaussian(); }
  /// σ broadcast to an observation of this shape. Throws ShapeError.
  Tensor sigma(at::IntArrayRef observation, at::ScalarType dtype) const;
  /// log p(y | A(x)) summed over times and observation: `observations` (member, times, …), y (times, …) → (member).
  Tensor log_prob(const Tensor& y, const Tensor& observations) const;
  /// y of observations (member, times, …), float64.
  Tensor draw(const Tensor& observations, const StreamKey& key) const;
  /// NoiseModel::standardised of `observations` (member, times, …), y (times, …).
  Tensor standardised(const Tensor& y, const Tensor& observations) const;
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
