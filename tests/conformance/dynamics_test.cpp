/// What every simulator must do. The registry says which there are, and with which parameters.
#include "sda/dynamics/dynamics.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

#include "draws.hpp"
#include "sda/core/error.hpp"
#include "sda/dynamics/systems.hpp"
#include "tolerance.hpp"

namespace {

using sda::StreamKey;
using sda::Tensor;
using sda::conformance::difference;
using sda::conformance::draw;

using Case = sda::DynamicsSystem::Case;

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& system : sda::dynamics_systems()) all.insert(all.end(), system.cases.begin(), system.cases.end());
  return all;
}

/// Puts the thread count back.
class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

class System : public testing::TestWithParam<Case> {
 protected:
  static constexpr std::int64_t members = 37;
  static constexpr StreamKey start_key{.seed = 3, .purpose = sda::Purpose::initial_state};
  static constexpr StreamKey key{.seed = 3, .purpose = sda::Purpose::transition_noise, .first_member = 5, .step = 2};
  const std::unique_ptr<sda::Dynamics> dynamics = sda::make_dynamics(GetParam().parameters);

  Tensor start(std::int64_t n = members, at::ScalarType dtype = at::kDouble) const {
    return dynamics->start(n, start_key, dtype);
  }
  Tensor advanced(const Tensor& from, std::int64_t steps, const StreamKey& with) const {
    auto x = from.clone();
    dynamics->advance(x, steps, with);
    return x;
  }
};

StreamKey later(StreamKey key, std::int64_t members, std::int64_t steps = 0) {
  key.first_member += static_cast<std::uint64_t>(members);
  key.step += static_cast<std::uint64_t>(steps);
  return key;
}

}  // namespace

TEST_P(System, LayoutFitsItsStates) {
  const auto layout = dynamics->layout();
  EXPECT_NO_THROW(layout.check());
  EXPECT_GT(layout.dt, 0);
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const auto x = start(4, dtype);
    EXPECT_EQ(x.sizes(), sda::prepend({4}, dynamics->solver_event()));
    EXPECT_EQ(x.scalar_type(), dtype);
    EXPECT_TRUE(x.is_contiguous());
    const auto seen = dynamics->to_state(x);
    EXPECT_EQ(seen.sizes(), sda::prepend({4}, layout.event));
    EXPECT_EQ(seen.scalar_type(), dtype);
    const auto z = dynamics->normalisation().normalise(seen);
    EXPECT_EQ(z.sizes(), seen.sizes());
    EXPECT_TRUE(z.isfinite().all().item<bool>());
  }
}

TEST_P(System, SolverStatesAndStatesHaveTheSameLeadingAxes) {
  const auto x = start(6).unflatten(0, {2, 3});
  const auto seen = dynamics->to_state(x);
  EXPECT_EQ(seen.sizes(), sda::prepend({2, 3}, dynamics->layout().event));
  EXPECT_TRUE(seen.flatten(0, 1).equal(dynamics->to_state(x.flatten(0, 1))));
  const auto again = dynamics->to_solver(seen);
  EXPECT_EQ(again.sizes(), x.sizes());
  EXPECT_EQ(again.scalar_type(), x.scalar_type());
  EXPECT_GE(dynamics->solver_steps(), 1);
}

TEST_P(System, ContextIsFieldsOnTheGridOfItsStates) {
  const auto context = dynamics->context();
  if (!context.defined()) GTEST_SKIP() << "none";
  EXPECT_EQ(context.sizes(), sda::prepend({context.size(0)}, dynamics->layout().space()));
  EXPECT_EQ(context.scalar_type(), at::kFloat);
}

TEST_P(System, StartOfAMemberDoesNotDependOnTheOthers) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const auto all = dynamics->start(members, start_key, dtype);
    EXPECT_TRUE(dynamics->start(5, later(start_key, 11), dtype).equal(all.narrow(0, 11, 5)));
    EXPECT_FALSE(all[0].equal(all[1]));
  }
}

TEST_P(System, AdvanceDoesNotDependOnBatchOrThreads) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const auto x = start(members, dtype);
    const auto all = advanced(x, 6, key);
    for (const std::int64_t cut : {1, 8, 20}) {
      const auto first = advanced(x.narrow(0, 0, cut), 6, key);
      const auto rest = advanced(x.narrow(0, cut, members - cut), 6, later(key, cut));
      EXPECT_TRUE(at::cat({first, rest}).equal(all)) << "cut at " << cut;
    }
    for (const int count : {1, 2, 3}) {
      const Threads threads(count);
      EXPECT_TRUE(advanced(x, 6, key).equal(all)) << count << " threads";
    }
  }
}

TEST_P(System, StepsAddUp) {
  const auto x = start();
  const auto in_two = advanced(advanced(x, 2, key), 4, later(key, 0, 2));
  EXPECT_TRUE(in_two.equal(advanced(x, 6, key)));
  EXPECT_TRUE(advanced(x, 0, key).equal(x));
}

