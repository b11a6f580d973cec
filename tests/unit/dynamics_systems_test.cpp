// The systems that ship: values by hand, noise from the named streams, and nothing that depends on batch or threads.
#include "sda/dynamics/systems.hpp"

#include <cmath>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "tolerance.hpp"

namespace {

using sda::Dynamics;
using sda::StreamKey;
using sda::Tensor;

const std::vector<std::string> all_systems{"lorenz63", "lorenz96", "lotka_volterra", "damped_spring", "rotation"};

class System : public testing::TestWithParam<std::tuple<std::string, at::ScalarType>> {
 protected:
  std::string name() const { return std::get<0>(GetParam()); }
  at::ScalarType dtype() const { return std::get<1>(GetParam()); }
  bool is_linear() const { return name() == "damped_spring" || name() == "rotation"; }
  /// With noise, and a number of sites that fills no block of draws.
  std::unique_ptr<Dynamics> noisy() const {
    return sda::make_dynamics({.system = name(), .noise = is_linear() ? -1 : 0.1, .lorenz96 = {.sites = 5}});
  }
};
INSTANTIATE_TEST_SUITE_P(All, System,
                         testing::Combine(testing::ValuesIn(all_systems), testing::Values(at::kFloat, at::kDouble)));

TEST_P(System, DescribesItsStates) {
  const auto dynamics = noisy();
  const sda::StateLayout layout = dynamics->layout();
  layout.check();
  EXPECT_GT(layout.dt, 0);
  for (const sda::Variable& v : layout.variables) EXPECT_FALSE(v.name.empty() || v.long_name.empty() || v.units != "1");
  EXPECT_EQ(dynamics->normalisation().mean.sizes(), at::IntArrayRef(layout.event));
  EXPECT_TRUE((dynamics->normalisation().std > 0).all().item<bool>());
  EXPECT_EQ(dynamics->name(), name());
}

TEST_P(System, NoiseIsTheStreamsOfTheTransition) {
  if (is_linear()) return;  // LinearGaussian.AdvancesByTheFormula
  const auto with = noisy(), without = sda::make_dynamics({.system = name(), .noise = 0, .lorenz96 = {.sites = 5}});
  const StreamKey key{.seed = 4, .purpose = sda::Purpose::transition_noise, .first_member = 7, .step = 100};
  Tensor x = with->start(70, {.seed = 4}, dtype()), y = x.clone();
  with->advance(x, 2, key);
  for (std::uint64_t j = 0; j < 2; ++j) {
    without->advance(y, 1, {});
    StreamKey of_step = key;
    of_step.step += j;
    y += 0.1 * sda::normal(y.sizes(), of_step, dtype());
  }
  const double rounding = dtype() == at::kFloat ? 1e-5 : 1e-13;
  EXPECT_LT(((x - y).abs() / y.abs().clamp_min(1)).max().item<double>(), rounding);
}

TEST_P(System, NeitherBatchNorThreadsNorChunksChangeABit) {
  const auto dynamics = noisy();
  const StreamKey key{.seed = 1, .first_member = 50, .step = 3};
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Tensor start = dynamics->start(150, key, dtype());
  const Tensor whole = dynamics->trajectories(start, 40, key);
  ASSERT_EQ(whole.sizes(), (sda::prepend({150, 40}, start.sizes().slice(1))));
  at::set_num_threads(3);
  EXPECT_TRUE(at::equal(whole, dynamics->trajectories(start, 40, key)));
  at::set_num_threads(before);
  // Members 61 … 149 alone.
  StreamKey later = key;
  later.first_member += 61;
  EXPECT_TRUE(at::equal(start.slice(0, 61), dynamics->start(89, later, dtype())));
  EXPECT_TRUE(at::equal(whole.slice(0, 61), dynamics->trajectories(start.slice(0, 61).clone(), 40, later)));
  // Trajectories are what `advance` passes through, and what the base class makes of it.
  Tensor x = start.clone();
  dynamics->advance(x, 25, key);
  EXPECT_TRUE(at::equal(x, whole.select(1, 25)));
  StreamKey rest = key;
  rest.step += 25;
  dynamics->advance(x, 14, rest);
  EXPECT_TRUE(at::equal(x, whole.select(1, 39)));
  EXPECT_TRUE(at::equal(whole, dynamics->Dynamics::trajectories(start, 40, key)));
}

TEST_P(System, LogTransitionIsTheNoisesDensity) {
  if (is_linear()) return;
  const auto with = noisy(), without = sda::make_dynamics({.system = name(), .noise = 0, .lorenz96 = {.sites = 5}});
  const Tensor from = with->start(6, {.seed = 9}, at::kDouble);
  Tensor mean = from.clone();
  without->advance(mean, 1, {});
  const double d = static_cast<double>(mean.size(1));
  const Tensor shift = at::arange(6, at::kDouble).mul(0.05).unsqueeze(1).expand_as(mean);
  const Tensor expected =
      -0.5 * d * (at::arange(6, at::kDouble) * 0.05 / 0.1).square() - d * (std::log(0.1) + 0.5 * std::log(2 * M_PI));
  const Tensor log_p =
      with->log_transition(from.to(dtype()).reshape({2, 3, -1}), (mean + shift).to(dtype()).reshape({2, 3, -1}));
  ASSERT_EQ(log_p.sizes(), (sda::Shape{2, 3}));
  EXPECT_EQ(log_p.scalar_type(), dtype());
  EXPECT_LT((log_p.flatten() - expected).abs().max().item<double>(), dtype() == at::kFloat ? 2e-3 : 1e-11);
  EXPECT_THROW(without->log_transition(from, mean), sda::UnsupportedError);
  EXPECT_FALSE(without->is_stochastic());
  EXPECT_THROW(with->log_transition(from, mean.slice(0, 1)), sda::ShapeError);
}

TEST_P(System, RefusesOtherStates) {
  const auto dynamics = noisy();
  Tensor wrong = at::zeros({4, 7}, dtype()), whole = at::zeros({4, dynamics->layout().event[0]}, at::kLong);
  EXPECT_THROW(dynamics->advance(wrong, 1, {}), sda::ShapeError);
  EXPECT_THROW(dynamics->advance(whole, 1, {}), sda::ShapeError);
  EXPECT_THROW(dynamics->trajectories(wrong, 3, {}), sda::ShapeError);
  EXPECT_THROW(dynamics->trajectories(dynamics->start(2, {}, dtype()), 0, {}), sda::ValueError);
  Tensor nobody = dynamics->start(0, {}, dtype());
  dynamics->advance(nobody, 1, {});
  EXPECT_EQ(dynamics->trajectories(nobody, 3, {}).size(0), 0);
}

// Lorenz 63 with σ = 0, ρ = 0 and x = 0 is ẏ = −y,
// ż = −β z, whose step multiplies by 1 − h + h²/2 − h³/6 + h⁴/24.
TEST(Systems, RungeKuttaOfADecay) {
  const auto decay =
      sda::make_dynamics({.dt = 0.3, .substeps = 3, .noise = 0, .lorenz63 = {.sigma = 0, .rho = 0, .beta = 2}});
  Tensor x = at::tensor({0.0, 1.0, 1.0}, at::kDouble).reshape({1, 3});
  decay->advance(x, 1, {});
  const auto factor = [](double h) { return 1 - h + h * h / 2 - h * h * h / 6 + h * h * h * h / 24; };
  EXPECT_NEAR(x[0][1].item<double>(), std::pow(factor(0.1), 3), 1e-15);
  EXPECT_NEAR(x[0][2].item<double>(), std::pow(factor(0.2), 3), 1e-15);
}

// Halving the step divides the error by 2⁴.
TEST(Systems, RungeKuttaIsOfFourthOrder) {
  for (const char* name : {"lorenz63", "lorenz96", "lotka_volterra"}) {
    const auto after = [&](std::int64_t substeps) {
      const auto d =
          sda::make_dynamics({.system = name, .dt = 0.1, .substeps = substeps, .noise = 0, .lorenz96 = {.forcing = 4}});
      Tensor x = d->start(8, {.seed = 3}, at::kDouble);
      d->advance(x, 1, {});
      return x;
    };
    const Tensor exact = after(512);
    const double coarse = (after(8) - exact).norm().item<double>(), fine = (after(16) - exact).norm().item<double>();
    EXPECT_NEAR(coarse / fine, 16, 2) << name;
  }
}

// α log y − β y + γ log x − δ x is conserved.
TEST(Systems, LotkaVolterraKeepsItsInvariant) {
  const auto d =
      sda::make_dynamics({.system = "lotka_volterra",
                          .lotka_volterra = {.prey_growth = 1.1, .predation = 0.4, .reproduction = 0.1, .death = 0.4}});
  Tensor x = d->start(10, {}, at::kDouble);
  const auto invariant = [](const Tensor& s) {
    const Tensor u = s.select(1, 0), v = s.select(1, 1);
    return 1.1 * v - 0.4 * v.exp() + 0.4 * u - 0.1 * u.exp();
  };
  const Tensor before = invariant(x);
  d->advance(x, 2000, {});
  EXPECT_LT((invariant(x) - before).abs().max().item<double>(), 1e-8);
}

TEST(Systems, StartsAreAsThePaperSays) {
  const Tensor x = sda::make_dynamics({})->start(100000, {.seed = 2}, at::kDouble);
  const Tensor centred = x - at::tensor({0.0, 0.0, 25.0}, at::kDouble);
  const Tensor covariance = centred.t().mm(centred) / 100000;
  const Tensor expected = at::tensor({64., 50., 0., 50., 81., 0., 0., 0., 75.}, at::kDouble).reshape({3, 3});
  EXPECT_LT((covariance - expected).abs().max().item<double>(), 4 * std::sqrt(2.0 / 100000) * 81);
  EXPECT_LT(centred.mean(0).abs().max().item<double>(), 4 * 9 / std::sqrt(100000.0));
  const Tensor u = sda::make_dynamics({.system = "lotka_volterra"})->start(1000, {.seed = 2}, at::kFloat);
  EXPECT_TRUE(((u > 0) & (u < 1)).all().item<bool>());
}

// What is not known is a component that keeps its value, and each trajectory is the known system's of those values.
TEST(Systems, UnknownParametersAreComponentsThatKeepTheirValues) {
  const auto unknown =
      sda::make_dynamics({.lorenz63 = {.sigma_range = {8, 12}, .rho_range = {20, 40}, .beta_range = {2, 3}}});
  ASSERT_EQ(unknown->layout().event, sda::Shape{6});
  EXPECT_EQ(unknown->layout().variables[4].name, "rho");
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const StreamKey key{.seed = 6, .purpose = sda::Purpose::transition_noise, .first_member = 3};
    const Tensor start = unknown->start(5, key, dtype), all = unknown->trajectories(start, 9, key);
    EXPECT_TRUE(all.slice(2, 3).equal(start.slice(1, 3).unsqueeze(1).expand({5, 9, 3})));
    for (std::int64_t member = 0; member < 5; ++member) {
      const auto value = [&](std::int64_t component) { return start[member][component].item<double>(); };
      const auto known = sda::make_dynamics({.lorenz63 = {.sigma = value(3), .rho = value(4), .beta = value(5)}});
      StreamKey own = key;
      own.first_member += static_cast<std::uint64_t>(member);
      const Tensor of_known = known->start(1, own, dtype);
      EXPECT_TRUE(of_known.equal(start.slice(0, member, member + 1).slice(1, 0, 3)));
      const Tensor expected = known->trajectories(of_known, 9, own)[0], found = all[member].slice(1, 0, 3);
      EXPECT_LT((expected - found).abs().max().item<double>(), dtype == at::kFloat ? 2e-4 : 1e-11);
      const Tensor log_known = known->log_transition(expected.slice(0, 0, 8), expected.slice(0, 1));
      const Tensor log_unknown = unknown->log_transition(all[member].slice(0, 0, 8), all[member].slice(0, 1));
      EXPECT_LT((log_known - log_unknown).abs().max().item<double>(), dtype == at::kFloat ? 2e-2 : 1e-9);
    }
  }
  // Uniform over their ranges, each by itself.
  const Tensor many = unknown->normalisation().normalise(unknown->start(50000, {.seed = 1}, at::kDouble)).slice(1, 3);
  EXPECT_LT(many.abs().max().item<double>(), std::sqrt(3.0));
  EXPECT_LT(many.mean(0).abs().max().item<double>(), 4 / std::sqrt(50000.0));
  EXPECT_LT((many.t().mm(many) / 50000 - at::eye(3, at::kDouble)).abs().max().item<double>(), 4 / std::sqrt(50000.0));
}

