// Dynamics against the figures of the public reference (tests/golden/data/dynamics.h5).
#include "golden.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "sda/dynamics/systems.hpp"
#include "tolerance.hpp"

namespace {

using sda::Tensor;
using sda::test::golden;
using sda::test::golden_error;

Tensor advanced(const sda::Dynamics& dynamics, const std::string& from) {
  Tensor x = golden("dynamics.h5", from);
  dynamics.advance(x, 1, {});
  return x;
}

TEST(Dynamics, Lorenz63Transition) {
  const auto lorenz = sda::make_dynamics({.system = "lorenz63", .noise = 0});
  EXPECT_LT(golden_error(advanced(*lorenz, "lorenz63_x"), golden("dynamics.h5", "lorenz63_next")),
            sda::tolerance::golden_float64);
}

TEST(Dynamics, Lorenz63LogProbability) {
  const auto lorenz = sda::make_dynamics({.system = "lorenz63"});
  const Tensor log_p =
      lorenz->log_transition(golden("dynamics.h5", "lorenz63_x"), golden("dynamics.h5", "lorenz63_noisy_x2"));
  EXPECT_LT(golden_error(log_p, golden("dynamics.h5", "lorenz63_noisy_log_prob")), sda::tolerance::golden_float64);
}

// The reference counts the sites of the ring against the published order.
TEST(Dynamics, Lorenz96Transition) {
  const sda::DynamicsParameters published{.system = "lorenz96",
                                          .dt = golden("dynamics.h5", "lorenz96_dt").item<double>(),
                                          .lorenz96 = {.forcing = golden("dynamics.h5", "lorenz96_F").item<double>()}};
  Tensor reversed = golden("dynamics.h5", "lorenz96_x").flip(-1).contiguous();
  sda::make_dynamics(published)->advance(reversed, 1, {});
  EXPECT_LT(golden_error(reversed.flip(-1), golden("dynamics.h5", "lorenz96_next")), sda::tolerance::golden_float64);

  auto mirrored = published;
  mirrored.lorenz96.mirrored = true;
  EXPECT_LT(golden_error(advanced(*sda::make_dynamics(mirrored), "lorenz96_x"), golden("dynamics.h5", "lorenz96_next")),
            sda::tolerance::golden_float64);
}

TEST(Dynamics, LotkaVolterraTransition) {
  const auto populations = sda::make_dynamics({.system = "lotka_volterra"});
  EXPECT_LT(
      golden_error(advanced(*populations, "lotka_volterra_log_x"), golden("dynamics.h5", "lotka_volterra_log_next")),
      sda::tolerance::golden_float64);
}

TEST(Dynamics, KolmogorovStatesAreBlockAverages) {
  EXPECT_LT(golden_error(sda::block_average(golden("dynamics.h5", "velocity"), 4), golden("dynamics.h5", "coarsen4")),
            sda::tolerance::golden_float64);
}

// The reference computes its forcing channel in float32.
TEST(Dynamics, KolmogorovContextIsTheForcing) {
  const auto flow = sda::make_dynamics({.system = "kolmogorov", .kolmogorov = {.grid = 16, .solver_grid = 16}});
  const Tensor forcing = golden("kolmogorov_local_unet2d.h5", "weights/kernel.forcing");
  ASSERT_EQ(flow->context().sizes(), forcing.sizes());
  EXPECT_LT(golden_error(flow->context(), forcing), sda::tolerance::exact_float32);
}

// The reference keeps the spring's matrices in float32.
TEST(Dynamics, DampedSpringMatrices) {
  const sda::LinearGaussianParameters spring = sda::damped_spring().parameters();
  const auto expect_equal = [](const Tensor& value, const std::string& name) {
    EXPECT_LT(golden_error(value.to(at::kFloat), golden("dynamics.h5", name)), sda::tolerance::golden_float64) << name;
  };
  expect_equal(spring.transition, "damped_spring_A");
  expect_equal(spring.start_mean, "damped_spring_mu0");
  expect_equal(spring.start_covariance, "damped_spring_Sigma0");
  expect_equal(spring.noise_covariance, "damped_spring_Sigma_x");
}

}  // namespace
