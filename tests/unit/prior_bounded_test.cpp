/// A bounded score by hand.
#include <gtest/gtest.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/prior/scores.hpp"

namespace sda {
namespace {

// Of N(0, 1) x̂ = μ x / (μ² + σ²); beyond the bound it is taken for 0, so that ε = x/σ and ∂ε/∂x = 1/σ.
TEST(BoundedScore, TakesTheMeanForWhatIsNoState) {
  const NoiseSchedule schedule;
  const double t = 0.5, mu = schedule.mu(t), sigma = schedule.sigma(t), variance = mu * mu + sigma * sigma, b = 2;
  const auto inner = make_gaussian_score(schedule, at::zeros({1, 2}, at::kDouble), at::eye(2, at::kDouble));
  const auto score = make_bounded_score(inner, schedule, b);
  const double within = 0.9 * b * variance / mu, beyond = 1.1 * b * variance / mu;
  const Tensor x = at::tensor({within, -beyond}, at::kDouble).view({1, 1, 2});
  const auto linear = score->linearise(x, t);
  const Tensor epsilon = linear->epsilon().flatten();
  EXPECT_TRUE(at::equal(score->epsilon(x, t).flatten(), epsilon));
  EXPECT_EQ(epsilon[0].item<double>(), inner->epsilon(x, t).flatten()[0].item<double>());
  EXPECT_NEAR(epsilon[1].item<double>(), -beyond / sigma, 1e-12);
  const Tensor derivative = linear->vjp(at::ones_like(x)).flatten();
  EXPECT_NEAR(derivative[0].item<double>(), sigma / variance, 1e-12);
  EXPECT_NEAR(derivative[1].item<double>(), 1 / sigma, 1e-12);
  EXPECT_THROW(make_bounded_score(inner, schedule, 0), ValueError);
}

}  // namespace
}  // namespace sda