// The normalisations hold in the long run; the paper's mean of z, 25, is 0.15 standard deviations above it.
TEST(Systems, NormalisationsFit) {
  for (const char* name : {"lorenz63", "lorenz96", "lotka_volterra", "damped_spring", "rotation"}) {
    // Long enough to forget the start, and over many periods of those systems that have one.
    const auto d = sda::make_dynamics({.system = name, .lorenz96 = {.sites = 8}});
    Tensor x = d->start(192, {.seed = 5}, at::kFloat);
    std::vector<Tensor> seen;
    for (std::uint64_t step = 0; step < 24000; step += 97) {
      d->advance(x, 97, {.seed = 5, .step = step});
      if (step > 8000) seen.push_back(d->normalisation().normalise(x));
    }
    const Tensor n = at::stack(seen);
    const Tensor mean = n.flatten(0, 1).mean(0), std = n.flatten(0, 1).std(0);
    EXPECT_LT(mean.abs().max().item<double>(), 0.16) << name << mean;
    EXPECT_LT((std - 1).abs().max().item<double>(), 0.1) << name << std;
  }
}

TEST(Systems, BadParametersAreUsageErrors) {
  const auto refused = [](const sda::DynamicsParameters& p, const std::string& part) {
    try {
      sda::make_dynamics(p);
      ADD_FAILURE() << "accepted: " << part;
    } catch (const sda::UsageError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
      EXPECT_EQ(error.exit_code(), 2);
    }
  };
  refused({.system = "lorenz36"}, "did you mean lorenz");
  refused({.dt = -1}, "dynamics.dt");
  refused({.noise = -0.5}, "dynamics.noise");
  refused({.noise = NAN}, "dynamics.noise");
  refused({.lorenz63 = {.rho_range = {28}}},
          "dynamics.rho_range: a dynamics cannot be made: found [28], expected [min, max]");
  refused({.lorenz63 = {.beta_range = {3, 2}}}, "min below max");
  refused({.system = "lorenz96", .lorenz96 = {.sites = 3}}, "dynamics.sites");
  refused({.substeps = 0}, "dynamics.substeps");
  refused({.system = "lotka_volterra", .lotka_volterra = {.death = 0}}, "dynamics.death");
  refused({.system = "rotation", .noise = 1}, "dynamics.noise");
  refused({.system = "linear"}, "dynamics.transition");
  refused({.system = "linear", .linear = {.transition = {1, 2, 3}}}, "d × d");
  refused({.system = "linear", .linear = {.transition = {0.5, 0, 0, 0.5}, .innovation = {1}}},
          "2 variances or a covariance of 4");
}

