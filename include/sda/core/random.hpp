/// Counter-based random streams (Philox 4×32-10, Salmon et al. 2011): a draw is a pure function of
/// (seed, purpose, member, step, index), so neither batch, chunk, thread count nor rank changes it.
#pragma once

#include <cstdint>
#include <vector>

#include "sda/core/tensor.hpp"

namespace sda {

/// What a draw is for; streams of different purposes never meet.
enum class Purpose : std::uint32_t {
  initial_state = 1,  ///< x_1 ~ p(x_1) of a simulation
  transition_noise,   ///< noise of p(x_{i+1} | x_i) of a simulation
  observation_noise,  ///< noise of y
  network_weights,    ///< a network's first weights
  training_window,    ///< which window of a trajectory, and in which order
  training_time,      ///< t ~ U(0, 1) of the denoising loss
  training_noise,     ///< ε of the denoising loss
  validation_window,
  validation_time,
  validation_noise,
  sampler_start,       ///< x(1) ~ N(0, I)
  sampler_correction,  ///< z of a Langevin correction
  filter_start,        ///< particles' first states
  filter_transition,   ///< particles' transition noise
  filter_resampling,
  evaluation,
  test,
  observation_points,  ///< which points of a grid are read; `seed` is the observation's own
  sampler_churn,       ///< z of noise exchanged for new noise within a predictor step
  observation_form,    ///< second draw of a noise that takes two: which Gaussian of a mixture, say
};

/// Names a family of draws: row m of a filled tensor has member `first_member + m`, and element e of it is element
/// `first_element + e` of the member, so that a part of a row can be filled alone.
struct StreamKey {
  std::uint64_t seed = 0;
  Purpose purpose = Purpose::test;
  std::uint64_t first_member = 0;
  std::uint64_t step = 0;
  std::int64_t first_element = 0;
};

/// Standard normal draws in place; `out` is contiguous float32 or float64, (member, …event). A float64 draw is
/// not the float32 draw widened: each dtype has its own values, both reproducible.
void fill_normal(Tensor& out, const StreamKey& key);
/// Uniform draws on the open interval (0, 1) in place; same layout.
void fill_uniform(Tensor& out, const StreamKey& key);
/// The same for `rows` rows of `row` float32 values in memory: rows of a tensor, say, from `key.first_member` on.
void fill_normal(float* out, std::int64_t rows, std::int64_t row, const StreamKey& key);
void fill_uniform(float* out, std::int64_t rows, std::int64_t row, const StreamKey& key);

Tensor normal(at::IntArrayRef shape, const StreamKey& key, at::ScalarType dtype = at::kFloat);
Tensor uniform(at::IntArrayRef shape, const StreamKey& key, at::ScalarType dtype = at::kFloat);

/// One uniform on (0, 1), of member `key.first_member`.
double uniform_scalar(const StreamKey& key);

/// A permutation of 0 … n−1 (Fisher-Yates on the stream).
std::vector<std::int64_t> permutation(std::int64_t n, const StreamKey& key);

}  // namespace sda
