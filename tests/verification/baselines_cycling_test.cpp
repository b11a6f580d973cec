// Classical methods against the Kalman filter and smoother of linear-Gaussian chains, to which all of them must
// converge with the ensemble's size, and against each other where they are the same by another formula.
#include <cmath>

#include "core/torch.hpp"
#include "linear_chain.hpp"
#include "sda/baselines/baseline.hpp"
#include "sda/baselines/kalman.hpp"
#include "sda/dynamics/simulation.hpp"
#include "sda/dynamics/systems.hpp"

namespace {

using sda::BaselineParameters;
using sda::BaselineResult;
using sda::Tensor;
using sda::test::Runs;

/// Mean and variance over the members at each state, of 24 ensembles of 1000.
struct Moments {
  std::vector<Tensor> means, variances;

  void add(const sda::Ensemble& ensemble) {
    const Tensor x = ensemble.members.to(at::kDouble);
    means.push_back(x.mean(0));
    variances.push_back(x.var(0));
  }
  /// The deviations are Student's t of 23 degrees: beyond 5 with probability 5e-5 each, 54 of them. A bias of an
  /// ensemble is of the order of 1/1000, a sixth of the sampling error.
  void expect(const sda::GaussianPosterior& exact, const Tensor& prior_deviation, const std::string& what) const {
    EXPECT_LT(Runs(means).largest_deviation(exact.mean), 5) << what << ": mean";
    EXPECT_LT(Runs(variances).largest_deviation(exact.covariance.diagonal(0, 1, 2)), 5) << what << ": variance";
    // And the sampling error is as small as it should be, or the lines above say little: of a mean, its variance is
    // that of 24 000 draws of the prior, and each of five analyses adds at most as much times dᵀ S⁻¹ d, which is 2 on
    // average of two observations, by the sampling error of its gain.
    EXPECT_LT((Runs(means).standard_error / prior_deviation).max().item<double>(), std::sqrt(11 / 24000.0)) << what;
  }
};

void expect_kalman(const sda::LinearGaussianChain& chain, BaselineParameters parameters, const std::string& what) {
  const sda::Observations y = sda::test::observe_chain(chain, 9, 2, {0.4, 0.5});
  const sda::KalmanResult exact = sda::kalman_smoother(chain, y);
  parameters.members = 1000;
  parameters.spin_up = 0;
  Moments filtered, smoothed;
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    const BaselineResult run = sda::run_baseline(chain, y, parameters, seed);
    filtered.add(run.filtered);
    if (run.smoothed.members.defined()) smoothed.add(run.smoothed);
  }
  const Tensor prior_deviation = chain.joint(9).second.diagonal().sqrt().reshape({9, 3});
  filtered.expect(exact.filtered, prior_deviation, what + ", filter");
  if (!smoothed.means.empty()) smoothed.expect(exact.smoothed, prior_deviation, what + ", smoother");
}

struct Case {
  std::string name;
  BaselineParameters parameters;
  friend void PrintTo(const Case& it, std::ostream* out) { *out << it.name; }
};

class ConvergesToKalman : public testing::TestWithParam<Case> {};

TEST_P(ConvergesToKalman, WithTheEnsemblesSize) {
  const auto& [name, parameters] = GetParam();
  // Iterative and variational methods take the dynamics for deterministic.
  const bool perfect = sda::baseline_method(parameters.method).perfect_model;
  expect_kalman(sda::test::linear_chain(perfect ? 0 : 1), parameters, name);
}

INSTANTIATE_TEST_SUITE_P(
    Methods, ConvergesToKalman,
    testing::Values(Case{"enkf", BaselineParameters{.method = "enkf"}},
                    Case{"etkf", BaselineParameters{.method = "etkf"}},
                    Case{"enkf_n", BaselineParameters{.method = "enkf_n"}},
                    Case{"enks", BaselineParameters{.method = "enks"}},
                    Case{"enks_enkf", BaselineParameters{.method = "enks", .update = sda::EnsembleUpdate::enkf}},
                    Case{"enrts", BaselineParameters{.method = "enrts"}},
                    Case{"enrts_enkf", BaselineParameters{.method = "enrts", .update = sda::EnsembleUpdate::enkf}},
                    Case{"ienks", BaselineParameters{.method = "ienks", .lag = 9}},
                    Case{"ienks_bundle", BaselineParameters{.method = "ienks", .lag = 9, .bundle = true}}),
    [](const auto& method) { return method.param.name; });