TEST(Systems, ALinearChainIsWhatItsNumbersSay) {
  const auto parameters_of = [](const sda::DynamicsParameters& p) {
    return dynamic_cast<const sda::LinearGaussianChain&>(*sda::make_dynamics(p)).parameters();
  };
  const auto p =
      parameters_of({.system = "linear", .linear = {.transition = {0.5, 0.2, -0.1, 0.9}, .innovation = {0.5, 0.3}}});
  EXPECT_EQ(p.transition[0][1].item<double>(), 0.2);
  EXPECT_EQ(p.noise_covariance[1][1].item<double>(), 0.3);
  EXPECT_EQ(p.noise_covariance[0][1].item<double>(), 0);
  const auto q = parameters_of({.system = "linear", .dt = 0.5, .linear = {.transition = {0.9}, .innovation = {0.19}}});
  EXPECT_EQ(q.noise_covariance[0][0].item<double>(), 0.19);
  EXPECT_EQ(q.dt, 0.5);
}

// x_{i+1} = a x_i + b x_{i−2} + e: Yule and Walker's equations give R(h) = a R(h−1) + b R(h−3), R(0) = 1.
TEST(Systems, ADelayChainHasYuleAndWalkersAutocovariances) {
  const double a = 0.3, b = 0.5;
  const auto chain = sda::delay_chain(a, b, 2);
  const Tensor covariance = chain.stationary().second;
  // R(1) = a + b R(2) and R(2) = a R(1) + b R(1).
  const double first = a / (1 - b * (a + b));
  EXPECT_NEAR(covariance[0][0].item<double>(), 1, 1e-12);
  EXPECT_NEAR(covariance[0][1].item<double>(), first, 1e-12);
  EXPECT_NEAR(covariance[0][2].item<double>(), (a + b) * first, 1e-12);
  EXPECT_NEAR(sda::delay_chain(a, b, 0).stationary().second[0][0].item<double>(), 1, 1e-12);
  EXPECT_THROW(sda::delay_chain(0.6, 0.5, 2), sda::UnsupportedError);
}

