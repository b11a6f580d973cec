/// Predictor-corrector sampling (Rozet & Louppe 2023, Algorithm 4): a plan of steps, applied to an ensemble.
#pragma once

#include <functional>
#include <vector>

#include "sda/core/progress.hpp"
#include "sda/core/tensor.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "sda/prior/score_model.hpp"
#include "sda/sampling/parameters.hpp"
#include "sda/sampling/step_plan.hpp"

namespace sda {

/// Where an ensemble stands between two stages of the plan: with it, sampling goes on bit for bit.
struct SamplerState {
  std::int64_t stages_done = 0;
  Tensor x{};                      ///< (member, length, …event)
  std::vector<Tensor> epsilons{};  ///< evaluations that coming steps use, the latest first
};
/// Called after each stage. What it is given changes with the next one: clone what is kept.
using StageCallback = std::function<void(const SamplerState&)>;

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

  /// x(1), before the first stage.
  SamplerState start(at::IntArrayRef shape, std::uint64_t seed, std::uint64_t first_member = 0,
                     at::ScalarType dtype = at::kFloat) const;
  /// From where `state` stands to x(0). Throws ShapeError for a state of another plan: more stages, or
  /// other evaluations remembered than it would leave.
  Tensor finish(SamplerState state, const ScoreModel& score, std::uint64_t seed, std::uint64_t first_member = 0,
                const ProgressCallback& progress = {}, const StageCallback& after_stage = {}) const;

  const StepPlan& plan() const { return plan_; }
  /// How often the score is asked for ε.
  std::int64_t evaluations() const { return sda::evaluations(plan_); }

 private:
  StepPlan plan_;
};

/// x ← x − (δ ε + √(2δ) z) σ in place, δ = τ / mean(ε²) with the mean over each member's own elements.
void langevin_correction(Tensor& x, const Tensor& epsilon, const Tensor& z, double tau, double sigma);

}  // namespace sda
