/// The sampler as a plan: time grid, predictor and corrector give a list of steps from t = 1 to t = 0 (Rozet & Louppe
/// 2023, Algorithm 4; Song et al. 2021; Zhang & Chen 2022). A step is affine in x, ε and z, so the same list moves an
/// ensemble (`Sampler`) and the mean and covariance of a Gaussian (`propagate_moments`). The two steps that are not one
/// affine map of one ε, Langevin's and Heun's, are types of their own.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "sda/core/random.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "sda/sampling/parameters.hpp"

namespace sda {

/// Which z ~ N(0, I) a step takes: that of (seed, purpose, member, number).
struct StepNoise {
  Purpose purpose;
  std::uint64_t number;
};

/// With ε₀ = ε(q x + p z, t) and ε₁, ε₂, … the evaluations remembered, the latest first:
///     x ← a x + Σ wᵢ εᵢ + b z + c ε₀.
/// A predictor's step has weights w; its ε₀ is then the latest of those remembered, of which the first `kept` are. A
/// correction has none, and leaves what is remembered. c is apart from w₀ because it is added after z.
struct AffineStep {
  double t;
  double q = 1, p = 0;
  double a = 1;
  std::vector<double> w{};
  double b = 0, c = 0;
  std::optional<StepNoise> z{};  ///< nothing: p = b = 0
  std::int64_t kept = 0;
};

/// x ← x − σ (δ ε(x, t) + √(2δ) z), δ = τ / mean ε² over each member's own elements: affine for a given δ alone.
struct LangevinStep {
  double t, sigma, tau;
  StepNoise z;
};

/// x ← r x + c (ε(x, t) + ε(r x + c ε(x, t), t')) / 2: two evaluations.
struct HeunStep {
  double t, t_next;
  double r, c;
};

using Step = std::variant<AffineStep, LangevinStep, HeunStep>;

/// One step of the predictor and the corrections after it: x(t) is x(`to`) at its end.
struct Stage {
  double to;
  std::vector<Step> steps;
};
using StepPlan = std::vector<Stage>;

/// The grid's times 1 = t_0 > … > t_steps = 0.
std::vector<double> time_grid(const NoiseSchedule& schedule, const SamplerParameters& parameters);

/// Throws UsageError as `check`.
StepPlan step_plan(const NoiseSchedule& schedule, const SamplerParameters& parameters);

/// How often a plan asks for ε.
std::int64_t evaluations(const StepPlan& plan);

}  // namespace sda
