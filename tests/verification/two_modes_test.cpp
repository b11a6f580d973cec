/// Observations that are blind to the sign of x leave two mirrored posteriors: does the trained prior find both?
#include <gtest/gtest.h>

#include "core/torch.hpp"
#include "sda/baselines/particle_filter.hpp"
#include "sda/dynamics/systems.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/io/files.hpp"
#include "sda/sampling/sampler.hpp"

namespace sda {
namespace {

/// +1 for members on the truth's side, −1 for those on its mirror image (x, y, z) → (−x, −y, z).
Tensor side(const Tensor& members, const Tensor& truth) {
  const Tensor x = members.select(2, 0), of_truth = truth.select(1, 0);
  return (x * of_truth).sum(1).sign();
}

double share_on_truths_side(const Tensor& members, const Tensor& truth) {
  return side(members, truth).gt(0).to(at::kDouble).mean().item<double>();
}

/// RMS distance of members, mirrored to the truth's side, to the truth's first coordinate, at the observed states.
double distance_after_mirroring(const Tensor& members, const Tensor& truth, std::int64_t every) {
  const Tensor x = members.select(2, 0) * side(members, truth).unsqueeze(1);
  return (x - truth.select(1, 0)).slice(1, 0, x.size(1), every).square().mean().sqrt().item<double>();
}

TEST(TwoModes, PosteriorHasBothWhereTheFilterHasBoth) {
  const Prior prior = read_model(SDA_SOURCE_DIR "/models/lorenz63_k4.nc").prior;
  const auto dynamics = make_dynamics({.system = "lorenz63"});
  const std::int64_t length = 33, members = 48;
  Tensor start = dynamics->start(1, {.seed = 7, .purpose = Purpose::initial_state});
  dynamics->advance(start, 256, {.seed = 7, .purpose = Purpose::transition_noise});
  const Tensor truth =
      dynamics->trajectories(start, length, {.seed = 7, .purpose = Purpose::transition_noise, .step = 256}).squeeze(0);
  const std::vector<OperatorLink> squares{{"every", {8}}, {"select", {0}}, {"square", {}}};
  const Observations observed =
      observe(truth, prior.layout, prior.normalisation, squares, GaussianNoise({0.1}), "sign", 7, 0);

  const NoiseSchedule schedule(prior.schedule);
  const PosteriorScore score(make_prior_score(prior, std::int64_t{1} << 30), schedule, observed, {.gamma = {3e-2}});
  const Sampler sampler(schedule, {.steps = 128, .corrections = 1});
  const Tensor posterior = prior.normalisation.denormalise(sampler.sample(score, {members, length, 3}, 1));
  const FilterResult filter = particle_filter(*dynamics, observed, {.particles = 16384, .members = 1024}, 1);

  // Both halves are equally likely: of 48 independent members fewer than 10 fall on one side with probability 2e-5.
  const double share = share_on_truths_side(posterior, truth);
  const double share_of_filter = share_on_truths_side(filter.ensemble.members, truth);
  EXPECT_GT(share_of_filter, 0.2);
  EXPECT_LT(share_of_filter, 0.8);
  EXPECT_GT(share, 0.2);
  EXPECT_LT(share, 0.8);
  // On either side members are as near to the truth as the filter's, not halfway between the two.
  EXPECT_LT(distance_after_mirroring(posterior, truth, 8),
            2 * distance_after_mirroring(filter.ensemble.members, truth, 8));
}

}  // namespace
}  // namespace sda
