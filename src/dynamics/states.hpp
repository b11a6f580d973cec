/// What every dynamics does with the tensors it is given. Private to src/.
#pragma once

#include <functional>

#include "sda/dynamics/dynamics.hpp"

namespace sda {

/// Throws ShapeError unless `x` is contiguous float32 or float64 on `device`, (member, …event).
void check_states(const Tensor& x, at::IntArrayRef event, const std::string& dynamics, at::Device device = at::kCPU);

/// (member, length, …event) whose first states are `first`, of solver states `start`; `extend(x, i, steps, all)` takes
/// x from state i through `steps` transitions and writes the states it passes to all[:, i + 1 …]. Called for at most
/// `stride` transitions at a time; between calls progress is told and a stop signal heard.
Tensor record_trajectories(
    const Tensor& start, const Tensor& first, std::int64_t length, std::int64_t stride,
    const ProgressCallback& progress,
    const std::function<void(Tensor& x, std::int64_t i, std::int64_t steps, Tensor& all)>& extend);

/// As many transitions in one go as keep the threads busy for a while, yet show progress: a `stride` for systems that
/// march in lanes.
std::int64_t transitions_at_once(const Tensor& start);

/// Lower triangular L with L Lᵀ = `covariance` (d, d), float64; a direction without variance has a zero column.
/// Throws ShapeError if not square, ValueError, naming `what`, if not symmetric positive semi-definite.
Tensor covariance_factor(const Tensor& covariance, const std::string& what);

/// mean + L z for rows z (member, d): sums in a fixed order, so that a row does not depend on how many there are.
Tensor correlate(const Tensor& z, const Tensor& factor, const Tensor& mean);

}  // namespace sda
