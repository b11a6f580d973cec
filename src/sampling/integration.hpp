/// Exponential integrators of du/ds = ε, u = x/μ and s = σ/μ (Zhang & Chen 2022).
#pragma once

#include <vector>

#include "sda/diffusion/noise_schedule.hpp"

namespace sda {

/// The affine predictor from t to t − dt: x ← r x + c ε with r = μ(t−dt)/μ(t), c = σ(t−dt) − r σ(t).
struct ExponentialStep {
  double r = 1, c = 0;
  static ExponentialStep between(const NoiseSchedule& schedule, double from, double to);
};

/// ∫ ε ds from `from` to `to`, ε a polynomial in s through its values at `nodes`: the weight of each value
/// (Adams–Bashforth on unequal steps; one node gives the exponential integrator). One to three distinct nodes.
std::vector<double> integration_weights(const std::vector<double>& nodes, double from, double to);

}  // namespace sda
