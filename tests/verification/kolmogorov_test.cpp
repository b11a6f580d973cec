/// Kolmogorov flow against what is known of Navier-Stokes without solving it: exact flows, budgets, symmetries, orders.
#include "sda/dynamics/kolmogorov.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "tolerance.hpp"

namespace sda {
namespace {

constexpr std::int64_t n = 32;
const double two_pi = 2 * std::numbers::pi;

KolmogorovFlow flow(KolmogorovParameters p, double dt = 0.2) {
  p.grid = p.solver_grid = n;
  return KolmogorovFlow(p, dt);
}

/// Centres of the cells along an axis, as a column (x) or a row (y).
Tensor x_of_cells() {
  return ((at::arange(n, at::kDouble) + 0.5) * (two_pi / static_cast<double>(n))).unsqueeze(1);
}
Tensor y_of_cells() {
  return x_of_cells().t();
}
Tensor velocity(const Tensor& u, const Tensor& v) {
  return at::stack({u.expand({n, n}), v.expand({n, n})}).unsqueeze(0);
}

/// A turbulent flow, away from its start.
Tensor turbulent(const KolmogorovFlow& system, std::int64_t members = 1) {
  Tensor x = system.start(members, {.seed = 5, .purpose = Purpose::initial_state}, at::kDouble);
  system.advance(x, 5, {});
  return x;
}

Tensor advanced(const KolmogorovFlow& system, const Tensor& from, std::int64_t steps = 1) {
  Tensor x = from.clone();
  system.advance(x, steps, {});
  return x;
}

double largest(const Tensor& x) {
  return x.abs().max().item<double>();
}

/// ∂/∂x (axis −2) or ∂/∂y (axis −1) of a periodic field, exact up to the grid's last mode.
Tensor derivative(const Tensor& field, std::int64_t axis) {
  Tensor k = at::fft_fftfreq(n, 1.0, at::kDouble) * static_cast<double>(n);
  if (axis == -2) k = k.unsqueeze(1);
  const Tensor modes = at::fft_fft(field.to(at::kComplexDouble), c10::nullopt, axis);
  return at::real(at::fft_ifft(modes * at::complex(at::zeros_like(k), k), c10::nullopt, axis));
}
Tensor vorticity(const Tensor& x) {
  return derivative(x.select(1, 1), -2) - derivative(x.select(1, 0), -1);
}

/// Means over the domain of energy, of enstrophy, and of what changes them.
struct Budget {
  double energy, enstrophy, energy_rate, enstrophy_rate;
};
Budget budget(const KolmogorovParameters& p, const Tensor& x) {
  const auto mean = [](const Tensor& field) { return field.mean().item<double>(); };
  const double k = static_cast<double>(p.forcing_wavenumber), viscosity = 1 / p.reynolds;
  const Tensor y = y_of_cells(), w = vorticity(x), u = x.select(1, 0);
  const Tensor force = p.forcing_amplitude * (k * y).sin(), curl_of_force = -p.forcing_amplitude * k * (k * y).cos();
  const double energy = mean(x.square().sum(1)) / 2, enstrophy = mean(w.square()) / 2;
  const double palinstrophy = mean(derivative(w, -2).square() + derivative(w, -1).square());
  return {energy, enstrophy, mean(u * force) - viscosity * 2 * enstrophy - 2 * p.drag * energy,
          mean(w * curl_of_force) - viscosity * palinstrophy - 2 * p.drag * enstrophy};
}

}  // namespace

/// Taylor & Green 1937: u = (sin kx cos ky, −cos kx sin ky) decays at the rate 2 k²/Re + drag, in shape unchanged. As
/// the advection of this vorticity vanishes, only the linear part remains, which the solver has exactly.
TEST(KolmogorovFlow, TaylorGreenVorticesDecayExactly) {
  const KolmogorovParameters p{.reynolds = 20, .forcing_amplitude = 0, .drag = 0.3};
  const auto system = flow(p);
  const Tensor x = x_of_cells(), y = y_of_cells();
  for (const double k : {1.0, 3.0}) {
    const Tensor start = velocity((k * x).sin() * (k * y).cos(), -(k * x).cos() * (k * y).sin());
    const double left = std::exp(-(2 * k * k / p.reynolds + p.drag) * 5 * 0.2);
    EXPECT_LT(largest(advanced(system, start, 5) - left * start), 1e-13) << k;
  }
}

/// The laminar flow, where the forcing is in balance with viscosity and drag, stays.
TEST(KolmogorovFlow, LaminarFlowIsAFixedPoint) {
  const KolmogorovParameters p{.reynolds = 50, .forcing_amplitude = 0.7, .forcing_wavenumber = 3};
  const Tensor laminar = velocity(p.forcing_amplitude / (9 / p.reynolds + p.drag) * (3 * y_of_cells()).sin(),
                                  at::zeros({1, 1}, at::kDouble));
  EXPECT_LT(largest(advanced(flow(p), laminar, 5) - laminar), 1e-12);
}

/// Started from rest, the laminar flow sets in as 1 − e^{−(k²/Re + drag) t}.
TEST(KolmogorovFlow, ForcingActsExactlyInTime) {
  const KolmogorovParameters p{.reynolds = 50};
  const double rate = 16 / p.reynolds + p.drag;
  const Tensor expected =
      velocity(-std::expm1(-rate * 0.6) / rate * (4 * y_of_cells()).sin(), at::zeros({1, 1}, at::kDouble));
  EXPECT_LT(largest(advanced(flow(p), at::zeros({1, 2, n, n}, at::kDouble), 3) - expected), 1e-13);
}

/// u = a sin y and v = b sin 2x have ω = 2b cos 2x − a cos y, which they carry about by
///     −u ∂ω/∂x − v ∂ω/∂y = 4ab sin y sin 2x − ab sin 2x sin y = 3ab sin 2x sin y:
/// a third wave grows, of this sign, along these axes. It has no rate of second order, for no pair of the three makes
/// it.
TEST(KolmogorovFlow, TwoWavesMakeAThird) {
  constexpr double a = 0.3, b = 0.2, dt = 0.01;
  const auto system = flow({.reynolds = 1e9, .forcing_amplitude = 0, .drag = 0}, dt);
  const Tensor x = x_of_cells(), y = y_of_cells();
  const Tensor after = vorticity(advanced(system, velocity(a * y.sin(), b * (2 * x).sin())));
  const auto part = [&](const Tensor& wave) { return 4 * (after[0] * wave).mean().item<double>(); };
  EXPECT_NEAR(part((2 * x).sin() * y.sin()) / dt, 3 * a * b, 1e-4 * 3 * a * b);
  EXPECT_NEAR(part(x.sin() * (2 * y).sin()), 0, 1e-14);
}

TEST(KolmogorovFlow, StaysFreeOfDivergence) {
  const auto system = flow({.reynolds = 200});
  const Tensor x = turbulent(system, 3);
  EXPECT_LT(largest(derivative(x.select(1, 0), -2) + derivative(x.select(1, 1), -1)), 1e-12 * largest(vorticity(x)));
}

/// What a budget is off by over four transitions of `dt`, with the rates integrated by Boole's rule: {energy,
/// enstrophy}.
std::pair<double, double> imbalance(const KolmogorovParameters& p, double dt) {
  const auto system = flow(p, dt);
  Tensor x = turbulent(flow(p));
  std::vector<Budget> b{budget(p, x)};
  for (int i = 0; i < 4; ++i) {
    system.advance(x, 1, {});
    b.push_back(budget(p, x));
  }
  const auto off = [&](double Budget::*amount, double Budget::*rate) {
    const double integral =
        4 * dt / 90 * (7 * b[0].*rate + 32 * b[1].*rate + 12 * b[2].*rate + 32 * b[3].*rate + 7 * b[4].*rate);
    return std::abs(b[4].*amount - b[0].*amount - integral) / (b[0].*amount);
  };
  return {off(&Budget::energy, &Budget::energy_rate), off(&Budget::enstrophy, &Budget::enstrophy_rate)};
}

/// dE/dt = injection − dissipation − drag, and the same of enstrophy: nothing else makes or takes either, but for the
/// error of a step, which is of order 5.
TEST(KolmogorovFlow, EnergyAndEnstrophyBudgetsClose) {
  const KolmogorovParameters p{.reynolds = 200};
  const auto [energy, enstrophy] = imbalance(p, 0.02);
  const auto [energy_half, enstrophy_half] = imbalance(p, 0.01);
  EXPECT_LT(energy, 1e-6);
  EXPECT_LT(enstrophy, 1e-5);
  EXPECT_GT(energy / energy_half, std::pow(2, 4.5));
  EXPECT_GT(enstrophy / enstrophy_half, std::pow(2, 4.5));
}

/// Halving the step divides the error by 2⁴.
TEST(KolmogorovFlow, IsOfOrderFourInTime) {
  const KolmogorovParameters p{.reynolds = 200};
  const Tensor from = turbulent(flow(p));
  const auto after = [&](double cfl) {
    KolmogorovParameters q = p;
    q.cfl = cfl;
    return advanced(flow(q, 0.4), from);
  };
  const Tensor exact = after(0.02);
  const double coarse = largest(after(0.32) - exact), fine = largest(after(0.16) - exact);
  EXPECT_NEAR(std::log2(coarse / fine), 4, 0.3) << coarse << " " << fine;
  EXPECT_LT(coarse, 1e-3);
}

/// A shift along x by any number of cells, or along y by a period of the forcing, commutes with the flow.
TEST(KolmogorovFlow, CommutesWithTranslations) {
  const auto system = flow({.reynolds = 200});
  const Tensor x = turbulent(system), next = advanced(system, x, 2);
  for (const auto& [cells, axis] : {std::pair<std::int64_t, std::int64_t>{5, -2}, {n / 4, -1}, {n / 2, -1}}) {
    EXPECT_LT(largest(advanced(system, at::roll(x, cells, axis), 2) - at::roll(next, cells, axis)), 1e-11);
  }
  EXPECT_GT(largest(advanced(system, at::roll(x, 1, -1), 2) - at::roll(next, 1, -1)), 1e-2);
}

/// (x, y) → (−x, −y), u → −u leaves equation and forcing as they are, and so does a reflection of x with a shift of y
/// by half a period of the forcing.
TEST(KolmogorovFlow, CommutesWithRotationByHalfATurnAndReflection) {
  const auto system = flow({.reynolds = 200});
  const auto turned = [](const Tensor& x) { return -at::flip(x, {-2, -1}); };
  const auto reflected = [](const Tensor& x) {
    return at::roll(at::flip(x, -2) * at::tensor({-1.0, 1.0}, at::kDouble).reshape({2, 1, 1}), n / 8, -1);
  };
  const Tensor x = turbulent(system), next = advanced(system, x, 2);
  EXPECT_LT(largest(advanced(system, turned(x), 2) - turned(next)), 1e-11);
  EXPECT_LT(largest(advanced(system, reflected(x), 2) - reflected(next)), 1e-11);
}

/// Without drag, a mean flow along x carries all with it and changes nothing else, for the forcing does not depend on
/// x; up to the error in time, of order 4.
TEST(KolmogorovFlow, IsInvariantUnderAMeanFlowAlongTheForcing) {
  const Tensor x = turbulent(flow({.reynolds = 200}));
  const double speed = 3 * two_pi / static_cast<double>(n) / 0.2;  // three cells a transition
  const Tensor boost = velocity(at::full({1, 1}, speed, at::kDouble), at::zeros({1, 1}, at::kDouble));
  const auto difference = [&](double cfl) {
    const auto system = flow({.reynolds = 200, .drag = 0, .cfl = cfl});
    return largest(advanced(system, x + boost) - boost - at::roll(advanced(system, x), 3, -2));
  };
  const double coarse = difference(0.2), fine = difference(0.1);
  EXPECT_LT(coarse, 1e-3);
  EXPECT_NEAR(std::log2(coarse / fine), 4, 0.3) << coarse << " " << fine;
}

/// Drag alone acts on the mean flow.
TEST(KolmogorovFlow, MeanFlowDecaysByDrag) {
  const KolmogorovParameters p{.reynolds = 200, .drag = 0.25};
  const auto system = flow(p);
  Tensor x = turbulent(system);
  x.select(1, 0).add_(0.4);
  x.select(1, 1).sub_(0.2);
  const Tensor before = x.mean({-2, -1}), after = advanced(system, x, 3).mean({-2, -1});
  EXPECT_LT(largest(after - std::exp(-p.drag * 0.6) * before), 1e-13);
}

/// A member too fast for the usual steps takes more of them, beside members that do not.
TEST(KolmogorovFlow, FastMembersTakeShorterSteps) {
  const KolmogorovParameters p{.reynolds = 200};
  KolmogorovParameters short_steps = p;
  short_steps.cfl /= 8;
  const Tensor slow = turbulent(flow(p)), fast = 8 * slow;
  const Tensor both = advanced(flow(p, 0.05), at::cat({slow, fast}));
  EXPECT_TRUE(both.narrow(0, 0, 1).equal(advanced(flow(p, 0.05), slow)));
  EXPECT_LT(largest(both.narrow(0, 1, 1) - advanced(flow(short_steps, 0.05), fast)), 1e-2 * largest(fast));
}

TEST(KolmogorovFlow, SaysThatAVelocityIsNotFinite) {
  Tensor x = at::full({1, 2, n, n}, NAN, at::kDouble);
  EXPECT_THROW(flow({}).advance(x, 1, {}), NumericalError);
}

/// What averaging hides of modes that the state's grid resolves, to_solver finds again.
TEST(KolmogorovFlow, StatesOfTheSolverStatesOfAStateAreThatState) {
  const KolmogorovFlow system({.grid = 16, .solver_grid = 64});
  // A flow of modes up to 7 only: one of a coarser solver.
  const KolmogorovFlow smooth({.grid = 16, .solver_grid = 16});
  Tensor coarse = smooth.start(2, {.seed = 8}, at::kDouble);
  const Tensor fine = system.to_solver(coarse);
  EXPECT_LT(largest(system.to_state(fine) - coarse), 1e-13);
  EXPECT_LT(largest(system.to_solver(system.to_state(fine)) - fine), 1e-13);
}

/// The same flow on any solver's grid, as fast as stated.
TEST(KolmogorovFlow, StartDoesNotDependOnTheSolversGrid) {
  const StreamKey key{.seed = 2, .purpose = Purpose::initial_state};
  const Tensor x = KolmogorovFlow({.grid = 32, .solver_grid = 96}).start(4, key, at::kDouble);
  const Tensor finer = KolmogorovFlow({.grid = 32, .solver_grid = 288}).start(4, key, at::kDouble);
  // Where one grid has three times as many cells as the other, every third centre is one of the other's.
  const auto every_third = [](const Tensor& field) {
    return field.slice(-2, 1, field.size(-2), 3).slice(-1, 1, field.size(-1), 3);
  };
  EXPECT_LT(largest(every_third(finer) - x), 1e-12);
  EXPECT_LT(largest(every_third(x).square().sum(1).amax({-2, -1}).sqrt() - 3), 1e-12);
}

/// Three times as many points leave next to nothing of the error in space: it falls faster than any power.
TEST(KolmogorovFlow, ConvergesInSpaceFasterThanAnyPower) {
  const auto at_common_points = [](std::int64_t solver_grid) {
    const double finer = static_cast<double>(solver_grid) / 32;
    const KolmogorovFlow system(
        {.reynolds = 10, .grid = 16, .solver_grid = solver_grid, .cfl = 0.1 * finer});  // the same steps in time
    Tensor x = system.start(1, {.seed = 2, .purpose = Purpose::initial_state}, at::kDouble);
    system.advance(x, 2, {});
    const std::int64_t every = solver_grid / 32, first = every / 2;
    return x.slice(-2, first, solver_grid, every).slice(-1, first, solver_grid, every);
  };
  const Tensor exact = at_common_points(288);
  const double coarse = largest(at_common_points(32) - exact), fine = largest(at_common_points(96) - exact);
  EXPECT_LT(fine, 1e-3 * coarse) << coarse << " " << fine;
}

}  // namespace sda
