/// What the sampler can be told: the grid of times, the predictor and the corrector.
#pragma once

#include <array>
#include <cstdint>

#include "sda/core/fields.hpp"

namespace sda {

/// Times of the predictor's steps.
enum class TimeGrid { uniform, power, log_snr, karras };
constexpr auto choice_names(TimeGrid) {
  return std::array{"uniform", "power", "log_snr", "karras"};
}

enum class Predictor { exponential, heun };
constexpr auto choice_names(Predictor) {
  return std::array{"exponential", "heun"};
}

enum class Corrector { langevin, leimkuhler_matthews };
constexpr auto choice_names(Corrector) {
  return std::array{"langevin", "leimkuhler_matthews"};
}

struct SamplerParameters {
  std::int64_t steps = 256;  ///< from t = 1 to t = 0
  TimeGrid grid = TimeGrid::power;
  double exponent = 2.5;  ///< power: t = u^exponent; karras: s^(1/exponent) equally spaced
  Predictor predictor = Predictor::exponential;
  std::int64_t order = 1;        ///< exponential: evaluations it uses, the present and past ones
  double churn = 1;              ///< exponential: δ of the noise exchanged for new noise within each step
  std::int64_t corrections = 0;  ///< after each step
  Corrector corrector = Corrector::langevin;
  double tau = 0.25;                       ///< their amplitude
  double noise_from = 1, noise_until = 0;  ///< churn and corrections are made at these times
};

template <class Visitor>
void fields(Visitor& v, SamplerParameters& p) {
  v("steps", p.steps, "predictor steps from t = 1 to t = 0", at_least(1));
  v("grid", p.grid,
    "their times: uniform; power, t = u^exponent with u uniform; log_snr, σ/μ geometric; karras, (σ/μ)^(1/exponent) "
    "uniform");
  v("exponent", p.exponent, "of the grids power (> 1: denser near t = 0) and karras", above(0));
  v("predictor", p.predictor, "exponential, or heun with two evaluations a step");
  v("order", p.order, "exponential: of the polynomial through this and past evaluations of ε", between(1, 3));
  v("churn", p.churn,
    "exponential: noise exchanged for new noise within each step, as τ in a Leimkuhler-Matthews correction; no "
    "evaluation more",
    Range{.min = 0, .max = 2, .open_max = true});
  v("corrections", p.corrections, "corrections after each step", at_least(0));
  v("corrector", p.corrector,
    "langevin, δ = τ / mean ε²; or leimkuhler_matthews, δ = τ < 2, exact where the score is linear");
  v("tau", p.tau, "amplitude of a correction", above(0));
  v("noise_from", p.noise_from, "churn and corrections are made at times t up to this", between(0, 1));
  v("noise_until", p.noise_until, "churn and corrections are made at times t from this on", between(0, 1));
}

/// Throws UsageError for parameters out of range or that exclude each other.
void check(const SamplerParameters& parameters);

}  // namespace sda
