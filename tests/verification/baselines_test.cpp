// The exact smoother against conditioning of the joint Gaussian by brute force, and the particle filter against the
// exact smoother: three ways to one posterior that share no formula.
#include <cmath>

#include "core/torch.hpp"
#include "linear_chain.hpp"
#include "sda/baselines/kalman.hpp"
#include "sda/baselines/particle_filter.hpp"
#include "sda/core/error.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "tolerance.hpp"

namespace {

using sda::LinearGaussianChain;
using sda::Observations;
using sda::Tensor;
using sda::test::Runs;

LinearGaussianChain chain() {
  return sda::test::linear_chain();
}

TEST(KalmanSmoother, IsConditioningOfTheJointGaussian) {
  const LinearGaussianChain dynamics = chain();
  const std::int64_t length = 8, d = 3;
  const Observations y = sda::test::observe_chain(dynamics, length, 3, {0.3, 0.6});
  const sda::KalmanResult result = sda::kalman_smoother(dynamics, y);

  // y = H x + c + e, written down by hand: states 1, 4, 7, normalised components 1 and 3.
  const auto [m, p] = dynamics.joint(length);
  Tensor h = at::zeros({6, length * d}, at::kDouble), c = at::zeros({6}, at::kDouble), r = at::zeros({6}, at::kDouble);
  for (std::int64_t t = 0, row = 0; t < length; t += 3) {
    for (const std::int64_t component : {0, 2}) {
      const double mean = static_cast<double>(component + 1), std = 0.5 * mean + 1;
      h[row][t * d + component] = 1 / std;
      c[row] = -mean / std;
      r[row++] = component == 0 ? 0.09 : 0.36;
    }
  }
  const Tensor departure = y.parts[0].values.reshape({6}) - h.mv(m.flatten()) - c;
  const Tensor s = h.mm(p).mm(h.t()) + r.diag(), inverse = s.inverse();
  const Tensor mean = m.flatten() + p.mm(h.t()).mv(inverse.mv(departure));
  const Tensor covariance = p - p.mm(h.t()).mm(inverse).mm(h).mm(p);
  const double log_evidence =
      -0.5 * (departure.dot(inverse.mv(departure)).item<double>() + s.logdet().item<double>() + 6 * std::log(2 * M_PI));

  const auto expect_equal = [](const Tensor& a, const Tensor& b) {
    ASSERT_EQ(a.sizes(), b.sizes());
    EXPECT_LT((a - b).abs().max().item<double>(), sda::tolerance::exact_float64);
  };
  expect_equal(result.smoothed.mean.flatten(), mean);
  expect_equal(result.smoothed.joint_covariance, covariance);
  for (std::int64_t i = 0; i < length; ++i) {
    expect_equal(result.smoothed.covariance[i], covariance.slice(0, i * d, (i + 1) * d).slice(1, i * d, (i + 1) * d));
  }
  EXPECT_NEAR(result.smoothed.log_evidence, log_evidence, sda::tolerance::exact_float64);

  // The filter's fifth state knows the first two observations only.
  const Tensor h2 = h.slice(0, 0, 4), gain = p.mm(h2.t()).mm((h2.mm(p).mm(h2.t()) + r.slice(0, 0, 4).diag()).inverse());
  expect_equal(result.filtered.mean[4], (m.flatten() + gain.mv(departure.slice(0, 0, 4))).slice(0, 12, 15));
  expect_equal(result.filtered.covariance[4], (p - gain.mm(h2).mm(p)).slice(0, 12, 15).slice(1, 12, 15));
}

TEST(KalmanSmoother, SamplesHaveItsMoments) {
  const LinearGaussianChain dynamics = chain();
  const sda::GaussianPosterior posterior =
      sda::kalman_smoother(dynamics, sda::test::observe_chain(dynamics, 5, 2, {0.3})).smoothed;
  const std::int64_t n = 100000;
  const sda::Ensemble ensemble = sda::sample_posterior(posterior, dynamics.layout(), n, 9);
  ASSERT_EQ(ensemble.members.sizes(), (sda::Shape{n, 5, 3}));
  const Tensor centred = (ensemble.members - posterior.mean).flatten(1);
  const Tensor variance = posterior.joint_covariance.diagonal();
  EXPECT_LT((centred.mean(0) / variance.sqrt()).abs().max().item<double>(), 4 / std::sqrt(static_cast<double>(n)));
  const Tensor error = (centred.t().mm(centred) / static_cast<double>(n) - posterior.joint_covariance) /
                       at::outer(variance, variance).sqrt();
  EXPECT_LT(error.abs().max().item<double>(), 4.5 * std::sqrt(2 / static_cast<double>(n)));
}

TEST(KalmanSmoother, RefusesWhatIsNotLinear) {
  const LinearGaussianChain dynamics = chain();
  const Tensor truth = dynamics.trajectories(dynamics.start(1, {.seed = 3}, at::kDouble), 5, {.seed = 3})[0];
  for (const char* kind : {"square", "abs", "saturate"}) {
    const Observations y = sda::observe(truth, dynamics.layout(), dynamics.normalisation(), {{kind, {}}},
                                        sda::GaussianNoise({1.0}), kind, 5, 0);
    EXPECT_THROW(sda::kalman_smoother(dynamics, y), sda::UnsupportedError) << kind;
  }
  EXPECT_THROW(sda::kalman_smoother(sda::rotation_chain(), sda::test::observe_chain(dynamics, 5, 2, {0.3})),
               sda::ShapeError);
}

// Means and variances of every state, and the evidence, over 24 independent filters. The deviations are Student's t of
// 23 degrees: beyond 4.5 with probability 1.6e-4 each, 54 of them.
TEST(ParticleFilter, AgreesWithTheKalmanSmoother) {
  const LinearGaussianChain dynamics = chain();
  const Observations y = sda::test::observe_chain(dynamics, 9, 2, {0.4, 0.5});
  const sda::KalmanResult exact = sda::kalman_smoother(dynamics, y);
  std::vector<Tensor> means, variances, evidences;
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    const sda::FilterResult run =
        sda::particle_filter(dynamics, y, {.particles = 16384, .members = 16384, .spin_up = 0}, seed);
    const Tensor x = run.ensemble.members.to(at::kDouble);
    means.push_back(x.mean(0));
    variances.push_back(x.var(0));
    evidences.push_back(at::scalar_tensor(std::exp(run.log_evidence - exact.smoothed.log_evidence), at::kDouble));
  }
  EXPECT_LT(Runs(means).largest_deviation(exact.smoothed.mean), 4.5);
  EXPECT_LT(Runs(variances).largest_deviation(exact.smoothed.covariance.diagonal(0, 1, 2)), 4.5);
  // The evidence itself, not its logarithm, is estimated without bias.
  EXPECT_LT(Runs(evidences).largest_deviation(at::ones({}, at::kDouble)), 4.5);
  EXPECT_LT(Runs(evidences).standard_error.item<double>(), 0.02);
}