// A rotation changes members and no moment.
TEST(ConvergesToKalman, WithARotation) {
  const auto chain = sda::test::linear_chain();
  const sda::Observations y = sda::test::observe_chain(chain, 2, 1, {0.4, 0.5});
  BaselineParameters p{.members = 50, .spin_up = 0};
  const Tensor plain = sda::run_baseline(chain, y, p, 1).filtered.members.select(1, 0).to(at::kDouble);
  p.rotation = true;
  const Tensor rotated = sda::run_baseline(chain, y, p, 1).filtered.members.select(1, 0).to(at::kDouble);
  EXPECT_GT((plain - rotated).abs().max().item<double>(), 0.1);
  EXPECT_TRUE(at::allclose(plain.mean(0), rotated.mean(0), 1e-5, 1e-5));
  EXPECT_TRUE(at::allclose(plain.t().cov(), rotated.t().cov(), 1e-5, 1e-5));
}

// The background's covariance is exact at the first analysis alone; there, variational methods are the Kalman filter's
// and smoother's means, but for the climatology's sampling error.
TEST(Variational, AgreesWithKalmanAtTheFirstAnalysis) {
  const auto chain = sda::test::linear_chain(0);
  const auto expect = [&](const std::string& method, std::int64_t every, std::int64_t observed) {
    // Observed once, at state 0 or 3.
    sda::Observations y = sda::test::observe_chain(chain, 4, 1, {0.4, 0.5});
    y = sda::observe(chain.trajectories(chain.start(1, {.seed = 3}, at::kDouble), 4, {.seed = 3})[0], chain.layout(),
                     y.normalisation, {{"offset", {static_cast<double>(observed)}}, {"every", {4}}, {"select", {0, 2}}},
                     sda::GaussianNoise({0.4, 0.5}), "once", 5, 0);
    const sda::KalmanResult exact = sda::kalman_smoother(chain, y);
    std::vector<Tensor> found;
    for (std::uint64_t seed = 0; seed < 24; ++seed) {
      const BaselineResult run =
          sda::run_baseline(chain, y, {.method = method, .spin_up = 0, .lag = every, .climatology = 4000}, seed);
      found.push_back(run.best().members[0].to(at::kDouble));
    }
    EXPECT_LT(Runs(found).largest_deviation(exact.smoothed.mean), 5) << method;
    const Tensor deviation = exact.smoothed.covariance.diagonal(0, 1, 2).sqrt();
    EXPECT_LT((Runs(found).standard_error / deviation).max().item<double>(), 0.02) << method;
  };
  expect("oi", -1, 0);
  expect("3dvar", -1, 0);
  expect("4dvar", 1, 3);
}

sda::Observations ring_observations(const sda::Dynamics& ring, std::int64_t length) {
  const Tensor truth = sda::simulate(ring, {.length = length, .spin_up = 200, .seed = 4})[0];
  return sda::observe(truth, ring.layout(), ring.normalisation(), {{"physical", {}}, {"grid_every", {2}}},
                      sda::GaussianNoise({1.0}), "ring", 5, 0);
}

// Everything is near where the radius is great: the local filter is the global one, member for member.
TEST(Letkf, IsTheEtkfWhereNothingIsFar) {
  const auto ring = sda::make_dynamics({.system = "lorenz96", .dt = 0.05, .lorenz96 = {.sites = 12}});
  const sda::Observations y = ring_observations(*ring, 5);
  BaselineParameters p{.method = "letkf", .members = 8, .spin_up = 100, .radius = 1e6};
  const Tensor local = sda::run_baseline(*ring, y, p, 1).filtered.members;
  p.method = "etkf";
  EXPECT_TRUE(at::allclose(local, sda::run_baseline(*ring, y, p, 1).filtered.members, 1e-4, 1e-4));
}

// The smoothers are one where the ensemble is: EnRTS, EnKS and, with windows over all, the iEnKS of one iteration on a
// linear chain (Raanes 2016).
TEST(Smoothers, AreOneOnALinearChain) {
  const auto chain = sda::test::linear_chain(0);
  const sda::Observations y = sda::test::observe_chain(chain, 9, 2, {0.4, 0.5});
  const auto smoothed = [&](const BaselineParameters& p) { return sda::run_baseline(chain, y, p, 1).smoothed.members; };
  const Tensor enks = smoothed({.method = "enks", .members = 12, .spin_up = 0});
  EXPECT_TRUE(at::allclose(smoothed({.method = "enrts", .members = 12, .spin_up = 0}), enks, 1e-4, 1e-4));
  for (const bool bundle : {false, true}) {
    const Tensor ienks = smoothed({.method = "ienks", .members = 12, .spin_up = 0, .lag = 9, .bundle = bundle});
    EXPECT_TRUE(at::allclose(ienks, enks, 1e-4, 1e-4)) << bundle;
  }
}

}  // namespace
