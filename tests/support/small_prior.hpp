/// A prior that costs nothing, and an observation of its states.
#pragma once

#include "core/torch.hpp"
#include "sda/core/random.hpp"
#include "sda/observation/observations.hpp"
#include "sda/prior/prior.hpp"

namespace sda::test {

/// Windows of 3 states of 2 numbers by a small network with first weights; float32.
inline Prior small_prior() {
  const NetworkParameters parameters{.order = 1, .embedding = 8, .width = 16, .depth = 2};
  return {.network_parameters = parameters,
          .schedule = {},
          .layout = {.event = {2}, .variables = {{"a", "A"}, {"b", "B"}}, .space_names = {}, .dt = 0.5},
          .normalisation = {at::full({1}, 3.0, at::kDouble), at::full({1}, 2.0, at::kDouble)},
          .context = {},
          .network = make_network(parameters, {2}, 1),
          .dynamics = ""};
}

/// The first number of every fourth of `length` states.
inline Observations seen(const Prior& prior, std::int64_t length) {
  const Tensor truth = prior.normalisation.denormalise(normal({length, 2}, {.seed = 2}, at::kDouble));
  return observe(truth, prior.layout, prior.normalisation, {{"every", {4}}, {"select", {0}}}, Noise({0.5}), "y", 3, 0);
}

}  // namespace sda::test
