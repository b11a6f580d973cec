/// One instrument of two components, or two instruments of one each: the same posterior, by every method.
#include <gtest/gtest.h>

#include "core/torch.hpp"
#include "sda/baselines/kalman.hpp"
#include "sda/baselines/particle_filter.hpp"
#include "sda/core/error.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/prior/scores.hpp"
#include "tolerance.hpp"

namespace {

using sda::Observations;
using sda::Tensor;

constexpr std::int64_t length = 9;
const sda::LinearGaussianChain chain = sda::rotation_chain(0.97, 0.3);

/// Both components of every other state, with noise 0.3 and 0.5.
Observations together() {
  const Tensor truth = chain.trajectories(chain.start(1, {.seed = 3}, at::kDouble), length, {.seed = 3})[0];
  return sda::observe(truth, chain.layout(), sda::Normalisation::identity({2}), {{"every", {2}}},
                      sda::GaussianNoise({0.3, 0.5}), "together", 5, 0);
}

/// The same observations as two parts, the second's in another order of links.
Observations apart() {
  Observations y = together();
  const auto part = [&](const std::string& name, std::int64_t component, double sigma) {
    const std::vector<sda::OperatorLink> links{{"select", {static_cast<double>(component)}}, {"every", {2}}};
    return sda::ObservationPart{.name = name,
                                .chain = links,
                                .noise = sda::GaussianNoise({sigma}),
                                .op = sda::make_operator(links, y.layout, y.normalisation),
                                .values = y.parts[0].values.narrow(1, component, 1)};
  };
  y.parts = {part("second", 1, 0.5), part("first", 0, 0.3)};
  y.check();
  return y;
}

void expect_equal(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.sizes(), b.sizes());
  EXPECT_LT((a - b).abs().max().item<double>(), sda::tolerance::exact_float64);
}

Tensor guided(const Observations& y, const sda::GuidanceParameters& guidance) {
  const sda::NoiseSchedule schedule;
  const auto [mean, covariance] = chain.joint(length);
  const auto prior = sda::make_gaussian_score(schedule, mean, covariance.reshape({length * 2, length * 2}));
  const Tensor x = sda::normal({3, length, 2}, {.seed = 8}, at::kDouble);
  return sda::PosteriorScore(prior, schedule, y, guidance).epsilon(x, 0.4);
}

}  // namespace

TEST(ObservationParts, GuideAsOneInstrumentDoes) {
  for (const char* rule : {"sda", "dps", "pigdm", "mmps"})
    expect_equal(guided(apart(), {.rule = rule}), guided(together(), {.rule = rule}));
  // Γ of each element is Γ of each part.
  expect_equal(guided(apart(), {.rule = "sda", .gamma = {0.03, 0.01}}),
               guided(together(), {.rule = "sda", .gamma = {0.01, 0.03}}));
  EXPECT_GT((guided(apart(), {.rule = "sda", .gamma = {0.01, 0.03}}) -
             guided(together(), {.rule = "sda", .gamma = {0.01, 0.03}}))
                .abs()
                .max()
                .item<double>(),
            1e-3);
  EXPECT_THROW(guided(apart(), {.gamma = {1, 2, 3}}), sda::UsageError);
}

TEST(ObservationParts, SmoothAsOneInstrumentDoes) {
  const auto a = sda::kalman_smoother(chain, apart()), b = sda::kalman_smoother(chain, together());
  expect_equal(a.smoothed.mean, b.smoothed.mean);
  expect_equal(a.smoothed.joint_covariance, b.smoothed.joint_covariance);
  EXPECT_NEAR(a.smoothed.log_evidence, b.smoothed.log_evidence, sda::tolerance::exact_float64);
}

TEST(ObservationParts, FilterAsOneInstrumentDoes) {
  const sda::ParticleFilterParameters few{.particles = 200, .members = 20, .spin_up = 0};
  const auto a = sda::particle_filter(chain, apart(), few, 1), b = sda::particle_filter(chain, together(), few, 1);
  EXPECT_NEAR(a.log_evidence, b.log_evidence, sda::tolerance::exact_float64);
  expect_equal(a.ensemble.members, b.ensemble.members);
}
