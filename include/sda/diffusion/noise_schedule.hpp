/// Perturbation kernel p(x(t) | x) = N(μ(t) x, σ(t)² I), t in [0, 1] (Rozet & Louppe 2023, section 2; Song et al.
/// 2021).
#pragma once

#include <array>

#include "sda/core/fields.hpp"
#include "sda/core/tensor.hpp"

namespace sda {

/// σ(t)
enum class NoiseVariance { vp, sub_vp, sub_sub_vp };
constexpr auto choice_names(NoiseVariance) {
  return std::array{"vp", "sub_vp", "sub_sub_vp"};
}

/// α(t)
enum class NoiseAlpha { cos, lin, exp };
constexpr auto choice_names(NoiseAlpha) {
  return std::array{"cos", "lin", "exp"};
}

struct NoiseScheduleParameters {
  NoiseVariance variance = NoiseVariance::vp;
  NoiseAlpha alpha = NoiseAlpha::cos;
  double eta = 1e-3;  ///< α(1), and σ(0) of vp; 0 < eta < 1
};

template <class Visitor>
void fields(Visitor& v, NoiseScheduleParameters& p) {
  v("variance", p.variance, "σ(t): vp, sub_vp or sub_sub_vp");
  v("alpha", p.alpha, "μ(t) = α(t): cos, lin or exp");
  v("eta", p.eta, "smallest μ, and the noise left at t = 0",
    Range{.min = 0, .max = 1, .open_min = true, .open_max = true});
}

/// μ(t) and σ(t) in float64; cast at use.
class NoiseSchedule {
 public:
  /// Throws ValueError for η outside (0, 1).
  explicit NoiseSchedule(NoiseScheduleParameters parameters = {});

  /// μ = α. cos: cos²(arccos(√η) t); lin: 1 − (1 − η) t; exp: exp(ln(η) t²).
  double mu(double t) const;
  /// vp: √(1 − α² + η²); sub_vp: 1 − α² + η; sub_sub_vp: 1 − α + η.
  double sigma(double t) const;
  /// The same for a tensor of times; float64 out.
  Tensor mu(const Tensor& t) const;
  Tensor sigma(const Tensor& t) const;

  /// σ(t)/μ(t): the noise on the scale of x itself. Grows with t.
  double ratio(double t) const { return sigma(t) / mu(t); }
  /// The t in [0, 1] with σ/μ = `ratio`; 0 or 1 for a ratio that lies outside.
  double time_of(double ratio) const;

  const NoiseScheduleParameters& parameters() const { return parameters_; }

 private:
  NoiseScheduleParameters parameters_;
};

}  // namespace sda
