/// A trained prior: a network with all that is needed to use it.
#pragma once

#include <memory>

#include "sda/core/layout.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "sda/prior/network.hpp"
#include "sda/prior/score_model.hpp"

namespace sda {

struct Prior {
  NetworkParameters network_parameters;
  NoiseScheduleParameters schedule;
  StateLayout layout;
  Normalisation normalisation;
  Tensor context;  ///< (c, …space) or undefined
  std::shared_ptr<Network> network;
  std::string dynamics;  ///< what it was trained on, "lorenz63"; for messages and reports
};

/// The trajectory's score: of the network itself if it is global, else composed from windows every `stride` states.
/// By the network's own kernel where it has one. Pull-backs keep what they need in `memory` bytes or compute it again.
/// On another `device` than the CPU a copy of the network is evaluated there, by libtorch's operations in float32,
/// whatever the precision; trajectories and scores stay on the CPU, `memory` is the device's.
std::shared_ptr<const DifferentiableScore> make_prior_score(const Prior& prior, std::int64_t memory,
                                                            std::int64_t stride = 1,
                                                            Precision precision = Precision::automatic,
                                                            at::Device device = at::kCPU);

/// A copy of the prior's network, its parameters on `device`.
std::shared_ptr<Network> network_on(const Prior& prior, at::Device device);

}  // namespace sda
