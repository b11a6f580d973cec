/// The score of a trained prior on whole trajectories.
#include "sda/prior/prior.hpp"

#include "sda/prior/scores.hpp"

namespace sda {

std::shared_ptr<const DifferentiableScore> make_prior_score(const Prior& prior, std::int64_t memory,
                                                            std::int64_t stride, Precision precision,
                                                            at::Device device) {
  if (device.is_cpu())
    if (auto fused = prior.network->fused_score(memory, stride, precision)) return fused;
  auto rows =
      make_network_score(device.is_cpu() ? prior.network : network_on(prior, device), memory, Evaluation::autograd);
  if (prior.network_parameters.global) return rows;
  return std::make_shared<WindowedScore>(std::move(rows), prior.network_parameters.order, stride);
}

std::shared_ptr<Network> network_on(const Prior& prior, at::Device device) {
  auto network = make_network(prior.network_parameters, prior.layout.event, /*seed=*/0, prior.context);
  network->set_flat_values(prior.network->flat_values());
  network->to(device);
  return network;
}

}  // namespace sda
