/// Predictor-corrector sampling (Rozet & Louppe 2023, Algorithm 4; Song et al. 2021, Zhang & Chen 2022), with past
/// evaluations in the predictor, and with churn (Karras et al. 2022) that has no bias (Leimkuhler & Matthews 2013).
///
/// In u = x/μ and s = σ/μ the reverse process without noise is du/ds = ε, whatever the schedule.
#pragma once

#include <array>
#include <vector>

#include "sda/core/fields.hpp"
#include "sda/core/progress.hpp"
#include "sda/core/tensor.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "sda/prior/score_model.hpp"

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
  TimeGrid grid = TimeGrid::uniform;
  double exponent = 2;  ///< power: t = u^exponent; karras: s^(1/exponent) equally spaced
  Predictor predictor = Predictor::exponential;
  std::int64_t order = 1;        ///< exponential: evaluations it uses, the present and past ones
  double churn = 0;              ///< exponential: δ of the noise exchanged for new noise within each step
  std::int64_t corrections = 1;  ///< after each step
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

/// The affine predictor from t to t − dt: x ← r x + c ε with r = μ(t−dt)/μ(t), c = σ(t−dt) − r σ(t).
struct ExponentialStep {
  double r = 1, c = 0;
  static ExponentialStep between(const NoiseSchedule& schedule, double from, double to);
};

/// ∫ ε ds from `from` to `to`, ε a polynomial in s through its values at `nodes`: the weight of each value
/// (Adams–Bashforth on unequal steps; one node gives the exponential integrator). One to three distinct nodes.
std::vector<double> integration_weights(const std::vector<double>& nodes, double from, double to);

/// Part of the noise at a time t exchanged for new noise (Leimkuhler & Matthews 2013). With z ~ N(0, I), s_e² = s² / (1
/// − δ/2):
///     u_e = u + ½ √(2δ) s_e z,    u ← u + √(2δ) s_e z − δ s_e ε(μ_e u_e, t_e).
/// u_e has the noise of t_e, above t, where ε is asked for; u comes back with that of t. Where the score is affine the
/// distribution is kept exactly, whatever δ is; Langevin's step widens it by a share of δ/2.
struct Churn {
  double delta = 0;  ///< δ, smaller where t_e would lie beyond 1
  double time = 0;   ///< t_e
  double ratio = 0;  ///< s_e
  /// `delta` in [0, 2).
  static Churn at(const NoiseSchedule& schedule, double t, double delta);
  /// For a step to `to` by the same ε, u ← u + √(2δ) s_e z − (δ s_e + s − s') ε: δ so small that pure noise comes out
  /// no more than a tenth wider than s'. Long steps from much noise, which a network would answer wildly, churn little.
  static Churn within(const NoiseSchedule& schedule, double from, double to, double delta);
};

/// Draws x(0) from x(1) ~ N(0, I). Member m's draws come from (seed, sampler_start | sampler_correction |
/// sampler_churn, first_member + m), so an ensemble drawn in parts is the ensemble drawn whole.
class Sampler {
 public:
  /// Throws UsageError for parameters out of range or that exclude each other.
  Sampler(NoiseSchedule schedule, SamplerParameters parameters);

  /// `shape` is (member, length, …event). Normalised units, float32 unless said. Throws NumericalError (with the
  /// step) if the state stops being finite, Interrupted after a stop signal.
  Tensor sample(const ScoreModel& score, at::IntArrayRef shape, std::uint64_t seed, std::uint64_t first_member = 0,
                const ProgressCallback& progress = {}, at::ScalarType dtype = at::kFloat) const;

  /// The same from a given x(1).
  Tensor sample_from(Tensor x, const ScoreModel& score, std::uint64_t seed, std::uint64_t first_member = 0,
                     const ProgressCallback& progress = {}) const;

  /// The grid's times 1 = t_0 > … > t_steps = 0.
  std::vector<double> times() const;

 private:
  NoiseSchedule schedule_;
  SamplerParameters parameters_;
};

/// x ← x − (δ ε + √(2δ) z) σ in place, δ = τ / mean(ε²) with the mean over each member's own elements.
void langevin_correction(Tensor& x, const Tensor& epsilon, const Tensor& z, double tau, double sigma);

}  // namespace sda
