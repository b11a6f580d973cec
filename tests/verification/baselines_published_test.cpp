// Classical methods on the twin experiments of others, beside the errors that DAPPER publishes of the same methods and
// settings (its `rmse.a`, in the comments of dapper/mods/Lorenz63/sakov2012.py and Lorenz96/sakov2008.py): a short form
// of docs/results/benchmark.md.
#include <cmath>

#include "core/torch.hpp"
#include "linear_chain.hpp"
#include "sda/baselines/baseline.hpp"
#include "sda/dynamics/simulation.hpp"
#include "sda/dynamics/systems.hpp"

namespace {

using sda::BaselineParameters;
using sda::Tensor;
using sda::test::Runs;

constexpr std::int64_t burn_in = 100;  // states

struct Twin {
  sda::DynamicsParameters dynamics;
  double sigma;
  std::int64_t length, trajectories;
};
const Twin lorenz63{{.dt = 0.25, .substeps = 25, .noise = 0}, std::sqrt(2.0), 2000, 6};
const Twin lorenz96{{.system = "lorenz96", .dt = 0.05, .lorenz96 = {.sites = 40, .forcing = 8}}, 1, 1000, 4};

/// The mean over states of the root mean square over components of the filtered mean's error, of each trajectory.
std::vector<Tensor> errors(const Twin& twin, const BaselineParameters& parameters) {
  const auto dynamics = sda::make_dynamics(twin.dynamics);
  std::vector<Tensor> found;
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(twin.trajectories); ++seed) {
    const Tensor truth = sda::simulate(*dynamics, {.length = twin.length, .spin_up = 1000, .seed = seed})[0];
    const auto y = sda::observe(truth, dynamics->layout(), dynamics->normalisation(), {{"physical", {}}},
                                sda::GaussianNoise({twin.sigma}), "all", seed, 0);
    const Tensor x = sda::run_baseline(*dynamics, y, parameters, seed).filtered.members;
    const Tensor error = x.mean(0).to(at::kDouble) - truth.to(at::kDouble);
    found.push_back(error.square().mean(1).sqrt().slice(0, burn_in).mean());
  }
  return found;
}

/// Within 5 % of what is published to two digits, and three standard errors of our own.
void expect_published(const Twin& twin, const BaselineParameters& parameters, double published) {
  const Runs found(errors(twin, parameters));
  const double mean = found.mean.item<double>(), standard_error = found.standard_error.item<double>();
  EXPECT_NEAR(mean, published, 0.05 * published + 0.005 + 3 * standard_error) << parameters.method;
  EXPECT_LT(standard_error, 0.06 * published) << parameters.method;  // or the line above says little
}

TEST(PublishedErrors, OfLorenz1963) {
  expect_published(lorenz63, {.method = "oi"}, 1.25);
  expect_published(lorenz63, {.method = "3dvar", .background = 0.1}, 1.04);
  expect_published(lorenz63, {.method = "enkf", .members = 100, .inflation = 1.01}, 0.56);
  expect_published(lorenz63, {.method = "etkf", .members = 10, .inflation = 1.02, .rotation = true}, 0.60);
  expect_published(lorenz63, {.method = "enkf_n", .members = 10, .rotation = true}, 0.54);
  expect_published(lorenz63, {.method = "ienks", .members = 10, .inflation = 1.02, .rotation = true}, 0.31);
}

TEST(PublishedErrors, OfLorenz1996) {
  const auto expect = [](BaselineParameters parameters, double published) {
    parameters.first = sda::FirstEnsemble::truth;
    expect_published(lorenz96, parameters, published);
  };
  expect({.method = "oi"}, 0.95);
  expect({.method = "3dvar", .background = 0.02}, 0.41);
  expect({.method = "enkf", .members = 40, .inflation = 1.06}, 0.22);
  expect({.method = "etkf", .members = 24, .inflation = 1.013, .rotation = true}, 0.18);
  expect({.method = "enkf_n", .members = 24, .rotation = true}, 0.21);
  expect({.method = "letkf", .members = 7, .inflation = 1.04, .rotation = true, .radius = 4}, 0.22);
}

// What smoothers know of a state when all observations are in is more than the filter knew.
TEST(PublishedErrors, SmoothersAreBelowTheirFilters) {
  const auto dynamics = sda::make_dynamics(lorenz96.dynamics);
  const Tensor truth = sda::simulate(*dynamics, {.length = 300, .spin_up = 1000, .seed = 1})[0];
  const auto y = sda::observe(truth, dynamics->layout(), dynamics->normalisation(), {{"physical", {}}},
                              sda::GaussianNoise({1}), "all", 1, 0);
  const auto error = [&](const sda::Ensemble& ensemble) {
    return (ensemble.members.mean(0) - truth).square().mean(1).sqrt().slice(0, burn_in, 280).mean().item<double>();
  };
  for (const std::string method : {"enks", "enrts", "ienks"}) {
    const auto run = sda::run_baseline(*dynamics, y,
                                       {.method = method,
                                        .members = 40,
                                        .first = sda::FirstEnsemble::truth,
                                        .inflation = 1.013,
                                        .rotation = true,
                                        .lag = 20},
                                       1);
    EXPECT_LT(error(run.smoothed), 0.6 * error(run.filtered)) << method;
  }
}

}  // namespace
