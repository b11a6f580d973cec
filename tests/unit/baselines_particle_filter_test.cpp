// The particle filter's parts by hand, and what it refuses.
#include "sda/baselines/particle_filter.hpp"

#include <cmath>
#include <csignal>

#include "core/torch.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/stopped_filter.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "sda/dynamics/systems.hpp"

namespace {

using sda::systematic_resampling;
using Indices = std::vector<std::int64_t>;

std::vector<double> logs(std::vector<double> weights) {
  for (double& w : weights) w = std::log(w);
  return weights;
}

TEST(SystematicResampling, ByHand) {
  // Reaches 0.1, 0.5, 0.6, 1; places (k + u) / 4.
  const auto weights = logs({0.1, 0.4, 0.1, 0.4});
  EXPECT_EQ(systematic_resampling(weights, 4, 0.2), (Indices{0, 1, 2, 3}));  // 0.05, 0.30, 0.55, 0.80
  EXPECT_EQ(systematic_resampling(weights, 4, 0.5), (Indices{1, 1, 3, 3}));  // 0.125, 0.375, 0.625, 0.875
  EXPECT_EQ(systematic_resampling(weights, 2, 0.99), (Indices{1, 3}));       // 0.495, 0.995
  EXPECT_EQ(systematic_resampling(weights, 3, 0.4), (Indices{1, 1, 3}));     // 0.133, 0.467, 0.8
}

TEST(SystematicResampling, NeitherScaleNorDeadParticlesMatter) {
  for (const double shift : {-5000.0, 0.0, 5000.0}) {
    auto weights = logs({0.0, 0.25, 0.0, 0.75, 0.0});
    for (double& w : weights) w += shift;
    EXPECT_EQ(systematic_resampling(weights, 4, 0.5), (Indices{1, 3, 3, 3})) << shift;
    EXPECT_EQ(systematic_resampling(weights, 4, 1 - 1e-9), (Indices{1, 3, 3, 3})) << shift;
    // Places that are rounded to the very end still do not wake the dead.
    EXPECT_EQ(systematic_resampling(weights, 4, 1 - 1e-16).back(), 3) << shift;
  }
}

// Each particle has ⌊n w⌋ or ⌈n w⌉ offspring, n w on average.
TEST(SystematicResampling, IsUnbiased) {
  const std::vector<double> w{0.03, 0.47, 0.0, 0.2, 0.3};
  std::vector<double> mean(5);
  const int trials = 1000;
  for (int t = 0; t < trials; ++t) {
    std::vector<int> offspring(5);
    for (const std::int64_t a : systematic_resampling(logs(w), 7, (t + 0.5) / trials))
      ++offspring[static_cast<std::size_t>(a)];
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_LE(std::abs(offspring[i] - 7 * w[i]), 1);
      mean[i] += offspring[i] / static_cast<double>(trials);
    }
  }
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(mean[i], 7 * w[i], 2.0 / trials);
}

TEST(SystematicResampling, RefusesWeightsThatAreNone) {
  EXPECT_THROW(systematic_resampling({}, 3, 0.5), sda::ValueError);
  EXPECT_THROW(systematic_resampling({0.0, NAN}, 3, 0.5), sda::ValueError);
  EXPECT_THROW(systematic_resampling({-INFINITY, -INFINITY}, 3, 0.5), sda::ValueError);
  EXPECT_THROW(systematic_resampling({0.0}, 3, 1.0), sda::ValueError);
}

sda::Observations some_observations(const sda::Dynamics& dynamics, std::int64_t length = 9) {
  const sda::Tensor truth = dynamics.trajectories(dynamics.start(1, {.seed = 1}, at::kFloat), length, {.seed = 1})[0];
  return sda::observe(truth, dynamics.layout(), dynamics.normalisation(), {{"every", {4}}, {"select", {0}}},
                      sda::GaussianNoise({0.2}), "lo", 1, 0);
}

TEST(ParticleFilter, EnsembleIsWhatWasAskedForWhateverTheThreads) {
  const auto lorenz = sda::make_dynamics({});
  const sda::Observations y = some_observations(*lorenz);
  const sda::ParticleFilterParameters p{.particles = 700, .members = 30, .spin_up = 5};
  std::int64_t told = 0;
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const sda::FilterResult one = sda::particle_filter(*lorenz, y, p, 3);
  at::set_num_threads(3);
  const sda::FilterResult three = sda::particle_filter(
      *lorenz, y, p, 3, [&](std::int64_t done, std::int64_t total, const std::string&) { told = 100 * done / total; });
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(one.ensemble.members, three.ensemble.members));
  EXPECT_EQ(one.log_evidence, three.log_evidence);
  EXPECT_EQ(told, 100);
  EXPECT_EQ(one.ensemble.members.sizes(), (sda::Shape{30, 9, 3}));
  EXPECT_EQ(one.ensemble.method, "bootstrap particle filter");
  EXPECT_EQ(one.ensemble.layout.variables.size(), 3U);
  EXPECT_GE(one.distinct_starts, 1);
  EXPECT_LE(one.distinct_starts, 30);
  EXPECT_GT(one.smallest_effective_size, 1);
  EXPECT_LT(one.smallest_effective_size, 700);
}

