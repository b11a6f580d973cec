/// μ(t) and σ(t) of the perturbation kernel (Rozet & Louppe 2023, section 2 and appendix).
#include "sda/diffusion/noise_schedule.hpp"

#include <fmt/format.h>

#include <cmath>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {

namespace {

double alpha(const NoiseScheduleParameters& p, double t) {
  switch (p.alpha) {
    case NoiseAlpha::cos: {
      const double root = std::cos(std::acos(std::sqrt(p.eta)) * t);
      return root * root;
    }
    case NoiseAlpha::lin:
      return 1 - (1 - p.eta) * t;
    case NoiseAlpha::exp:
      break;
  }
  return std::exp(std::log(p.eta) * t * t);
}

template <class Function>
Tensor map_times(const Tensor& t, Function f) {
  Tensor out = t.to(at::kDouble).clone(at::MemoryFormat::Contiguous);
  auto* value = out.data_ptr<double>();
  for (std::int64_t i = 0; i < out.numel(); ++i) value[i] = f(value[i]);
  return out;
}

}  // namespace

NoiseSchedule::NoiseSchedule(NoiseScheduleParameters parameters) : parameters_(parameters) {
  if (!(parameters_.eta > 0 && parameters_.eta < 1))
    throw ValueError({.what = "eta out of range",
                      .where = "noise schedule",
                      .found = fmt::format("{}", parameters_.eta),
                      .expected = "0 < eta < 1"});
}

double NoiseSchedule::mu(double t) const {
  return alpha(parameters_, t);
}

double NoiseSchedule::sigma(double t) const {
  const double a = alpha(parameters_, t), eta = parameters_.eta;
  switch (parameters_.variance) {
    case NoiseVariance::vp:
      return std::sqrt(1 - a * a + eta * eta);
    case NoiseVariance::sub_vp:
      return 1 - a * a + eta;
    case NoiseVariance::sub_sub_vp:
      break;
  }
  return 1 - a + eta;
}

double NoiseSchedule::time_of(double ratio) const {
  double below = 0, above = 1;
  // Halved until no number lies between.
  for (double t = 0.5; below < t && t < above; t = (below + above) / 2) (this->ratio(t) < ratio ? below : above) = t;
  return ratio <= this->ratio(0) ? 0 : above;
}

Tensor NoiseSchedule::mu(const Tensor& t) const {
  return map_times(t, [this](double value) { return mu(value); });
}

Tensor NoiseSchedule::sigma(const Tensor& t) const {
  return map_times(t, [this](double value) { return sigma(value); });
}

}  // namespace sda