// Kept members are a fair choice of the particles, and so is each part of them.
TEST(ParticleFilter, KeepsMembersWithoutBias) {
  const LinearGaussianChain dynamics = sda::rotation_chain();
  const Observations y = sda::test::observe_chain(dynamics, 9, 4, {0.5});
  const sda::KalmanResult exact = sda::kalman_smoother(dynamics, y);
  std::vector<Tensor> whole, first_half;
  for (std::uint64_t seed = 0; seed < 48; ++seed) {
    const sda::FilterResult run =
        sda::particle_filter(dynamics, y, {.particles = 2000, .members = 300, .spin_up = 0}, seed);
    whole.push_back(run.ensemble.members.to(at::kDouble).mean(0));
    first_half.push_back(run.ensemble.members.to(at::kDouble).slice(0, 0, 150).mean(0));
  }
  EXPECT_LT(Runs(whole).largest_deviation(exact.smoothed.mean), 4.5);
  EXPECT_LT(Runs(first_half).largest_deviation(exact.smoothed.mean), 4.5);
}

// Paths coalesce: the longer the trajectory, the fewer distinct first states its members have. It is reported.
TEST(ParticleFilter, ReportsThatPathsDegenerate) {
  const LinearGaussianChain dynamics = sda::rotation_chain();
  const auto starts = [&](std::int64_t length) {
    return sda::particle_filter(dynamics, sda::test::observe_chain(dynamics, length, 1, {0.1}),
                                {.particles = 1000, .members = 500, .spin_up = 0}, 1)
        .distinct_starts;
  };
  const std::int64_t few = starts(60), some = starts(12), many = starts(2);
  EXPECT_GE(few, 1);
  EXPECT_LT(few, some);
  EXPECT_LT(some, many);
  EXPECT_LE(many, 500);
}

}  // namespace
