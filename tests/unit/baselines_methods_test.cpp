// The classical methods' parts, by hand and by what must not matter, and what they refuse.
#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "baselines/cycling/taper.hpp"
#include "core/torch.hpp"
#include "linear_chain.hpp"
#include "sda/baselines/baseline.hpp"
#include "sda/baselines/tuning.hpp"
#include "sda/core/error.hpp"
#include "sda/dynamics/simulation.hpp"
#include "sda/dynamics/systems.hpp"

namespace {

using sda::BaselineParameters;
using sda::run_baseline;
using sda::Tensor;

std::unique_ptr<sda::Dynamics> ring(std::int64_t sites = 16) {
  return sda::make_dynamics({.system = "lorenz96", .dt = 0.05, .lorenz96 = {.sites = sites, .forcing = 8}});
}

/// `length` states, of which every `every`-th is observed by links after `physical`.
sda::Observations observe(const sda::Dynamics& dynamics, std::int64_t length, double every,
                          std::vector<sda::OperatorLink> links, double sigma = 1) {
  const Tensor truth = sda::simulate(dynamics, {.length = length, .spin_up = 200, .seed = 4})[0];
  links.insert(links.begin(), {{"every", {every}}, {"physical", {}}});
  return sda::observe(truth, dynamics.layout(), dynamics.normalisation(), links, sda::GaussianNoise({sigma}), "y", 5,
                      0);
}

TEST(BaselineMethods, AreRowsOfARegistry) {
  std::set<std::string> seen;
  for (const auto& method : sda::baseline_methods()) {
    EXPECT_TRUE(seen.insert(method.name).second) << method.name;
    EXPECT_FALSE(method.help.empty()) << method.name;
    EXPECT_EQ(sda::baseline_method(method.name).help, method.help);
  }
  EXPECT_THAT([] { sda::baseline_method("etfk"); },
              testing::ThrowsMessage<sda::UsageError>(testing::HasSubstr("did you mean etkf?")));
}

TEST(GaspariCohn, IsAsPublished) {
  EXPECT_DOUBLE_EQ(sda::gaspari_cohn(0), 1);
  EXPECT_NEAR(sda::gaspari_cohn(1), 5.0 / 24, 1e-15);  // both branches meet there
  EXPECT_NEAR(sda::gaspari_cohn(1 + 1e-9), 5.0 / 24, 1e-8);
  EXPECT_NEAR(sda::gaspari_cohn(0.5), 1 - 5.0 / 12 + 5.0 / 64 + 1.0 / 32 - 1.0 / 128, 1e-15);
  EXPECT_NEAR(sda::gaspari_cohn(2 - 1e-6), 0, 1e-15);
  EXPECT_EQ(sda::gaspari_cohn(2.5), 0);
  EXPECT_EQ(sda::gaspari_cohn(-0.5), sda::gaspari_cohn(0.5));
}

// Site 0 alone is observed: what lies beyond 2c is untouched, on both sides round the ring, and what lies within is
// not.
TEST(Letkf, ReachesAsFarAsItsTaperRoundTheRing) {
  const auto dynamics = ring(32);
  const auto y = observe(*dynamics, 1, 1, {{"select", {0}}});
  BaselineParameters p{.method = "letkf", .members = 6, .spin_up = 100, .radius = 1.5};
  const Tensor analysed = run_baseline(*dynamics, y, p, 1).filtered.members[0][0];
  auto far = y;
  far.parts[0].noise = sda::GaussianNoise({1e9});
  const Tensor free = run_baseline(*dynamics, far, p, 1).filtered.members[0][0];
  const Tensor changed = (analysed - free).abs() > 1e-5;
  const double reach = 2 * std::sqrt(10.0 / 3) * p.radius;  // 5.48 sites; weights there are below the faintest
  for (std::int64_t site = 0; site < 32; ++site) {
    const auto distance = static_cast<double>(std::min(site, 32 - site));
    if (distance < 4 || distance > reach) {
      EXPECT_EQ(changed[site].item<bool>(), distance < 4) << site;
    }
  }
}

TEST(BaselineMethods, ResultsDoNotDependOnThreads) {
  const auto dynamics = ring();
  const auto y = observe(*dynamics, 5, 2, {});
  const int before = at::get_num_threads();
  for (const auto& method : sda::baseline_methods()) {
    const BaselineParameters p{
        .method = method.name, .members = 9, .spin_up = 50, .inflation = 1.05, .rotation = true, .climatology = 100};
    at::set_num_threads(1);
    const auto one = run_baseline(*dynamics, y, p, 3);
    at::set_num_threads(3);
    const auto three = run_baseline(*dynamics, y, p, 3);
    EXPECT_TRUE(at::equal(one.best().members, three.best().members)) << method.name;
    EXPECT_TRUE(at::equal(one.filtered.members, three.filtered.members)) << method.name;
    EXPECT_EQ(one.analyses, 3) << method.name;
    EXPECT_FALSE(at::equal(one.best().members, run_baseline(*dynamics, y, p, 4).best().members)) << method.name;
  }
  at::set_num_threads(before);
}

// Between two analyses members follow the dynamics, in filters and in smoothers that go on from a window's start.
TEST(BaselineMethods, MembersFollowTheDynamicsBetweenAnalyses) {
  const auto dynamics = ring();
  const auto y = observe(*dynamics, 8, 3, {});
  for (const std::string method : {"enkf", "etkf", "enkf_n", "letkf", "ienks", "oi", "3dvar", "4dvar"}) {
    const auto run = run_baseline(*dynamics, y, {.method = method, .members = 9, .spin_up = 50, .climatology = 100}, 3);
    Tensor x = run.filtered.members.select(1, 3).to(at::kDouble).contiguous();  // observed
    for (std::int64_t i = 4; i < 6; ++i) {
      dynamics->advance(x, 1, {});
      EXPECT_TRUE(at::allclose(x, run.filtered.members.select(1, i).to(at::kDouble), 1e-4, 1e-4)) << method << i;
    }
  }
}

TEST(Smoothers, WithoutLagAreTheirFilters) {
  const auto dynamics = ring();
  const auto y = observe(*dynamics, 7, 2, {});
  BaselineParameters p{.method = "etkf", .members = 9, .spin_up = 50, .inflation = 1.1};
  const Tensor etkf = run_baseline(*dynamics, y, p, 3).filtered.members;
  p.lag = 0;
  for (const std::string method : {"enks", "ienks"}) {
    p.method = method;
    const auto run = run_baseline(*dynamics, y, p, 3);
    EXPECT_TRUE(at::allclose(run.smoothed.members, etkf, 1e-3, 1e-3)) << method;
    EXPECT_TRUE(at::allclose(run.filtered.members, etkf, 1e-3, 1e-3)) << method;
  }
}

// A window that no observation reaches back over is as the filter left it; one that is, is not.
TEST(Smoothers, ReachBackByTheirLag) {
  const auto dynamics = ring();
  const auto y = observe(*dynamics, 9, 2, {});
  const auto run = run_baseline(*dynamics, y, {.method = "enks", .members = 9, .spin_up = 50, .lag = 1}, 3);
  auto cut = y;
  cut.parts[0].values = y.parts[0].values.clone();
  cut.parts[0].values[4].add_(1);  // of state 8: it reaches state 6 and no earlier one
  const auto other = run_baseline(*dynamics, cut, {.method = "enks", .members = 9, .spin_up = 50, .lag = 1}, 3);
  const Tensor same = (run.smoothed.members == other.smoothed.members).flatten(2).all(2).all(0);
  for (std::int64_t i = 0; i < 9; ++i) EXPECT_EQ(same[i].item<bool>(), i < 6) << i;
}

// Of observations that say nothing no inflation follows; of some that no member explains, much.
TEST(EnkfN, InflatesAsTheObservationsAsk) {
  const auto dynamics = ring();
  const auto inflation = [&](const sda::Observations& y) {
    return run_baseline(*dynamics, y, {.method = "enkf_n", .members = 9, .spin_up = 100}, 3).mean_inflation;
  };
  EXPECT_NEAR(inflation(observe(*dynamics, 1, 1, {}, 1e6)), 1, 1e-6);
  auto y = observe(*dynamics, 1, 1, {{"select", {0}}});
  y.parts[0].values.fill_(60);
  EXPECT_GT(inflation(y), 3);
}

// The score by hand: one observation of one state, N(mean of the members, their variance + σ²).
TEST(BaselineMethods, ScoreTheirForecasts) {
  const auto dynamics = ring();
  const auto y = observe(*dynamics, 1, 1, {{"select", {3}}}, 0.5);
  auto blind = y;
  blind.parts[0].noise = sda::GaussianNoise({1e9});
  const BaselineParameters p{.method = "etkf", .members = 9, .spin_up = 100};
  const Tensor x = run_baseline(*dynamics, blind, p, 3).filtered.members.to(at::kDouble).select(2, 3).flatten();
  const double variance = x.var().item<double>() + 0.25;
  const double d = y.parts[0].values.item<double>() - x.mean().item<double>();
  const auto found = run_baseline(*dynamics, y, p, 3).forecast;
  EXPECT_NEAR(found.departure, std::abs(d) / std::sqrt(variance), 1e-4);
  // In σ's unit: of y / 0.5.
  EXPECT_NEAR(found.log_score, -0.5 * (d * d / variance + std::log(variance / 0.25) + std::log(2 * M_PI)), 1e-4);
}

TEST(Tuning, FindsWhatForecastsBest) {
  const auto dynamics = ring();
  const auto y = observe(*dynamics, 120, 1, {{"grid_every", {2}}});
  BaselineParameters p{.method = "letkf", .members = 6, .spin_up = 100, .rotation = true};
  std::int64_t told = 0;
  const auto trials =
      sda::tune_baseline(*dynamics, y, p, 3, [&](std::int64_t done, std::int64_t, const std::string&) { told = done; });
  ASSERT_EQ(trials.size(), 50U);  // ten inflations, five radii
  EXPECT_EQ(told, 50);
  for (std::size_t i = 1; i < trials.size(); ++i) {
    EXPECT_TRUE(trials[i].diverged || trials[i - 1].forecast.log_score >= trials[i].forecast.log_score);
  }
  // Its best is what that setting gives.
  EXPECT_EQ(run_baseline(*dynamics, y, trials.front().parameters, 3).forecast.log_score,
            trials.front().forecast.log_score);
  EXPECT_THAT(trials.front().settings, testing::HasSubstr("inflation"));
  EXPECT_THROW(sda::tune_baseline(*dynamics, y, {.method = "oi"}, 3), sda::UsageError);
}

TEST(BaselineMethods, RefuseWhatTheyCannotDo) {
  const auto dynamics = ring();
  const auto y = observe(*dynamics, 3, 1, {});
  const auto lorenz = sda::make_dynamics({.noise = 0}), noisy = sda::make_dynamics({});
  const auto run = [&](const sda::Dynamics& d, const sda::Observations& o, BaselineParameters p) {
    p.spin_up = 5, p.climatology = 10;
    return run_baseline(d, o, p, 0);
  };
  EXPECT_THROW(run(*lorenz, y, {}), sda::ShapeError);
  EXPECT_THROW(run(*dynamics, y, {.method = "nudging"}), sda::UsageError);
  EXPECT_THROW(run(*dynamics, y, {.members = 1}), sda::UsageError);
  EXPECT_THROW(run(*dynamics, y, {.inflation = 0}), sda::UsageError);
  auto heavy = y;
  heavy.parts[0].noise = sda::Noise({1.0}, {.kind = "student_t"});
  EXPECT_THROW(run(*dynamics, heavy, {}), sda::UnsupportedError);
  const auto of_noisy = observe(*noisy, 3, 1, {});
  for (const std::string method : {"ienks", "4dvar"}) {
    EXPECT_THROW(run(*noisy, of_noisy, {.method = method}), sda::UnsupportedError) << method;
  }
  // Variables alone have no places.
  EXPECT_THROW(run(*noisy, of_noisy, {.method = "letkf"}), sda::UnsupportedError);
  // A step so long that members run away.
  const auto wild = sda::make_dynamics({.system = "lorenz96", .dt = 100, .lorenz96 = {.sites = 16}});
  EXPECT_THROW(run_baseline(*wild, y, {.spin_up = 0}, 0), sda::NumericalError);
}

}  // namespace
