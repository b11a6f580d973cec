/// Predictor-corrector sampling (Rozet & Louppe 2023, Algorithm 4): a plan of steps, applied to an ensemble.
#pragma once

#include <functional>
#include <vector>

#include "sda/core/communicator.hpp"
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

/// What a rank samples of an ensemble that ranks share: of each of its members some states, one after the other. The
/// communicators have to outlive the sampler's work.
struct SamplerShare {
  std::int64_t first_state = 0, length = 0;  ///< of trajectories of `length` states; 0: all that it is given
  const Communicator* states = &alone();     ///< the ranks that have the rest of the same members
  const Communicator* all = &alone();        ///< those that stop together, after the same stage
};

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
                     at::ScalarType dtype = at::kFloat, const SamplerShare& share = {}) const;
  /// From where `state` stands to x(0). Throws ShapeError for a state of another plan: more stages, or other
  /// evaluations remembered than it would leave. A shared ensemble is the ensemble of one rank but for rounding in
  /// Langevin's step sizes and what the score exchanges.
  Tensor finish(SamplerState state, const ScoreModel& score, std::uint64_t seed, std::uint64_t first_member = 0,
                const ProgressCallback& progress = {}, const StageCallback& after_stage = {},
                const SamplerShare& share = {}) const;

  const StepPlan& plan() const { return plan_; }
  /// How often the score is asked for ε.
  std::int64_t evaluations() const { return sda::evaluations(plan_); }

 private:
  StepPlan plan_;
};

/// x ← x − (δ ε + √(2δ) z) σ in place, δ = τ / mean(ε²) with the mean over each member's own elements.
void langevin_correction(Tensor& x, const Tensor& epsilon, const Tensor& z, double tau, double sigma,
                         const SamplerShare& share = {});

}  // namespace sda