TEST(LinearGaussian, AdvancesByTheFormula) {
  const Tensor a = at::tensor({0.5, 0.2, 0.0, 0.9, -0.1, 0.3, 0.0, 0.4, 0.8}, at::kDouble).reshape({3, 3});
  const Tensor l = at::tensor({1.0, 0.0, 0.0, 0.5, 2.0, 0.0, -0.3, 0.1, 0.7}, at::kDouble).reshape({3, 3});
  const Tensor b = at::tensor({1.0, -2.0, 0.5}, at::kDouble);
  const sda::LinearGaussianChain chain({.start_mean = b,
                                        .start_covariance = l.mm(l.t()),
                                        .transition = a,
                                        .offset = b,
                                        .noise_covariance = l.mm(l.t())});
  const StreamKey key{.seed = 8, .first_member = 3, .step = 20};
  const Tensor start = chain.start(100, key, at::kDouble);
  EXPECT_LT((start - b - sda::normal({100, 3}, key, at::kDouble).mm(l.t())).abs().max().item<double>(), 1e-12);
  Tensor x = start.clone();
  chain.advance(x, 1, key);
  const Tensor expected = start.mm(a.t()) + b + sda::normal({100, 3}, key, at::kDouble).mm(l.t());
  EXPECT_LT((x - expected).abs().max().item<double>(), 1e-12);
  // log N(x | A start + b, L Lᵀ) = −½ ‖z‖² − log |L| − 3/2 log 2π.
  const Tensor z = sda::normal({100, 3}, key, at::kDouble);
  const Tensor log_p = -0.5 * z.square().sum(1) - std::log(1.0 * 2.0 * 0.7) - 1.5 * std::log(2 * M_PI);
  EXPECT_LT((chain.log_transition(start, x) - log_p).abs().max().item<double>(), 1e-10);
}