TEST_P(System, NoiseComesFromTheKeyAlone) {
  const auto x = start();
  auto other = key;
  other.seed += 1;
  EXPECT_EQ(advanced(x, 3, key).equal(advanced(x, 3, other)), !dynamics->is_stochastic());
}

TEST_P(System, TrajectoriesAreStartAndTransitions) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const auto x = start(members, dtype);
    const auto trajectories = dynamics->trajectories(x, 5, key);
    EXPECT_EQ(trajectories.sizes(), sda::prepend({members, 5}, dynamics->layout().event));
    EXPECT_EQ(trajectories.scalar_type(), dtype);
    for (std::int64_t i = 0; i < 5; ++i) {
      EXPECT_TRUE(trajectories.select(1, i).equal(dynamics->to_state(advanced(x, i, key)))) << i;
    }
  }
}

TEST_P(System, StaysFinite) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    EXPECT_TRUE(advanced(start(members, dtype), 500, key).isfinite().all().item<bool>());
  }
}

TEST_P(System, Float32IsNearFloat64) {
  const auto x = start(members, at::kFloat);
  const auto wide = x.to(at::kDouble);
  if (dynamics->is_stochastic()) {
    const auto to = advanced(x, 1, key);
    const auto single = dynamics->log_transition(x, to).to(at::kDouble);
    EXPECT_LT(difference(single, dynamics->log_transition(wide, to.to(at::kDouble))),
              sda::tolerance::log_density_float32);
  } else {
    EXPECT_LT(difference(advanced(x, 3, key).to(at::kDouble), advanced(wide, 3, key)), sda::tolerance::exact_float32);
  }
}

TEST_P(System, ADeterministicTransitionHasNoDensity) {
  if (dynamics->is_stochastic()) GTEST_SKIP() << "stochastic";
  EXPECT_THROW(dynamics->log_transition(start(), start()), sda::UnsupportedError);
}

TEST_P(System, LogTransitionTakesAnyLeadingAxes) {
  if (!dynamics->is_stochastic()) GTEST_SKIP() << "deterministic";
  const auto x = dynamics->trajectories(start(6), 4, key);
  const auto log_p = dynamics->log_transition(x.narrow(1, 0, 3), x.narrow(1, 1, 3));
  EXPECT_EQ(log_p.sizes(), at::IntArrayRef({6, 3}));
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_LT(difference(dynamics->log_transition(x.select(1, i), x.select(1, i + 1)), log_p.select(1, i)),
              sda::tolerance::exact_float64);
  }
}

/// log p is the density that transitions are drawn from, whatever its formula. Over the draws, its mean must be minus
/// their entropy, and p must integrate to one: by Gibbs' inequality no other density can do both.
TEST_P(System, LogTransitionIsTheDensityOfTheDraws) {
  if (!dynamics->is_stochastic()) GTEST_SKIP() << "deterministic";
  constexpr std::int64_t n = 20000;
  const auto from = advanced(start(1), 3, key).expand({n, -1}).contiguous();
  const auto d = static_cast<double>(from.size(1));
  const auto to = advanced(from, 1, key);
  const auto mean = to.mean(0);
  const auto covariance = (to - mean).mT().matmul(to - mean) / static_cast<double>(n);
  const auto root = at::linalg_cholesky(covariance);
  const double log_volume = root.diagonal().log().sum().item<double>() + d / 2 * std::log(2 * std::numbers::pi);

  // The noise is Gaussian: entropy log_volume + d/2, and log p has variance d/2.
  const double deviations = 5 * std::sqrt(d / 2 / static_cast<double>(n));
  EXPECT_NEAR(dynamics->log_transition(from, to).mean().item<double>(), -log_volume - d / 2, deviations);

  // ∫ p = E_q[p / q], q a Gaussian 1.1 times as wide as the draws, so that p / q is bounded.
  const double wider = 1.1;
  const auto z = draw({n, from.size(1)}, 1);
  const auto log_q = -z.square().sum(1) / 2 - log_volume - d * std::log(wider);
  const auto ratio = (dynamics->log_transition(from, mean + wider * z.matmul(root.mT())) - log_q).exp();
  EXPECT_NEAR(ratio.mean().item<double>(), 1, 5 * ratio.std().item<double>() / std::sqrt(static_cast<double>(n)));
}

INSTANTIATE_TEST_SUITE_P(, System, testing::ValuesIn(cases()), [](const auto& c) { return c.param.name; });

TEST(DynamicsRegistry, HasCasesOfEverySystem) {
  for (const auto& system : sda::dynamics_systems()) {
    EXPECT_FALSE(system.help.empty() || system.cases.empty()) << system.name;
    for (const auto& one : system.cases) {
      EXPECT_EQ(one.parameters.system, system.name) << one.name;
      EXPECT_EQ(sda::make_dynamics(one.parameters)->name(), system.name);
    }
  }
}
