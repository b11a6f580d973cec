/// Predictor-corrector sampling (Rozet & Louppe 2023, Algorithm 4): a plan of steps, applied to an ensemble.
#pragma once

#include "sda/core/progress.hpp"
#include "sda/core/tensor.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "sda/prior/score_model.hpp"
#include "sda/sampling/parameters.hpp"
#include "sda/sampling/step_plan.hpp"

namespace sda {

/// Draws x(0) from x(1) ~ N(0, I). Member m's draws come from (seed, sampler_start | sampler_correction |
/// sampler_churn, first_member + m), so an ensemble drawn in parts is the ensemble drawn whole.
class Sampler {
 public:
  /// Throws UsageError for parameters out of range or that exclude each other.
  Sampler(const NoiseSchedule& schedule, const SamplerParameters& parameters);

  /// `shape` is (member, length, …event). Normalised units, float32 unless said. Throws NumericalError (with the
  /// step) if the state stops being finite, Interrupted after a stop signal.
  Tensor sample(const ScoreModel& score, at::IntArrayRef shape, std::uint64_t seed, std::uint64_t first_member = 0,
                const ProgressCallback& progress = {}, at::ScalarType dtype = at::kFloat) const;

  /// The same from a given x(1).
  Tensor sample_from(Tensor x, const ScoreModel& score, std::uint64_t seed, std::uint64_t first_member = 0,
                     const ProgressCallback& progress = {}) const;

  const StepPlan& plan() const { return plan_; }
  /// How often the score is asked for ε.
  std::int64_t evaluations() const { return sda::evaluations(plan_); }

 private:
  StepPlan plan_;
};

/// x ← x − (δ ε + √(2δ) z) σ in place, δ = τ / mean(ε²) with the mean over each member's own elements.
void langevin_correction(Tensor& x, const Tensor& epsilon, const Tensor& z, double tau, double sigma);

}  // namespace sda
