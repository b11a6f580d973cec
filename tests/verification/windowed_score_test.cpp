/// The blanket's error by another way: what a window's and the trajectory's best estimates of x leave open, which need
/// no score. ε_k,i = E[ε_i | window] and ε_i = E[ε_i | x(t)], so that E‖ε_k − ε‖² is the difference of the two
/// variances.
#include "sda/study/windows.hpp"

#include <gtest/gtest.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "tolerance.hpp"

namespace sda {
namespace {

/// tr Cov(x_i | perturbed states first … first + n − 1).
double left_open(const Tensor& covariance, std::int64_t d, std::int64_t i, std::int64_t first, std::int64_t n,
                 double mu, double sigma) {
  const Tensor of_window = covariance.narrow(0, first * d, n * d).narrow(1, first * d, n * d);
  const Tensor cross = mu * covariance.narrow(0, i * d, d).narrow(1, first * d, n * d);
  const Tensor perturbed = mu * mu * of_window + sigma * sigma * at::eye(n * d, at::kDouble);
  const Tensor own = covariance.narrow(0, i * d, d).narrow(1, i * d, d);
  return (own - cross.matmul(at::linalg_inv(perturbed)).matmul(cross.mT())).trace().item<double>();
}

TEST(Blanket, ErrorIsWhatWindowsLeaveOpenBeyondTheTrajectory) {
  const std::int64_t length = 12, k = 2, window = 2 * k + 1;
  const NoiseSchedule schedule;
  for (const auto& process : {stationary_process(rotation_chain(0.97, 0.3)), stationary_process(damped_spring(0.1))}) {
    const std::int64_t d = process.dimension();
    const Tensor covariance = process.covariance(length);
    const WindowComparison comparison(process, schedule, length);
    for (const double t : {0.05, 0.4, 0.9}) {
      const double mu = schedule.mu(t), sigma = schedule.sigma(t), ratio = sigma / mu;
      double squared = 0, open = 0, size = 0;
      for (std::int64_t i = 0; i < length; ++i) {
        const std::int64_t first = std::min(std::max<std::int64_t>(i - k, 0), length - window);
        const double whole = left_open(covariance, d, i, 0, length, mu, sigma);
        squared += (left_open(covariance, d, i, first, window, mu, sigma) - whole) / (ratio * ratio);
        open += whole / (ratio * ratio);
        size += static_cast<double>(d) - whole / (ratio * ratio);  // Var(E[ε_i | x(t)]), Var ε_i = I
      }
      const auto found = comparison.error(k, 1, t);
      EXPECT_NEAR(found.score, std::sqrt(squared / size), 1e-7) << t;
      EXPECT_NEAR(found.mean, std::sqrt(squared / open), 1e-7) << t;
      EXPECT_NEAR(found.loss, squared / static_cast<double>(length * d), 1e-9) << t;
      EXPECT_GE(found.worst_state, found.score);
    }
  }
}

TEST(Blanket, HasNoErrorWhereThereIsNothingToMiss) {
  const NoiseSchedule schedule;
  // One window is the whole trajectory.
  EXPECT_LT(WindowComparison(stationary_process(rotation_chain()), schedule, 7).error(3, 1, 0.5).score, 1e-10);
  // States that do not depend on each other.
  const StationaryProcess white(2, [](std::int64_t lag) { return at::eye(2, at::kDouble) * (lag == 0 ? 1.0 : 0.0); });
  EXPECT_LT(WindowComparison(white, schedule, 9).error(1, 3, 0.5).score, 1e-10);
  // Without noise x is a Markov chain, and k = 1 is a blanket.
  EXPECT_LT(WindowComparison(stationary_process(rotation_chain()), schedule, 9).error(1, 1, 0).score, 1e-3);
}

TEST(Blanket, AnInstrumentThatSeesAComponentLeavesNoMarkovChain) {
  const NoiseSchedule schedule;
  const auto whole = stationary_process(rotation_chain(0.97, 0.3));
  const auto seen = whole.seen({0});
  EXPECT_EQ(seen.dimension(), 1);
  EXPECT_NEAR(seen.autocovariance(3).item<double>(), std::pow(0.97, 3) * std::cos(0.9), tolerance::exact_float64);
  // Now even the first state's neighbours are no blanket at t = 0.
  EXPECT_GT(WindowComparison(seen, schedule, 9).error(1, 1, 0).score, 0.1);
  EXPECT_THROW(whole.seen({2}), UsageError);
}

TEST(StationaryProcess, IsTheChainsOwnOnceItHasSettled) {
  const auto chain = damped_spring(0.1);
  const auto [mean, covariance] = chain.stationary();
  auto settled = chain.parameters();
  settled.start_mean = mean, settled.start_covariance = covariance;
  const auto std = chain.normalisation().std.repeat({6});
  const auto joint = LinearGaussianChain(settled).joint(6).second / at::outer(std, std);
  EXPECT_LT((stationary_process(chain).covariance(6) - joint).abs().max().item<double>(), 1e-9);
  EXPECT_THROW(rotation_chain(1.0, 0.3).stationary(), UnsupportedError);
}

TEST(StationaryProcess, IsFoundInTrajectories) {
  const auto chain = rotation_chain(0.9, 0.5);
  const auto process = stationary_process(chain);
  const Tensor start = chain.start(400, {.seed = 1, .purpose = Purpose::test}, at::kDouble);
  const auto found = empirical_process(chain.trajectories(start, 200, {.seed = 2, .purpose = Purpose::test}));
  for (const std::int64_t lag : {0, 1, 4}) {
    // 80000 states whose memory is some ten long; lag h loses h / 200 of itself.
    EXPECT_LT((found.autocovariance(lag) - process.autocovariance(lag)).abs().max().item<double>(),
              5 * std::sqrt(10.0 / 80000) + static_cast<double>(lag) / 200)
        << lag;
  }
  EXPECT_EQ(found.autocovariance(200).abs().max().item<double>(), 0);
  EXPECT_GT(std::get<0>(at::linalg_eigh(found.covariance(9))).min().item<double>(), 0);
}

}  // namespace
}  // namespace sda
