/// Observations that are blind to the sign of x leave two mirrored posteriors: does the trained prior find both?
#include <gtest/gtest.h>

#include "core/torch.hpp"
#include "sda/baselines/particle_filter.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/model.hpp"
#include "sda/dynamics/systems.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/sampling/sampler.hpp"

namespace sda {
namespace {

/// Share of members whose first coordinate has, at all observed states, the truth's sign times `sign`.
double share(const Tensor& members, const Tensor& truth, std::int64_t every, int sign) {
  const Tensor same = members.select(2, 0).sign().eq(sign * truth.select(1, 0).sign());
  return same.slice(1, 0, same.size(1), every).all(1).to(at::kDouble).mean().item<double>();
}

TEST(TwoModes, PosteriorHasBothWhereTheFilterHasBoth) {
  const Prior prior = read_model(SDA_SOURCE_DIR "/models/lorenz63_k4.nc").prior;
  const auto dynamics = make_dynamics({.system = "lorenz63"});
  const std::int64_t length = 33, members = 48;
  Tensor start = dynamics->start(1, {.seed = 7, .purpose = Purpose::initial_state});
  dynamics->advance(start, 256, {.seed = 7, .purpose = Purpose::transition_noise});
  const Tensor truth =
      dynamics->trajectories(start, length, {.seed = 7, .purpose = Purpose::transition_noise, .step = 256}).squeeze(0);
  const std::vector<OperatorLink> magnitude{{"every", {8}}, {"select", {0}}, {"abs", {}}};
  const Observations observed =
      observe(truth, prior.layout, prior.normalisation, magnitude, GaussianNoise({0.05}), "sign", 7, 0);

  const NoiseSchedule schedule(prior.schedule);
  const PosteriorScore score(make_prior_score(prior, std::int64_t{1} << 30), schedule, observed,
                             {.rule = "sda", .gamma = {3e-2}});
  const Sampler sampler(schedule, {.steps = 128, .grid = TimeGrid::uniform, .churn = 0, .corrections = 1});
  const Tensor posterior = prior.normalisation.denormalise(sampler.sample(score, {members, length, 3}, 1));
  const FilterResult filter = particle_filter(*dynamics, observed, {.particles = 16384, .members = 1024}, 1);

  const Tensor of_filter = filter.ensemble.members;
  for (const int sign : {1, -1}) {
    // The filter's two modes hold nearly all of it, half each; path degeneracy of one run moves that by some tenths.
    EXPECT_GT(share(of_filter, truth, 8, sign), 0.2) << sign;
    // The posterior has both. It also has members that change sides where |x| is small, which the filter has not;
    // docs/results says how many. Three of 48 on either side are asked for.
    EXPECT_GE(share(posterior, truth, 8, sign), 3.0 / members) << sign;
  }
  // Whatever their signs, members have the magnitudes that were read.
  const Tensor read = observed.parts[0].op->apply(prior.normalisation.normalise(posterior)).to(at::kDouble);
  EXPECT_LT((read - observed.parts[0].values).square().mean().sqrt().item<double>(), 3 * 0.05);
}

}  // namespace
}  // namespace sda
