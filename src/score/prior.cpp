/// The score of a trained prior on whole trajectories.
#include "sda/score/prior.hpp"

#include "sda/score/scores.hpp"

namespace sda {

std::shared_ptr<const DifferentiableScore> make_prior_score(const Prior& prior, std::int64_t memory,
                                                            std::int64_t stride, Precision precision) {
  if (auto fused = prior.network->fused_score(memory, stride, precision)) return fused;
  auto rows = make_network_score(prior.network, memory, Evaluation::autograd);
  if (prior.network_parameters.global) return rows;
  return std::make_shared<MarkovBlanket>(std::move(rows), prior.network_parameters.order, stride);
}

}  // namespace sda