// Members are trajectories: the noise between two of a member's states has the transition's density, and the
// transitions of the filter are found again in the kept paths (a wrong ancestor would give a jump).
TEST(ParticleFilter, TracedPathsAreTrajectories) {
  const auto lorenz = sda::make_dynamics({.noise = 1e-3});
  const sda::FilterResult result =
      sda::particle_filter(*lorenz, some_observations(*lorenz, 33), {.particles = 512, .members = 64, .spin_up = 0}, 3);
  const sda::Tensor x = result.ensemble.members.to(at::kDouble);
  const sda::Tensor log_p = lorenz->log_transition(x.slice(1, 0, -1), x.slice(1, 1));
  // −3 log(1e-3 √2π) − ½ χ²; a jump of 0.01 in any component would take off 50.
  EXPECT_GT(log_p.min().item<double>(), -3 * std::log(1e-3 * std::sqrt(2 * M_PI)) - 25);
}

class StoppedFilterTest : public testing::TestWithParam<std::int64_t> {};

/// Stopped after a state, through the file and back, the bits are the same.
TEST_P(StoppedFilterTest, GoesOnBitForBit) {
  const auto lorenz = sda::make_dynamics({});
  const sda::Observations y = some_observations(*lorenz);
  const sda::ParticleFilterParameters p{.particles = 100, .members = 30, .spin_up = 5};
  const sda::FilterResult whole = sda::particle_filter(*lorenz, y, p, 3);
  const sda::test::ScratchFolder folder;
  const std::string file = folder.file("f.checkpoint.nc");
  const sda::FilterSaving saving{.save = [&](const sda::FilterState& state) {
    sda::write_stopped_filter(file, {state, "a = 1\n", {}});
  }};
  const auto signal = [](std::int64_t done, std::int64_t, const std::string&) {
    if (done == GetParam()) sda::StopToken::request(SIGTERM);
  };
  EXPECT_THROW(sda::particle_filter(*lorenz, y, p, 3, signal, saving), sda::Interrupted);
  sda::StopToken::request(0);
  const sda::StoppedFilter read = sda::read_stopped_filter(file);
  EXPECT_EQ(read.state.states_done, GetParam());
  EXPECT_EQ(read.recipe, "a = 1\n");
  EXPECT_NE(sda::describe_file(file).find("100 after " + std::to_string(GetParam()) + " states"), std::string::npos);
  const sda::FilterResult rest = sda::particle_filter(*lorenz, y, p, 3, {}, {.save = {}, .from = read.state});
  EXPECT_TRUE(at::equal(rest.ensemble.members, whole.ensemble.members));
  EXPECT_EQ(rest.log_evidence, whole.log_evidence);
  EXPECT_EQ(rest.smallest_effective_size, whole.smallest_effective_size);
  EXPECT_EQ(rest.distinct_starts, whole.distinct_starts);
}
// Of 9 states, 0, 4 and 8 are observed.
INSTANTIATE_TEST_SUITE_P(After, StoppedFilterTest, testing::Values(1, 4, 5, 9));

TEST(ParticleFilter, RefusesTheStateOfAnotherFilter) {
  const auto lorenz = sda::make_dynamics({});
  const sda::Observations y = some_observations(*lorenz);
  sda::FilterState left;
  const sda::FilterSaving saving{.save = [&](const sda::FilterState& state) { left = state; }};
  sda::ParticleFilterParameters p{.particles = 100, .members = 30, .spin_up = 5, .save_minutes = 1e-9};
  sda::particle_filter(*lorenz, y, p, 3, {}, saving);
  p.particles = 90;
  EXPECT_THROW(sda::particle_filter(*lorenz, y, p, 3, {}, {.save = {}, .from = left}), sda::ShapeError);
}

TEST(ParticleFilter, RefusesWhatItCannotDo) {
  const auto lorenz = sda::make_dynamics({}), still = sda::make_dynamics({.noise = 0});
  const sda::Observations y = some_observations(*lorenz);
  EXPECT_THROW(sda::particle_filter(*still, y, {.particles = 10, .members = 5}, 0), sda::UnsupportedError);
  EXPECT_THROW(sda::particle_filter(*lorenz, y, {.particles = 10, .members = 11}, 0), sda::UsageError);
  EXPECT_THROW(sda::particle_filter(*lorenz, y, {.particles = 0, .members = 0}, 0), sda::UsageError);
  EXPECT_THROW(sda::particle_filter(sda::rotation_chain(), y, {.particles = 10, .members = 5}, 0), sda::ShapeError);
  sda::Observations lost = y;
  lost.parts[0].values = y.parts[0].values.clone();
  lost.parts[0].values[0] = NAN;
  EXPECT_THROW(sda::particle_filter(*lorenz, lost, {.particles = 10, .members = 5}, 0), sda::ValueError);
  // Not finite: the particles, which then explain nothing.
  const auto wild = sda::make_dynamics({.dt = 1e6, .noise = 1});
  EXPECT_THROW(sda::particle_filter(*wild, y, {.particles = 10, .members = 5, .spin_up = 8}, 0), sda::NumericalError);
}

}  // namespace