TEST(LinearGaussian, JointIsTheSimulationsMoments) {
  const sda::LinearGaussianChain chain = sda::damped_spring(0.5);
  const auto [mean, covariance] = chain.joint(4);
  const std::int64_t n = 200000;
  const Tensor x = chain.trajectories(chain.start(n, {.seed = 6}, at::kDouble), 4, {.seed = 7}).flatten(1);
  const Tensor centred = x - mean.flatten();
  const Tensor variance = covariance.diagonal();
  EXPECT_LT((centred.mean(0) / variance.sqrt()).abs().max().item<double>(), 4 / std::sqrt(static_cast<double>(n)));
  const Tensor error =
      (centred.t().mm(centred) / static_cast<double>(n) - covariance) / at::outer(variance, variance).sqrt();
  EXPECT_LT(error.abs().max().item<double>(), 4.5 * std::sqrt(2 / static_cast<double>(n)));
  EXPECT_LT((covariance - covariance.t()).abs().max().item<double>(), 1e-14);
}

TEST(LinearGaussian, RefusesWhatIsNoChain) {
  sda::LinearGaussianParameters p = sda::rotation_chain().parameters();
  p.noise_covariance = at::tensor({1.0, 2.0, 2.0, 1.0}, at::kDouble).reshape({2, 2});  // eigenvalues 3, −1
  EXPECT_THROW(sda::LinearGaussianChain{p}, sda::ValueError);
  p.noise_covariance = at::tensor({1.0, 0.5, 0.0, 1.0}, at::kDouble).reshape({2, 2});
  EXPECT_THROW(sda::LinearGaussianChain{p}, sda::ValueError);
  p.noise_covariance = at::tensor({0.0, 0.5, 0.5, 1.0}, at::kDouble).reshape({2, 2});
  EXPECT_THROW(sda::LinearGaussianChain{p}, sda::ValueError);
  p.noise_covariance = at::eye(3, at::kDouble);
  EXPECT_THROW(sda::LinearGaussianChain{p}, sda::ShapeError);
  // Semi-definite is a chain, but its transitions have no density.
  p.noise_covariance = at::tensor({1.0, 1.0, 1.0, 1.0}, at::kDouble).reshape({2, 2});
  const sda::LinearGaussianChain flat{p};
  EXPECT_FALSE(flat.is_stochastic());
  EXPECT_THROW(flat.log_transition(at::zeros({1, 2}), at::zeros({1, 2})), sda::UnsupportedError);
  Tensor x = at::zeros({50, 2}, at::kDouble);
  flat.advance(x, 1, {});
  EXPECT_LT((x.select(1, 0) - x.select(1, 1)).abs().max().item<double>(), 1e-14);
}

}  // namespace
