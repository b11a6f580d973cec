/// Predictor-corrector sampling (Rozet & Louppe 2023, Algorithm 4; Song et al. 2021, Zhang & Chen 2022).
#pragma once

#include "sda/core/fields.hpp"
#include "sda/core/progress.hpp"
#include "sda/core/tensor.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "sda/score/score_model.hpp"

namespace sda {

struct SamplerParameters {
  std::int64_t steps = 256;      ///< equal parts of t = 1 … 0
  std::int64_t corrections = 1;  ///< Langevin corrections after each
  double tau = 0.25;             ///< their amplitude
};

template <class Visitor>
void fields(Visitor& v, SamplerParameters& p) {
  v("steps", p.steps, "predictor steps from t = 1 to t = 0", at_least(1));
  v("corrections", p.corrections, "Langevin corrections after each step", at_least(0));
  v("tau", p.tau, "amplitude of a Langevin correction", above(0));
}

/// The affine predictor from t to t − dt: x ← r x + c ε with r = μ(t−dt)/μ(t), c = σ(t−dt) − r σ(t).
struct Predictor {
  double r = 1, c = 0;
  static Predictor between(const NoiseSchedule& schedule, double from, double to);
};

/// Draws x(0) from x(1) ~ N(0, I). Member m's draws come from (seed, sampler_start | sampler_correction,
/// first_member + m), so an ensemble drawn in parts is the ensemble drawn whole.
class Sampler {
 public:
  Sampler(NoiseSchedule schedule, SamplerParameters parameters);

  /// `shape` is (member, length, …event). Normalised units, float32 unless said. Throws NumericalError (with the
  /// step) if the state stops being finite, Interrupted after a stop signal.
  Tensor sample(const ScoreModel& score, at::IntArrayRef shape, std::uint64_t seed, std::uint64_t first_member = 0,
                const ProgressCallback& progress = {}, at::ScalarType dtype = at::kFloat) const;

  /// The same from a given x(1).
  Tensor sample_from(Tensor x, const ScoreModel& score, std::uint64_t seed, std::uint64_t first_member = 0,
                     const ProgressCallback& progress = {}) const;

  /// The equally spaced times 1 = t_0 > … > t_steps = 0.
  std::vector<double> times() const;

 private:
  NoiseSchedule schedule_;
  SamplerParameters parameters_;
};

/// x ← x − (δ ε + √(2δ) z) σ in place, δ = τ / mean(ε²) with the mean over each member's own elements.
void langevin_correction(Tensor& x, const Tensor& epsilon, const Tensor& z, double tau, double sigma);

}  // namespace sda
