/// What every likelihood rule must do: each row of the registry is tested, also one that is added.
#include "sda/guidance/likelihood_rule.hpp"

#include <gmock/gmock.h>

#include "draws.hpp"
#include "sda/core/error.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/prior/scores.hpp"
#include "tolerance.hpp"

namespace {

using sda::GuidanceParameters;
using sda::LikelihoodRuleKind;
using sda::PosteriorScore;
using sda::Tensor;
using sda::conformance::difference;
using sda::conformance::draw;

constexpr std::int64_t length = 5, d = 2, size = length * d, observations = 6;
const sda::NoiseSchedule schedule;
const double times[] = {0.0, 0.3, 0.9};

sda::Observations unread() {
  sda::Observations y;
  y.layout.event = {d};
  y.layout.variables = {{"x", "x"}, {"y", "y"}};
  y.normalisation = sda::Normalisation::identity(y.layout.event);
  y.length = length;
  return y;
}

sda::ObservationPart part(const sda::Observations& of, const std::string& name,
                          const std::vector<sda::OperatorLink>& chain, const Tensor& values, const sda::Noise& noise) {
  return {.name = name,
          .chain = chain,
          .noise = noise,
          .op = sda::make_operator(chain, of.layout, of.normalisation),
          .values = values};
}

/// The first, third and fifth state, both coordinates, in one part or in one for each coordinate.
sda::Observations linear_observations(std::int64_t parts, const sda::Noise& noise = sda::GaussianNoise({0.5})) {
  sda::Observations y = unread();
  const Tensor values = draw({3, d}, 1);
  if (parts == 1) {
    y.parts = {part(y, "", {{"every", {2}}}, values, noise)};
  } else {
    for (const std::int64_t i : {0, 1})
      y.parts.push_back(part(y, i == 0 ? "first" : "second", {{"every", {2}}, {"select", {static_cast<double>(i)}}},
                             values.narrow(1, i, 1).contiguous(), noise));
  }
  return y;
}

sda::Observations curved_observations() {
  sda::Observations y = unread();
  y.parts = {part(y, "", {{"every", {2}}, {"saturate", {}}}, draw({3, d}, 1), sda::GaussianNoise({0.5}))};
  return y;
}

std::shared_ptr<const sda::DifferentiableScore> prior(const Tensor& covariance) {
  return sda::make_gaussian_score(schedule, at::zeros({length, d}, at::kDouble), covariance);
}

Tensor correlated() {
  const Tensor a = draw({size, size}, 2);
  return at::matmul(a, a.mT()) / size + 0.3 * at::eye(size, at::kDouble);
}

/// Counts forward passes and VJPs.
class Counting final : public sda::DifferentiableScore {
 public:
  explicit Counting(std::shared_ptr<const DifferentiableScore> of) : of_(std::move(of)) {}
  Tensor epsilon(const Tensor& x, double t) const override { return ++passes, of_->epsilon(x, t); }
  std::unique_ptr<sda::Linearisation> linearise(const Tensor& x, double t) const override {
    ++passes;
    return std::make_unique<Linear>(of_->linearise(x, t), passes);
  }
  mutable std::int64_t passes = 0;

 private:
  struct Linear final : sda::Linearisation {
    Linear(std::unique_ptr<sda::Linearisation> linear, std::int64_t& count) : of(std::move(linear)), passes(count) {}
    const Tensor& epsilon() const override { return of->epsilon(); }
    Tensor vjp(const Tensor& v) const override { return ++passes, of->vjp(v); }
    std::unique_ptr<sda::Linearisation> of;
    std::int64_t& passes;
  };
  std::shared_ptr<const DifferentiableScore> of_;
};

class Rule : public testing::TestWithParam<LikelihoodRuleKind> {
 protected:
  GuidanceParameters parameters(bool detach = false) const {
    return {.rule = GetParam().name, .gamma = {0.02}, .detach = detach, .iterations = 2};
  }
  /// Of all observations and the correlated prior.
  Tensor epsilon(const sda::Observations& y, const Tensor& x, double t, bool detach = false) const {
    return PosteriorScore(prior(correlated()), schedule, y, parameters(detach)).epsilon(x, t);
  }
  Tensor rows(std::int64_t n, std::uint64_t which, at::ScalarType dtype = at::kDouble) const {
    return draw({n, length, d}, which, dtype);
  }
};

}  // namespace

TEST_P(Rule, IsKnownByItsNameAndSaysWhatItIs) {
  const auto& kind = GetParam();
  EXPECT_EQ(sda::likelihood_rule_kind(kind.name)->name, kind.name);
  EXPECT_THAT(sda::guidance_rules(), testing::Contains(kind.name));
  EXPECT_FALSE(kind.help.empty());
  EXPECT_FALSE(sda::method_name(parameters()).empty());
  EXPECT_THROW(sda::register_likelihood_rule(kind), sda::UsageError);
}

/// x ~ N(0, I): ε(x | y) is the score of the posterior, a Gaussian, perturbed.
TEST_P(Rule, IsExactWhereItSaysSo) {
  if (!GetParam().exact) GTEST_SKIP() << "an approximation whatever its parameters are";
  const auto unit = at::eye(size, at::kDouble);
  const auto y = linear_observations(1);
  const Tensor h = y.apply(unit.view({size, length, d})).mT();
  const Tensor gain = h.mT() / 1.25;  // of unit variance and noise 0.25
  const auto exact = sda::make_gaussian_score(schedule, gain.matmul(y.parts[0].values.flatten()).view({length, d}),
                                              unit - gain.matmul(h));
  for (const double t : times) {
    const PosteriorScore posterior(prior(unit), schedule, y, GetParam().exact(schedule.ratio(t), observations));
    EXPECT_LT(difference(posterior.epsilon(rows(3, 3), t), exact->epsilon(rows(3, 3), t)),
              sda::tolerance::exact_float64)
        << "t = " << t;
  }
}

TEST_P(Rule, GuidesTowardsTheObservations) {
  const auto y = linear_observations(1);
  const auto of_prior = prior(correlated());
  const auto x = rows(4, 4);
  for (const double t : {0.3, 0.6}) {
    const double mu = schedule.mu(t), sigma = schedule.sigma(t);
    const Tensor guided = epsilon(y, x, t), before = (x - sigma * of_prior->epsilon(x, t)) / mu;
    const Tensor along = y.apply(-sigma / mu * (guided - of_prior->epsilon(x, t)));
    // The change of x̂ has a part along each member's own departure.
    EXPECT_TRUE((along * y.departure(before)).sum(1).gt(0).all().item<bool>()) << "t = " << t;
  }
}

/// gradient(c d) = cᵏ gradient(d): by observations that lie c times as far from what is read of x = 0.
TEST_P(Rule, HasTheDegreeItSays) {
  const Tensor x = at::zeros({1, length, d}, at::kDouble);
  auto y = linear_observations(1);
  const Tensor once = epsilon(y, x, 0.4);
  y.parts[0].values = 3 * y.parts[0].values;
  const double scale = std::pow(3.0, sda::make_likelihood_rule(parameters())->degree());
  EXPECT_LT(difference(epsilon(y, x, 0.4), scale * once), sda::tolerance::exact_float64);
}

TEST_P(Rule, KeepsShapeAndDtypeAndMembersApart) {
  for (const auto& y : {linear_observations(1), curved_observations()}) {
    for (const auto dtype : {at::kFloat, at::kDouble}) {
      const Tensor x = rows(4, 5, dtype), all = epsilon(y, x, 0.3);
      EXPECT_EQ(all.sizes(), x.sizes());
      EXPECT_EQ(all.scalar_type(), dtype);
      EXPECT_TRUE(all.isfinite().all().item<bool>());
      const double bound = dtype == at::kFloat ? sda::tolerance::exact_float32 : sda::tolerance::exact_float64;
      for (std::int64_t i = 0; i < 4; ++i)
        EXPECT_LT(difference(epsilon(y, x.narrow(0, i, 1), 0.3), all.narrow(0, i, 1)), bound) << i;
    }
  }
}

TEST_P(Rule, Float32IsNearFloat64) {
  for (const auto& y : {linear_observations(1), curved_observations()}) {
    for (const double t : {0.3, 0.9}) {
      const Tensor x = rows(4, 6, at::kFloat);
      EXPECT_LT(difference(epsilon(y, x, t).to(at::kDouble), epsilon(y, x.to(at::kDouble), t)),
                sda::tolerance::exact_float32)
          << "t = " << t;
    }
  }
}

TEST_P(Rule, TakesTheSameObservationsInSeveralParts) {
  const Tensor x = rows(3, 7);
  for (const double t : times) {
    // The parts' observations come in another order, by which the Krylov space of MMPS rounds otherwise.
    EXPECT_LT(difference(epsilon(linear_observations(2), x, t), epsilon(linear_observations(1), x, t)),
              sda::tolerance::exact_float64)
        << t;
  }
}

TEST_P(Rule, MakesThePassesItSays) {
  for (const bool detach : {false, true}) {
    for (const std::int64_t iterations : {1, 4, 20}) {
      auto p = parameters(detach);
      p.iterations = iterations;
      const auto counting = std::make_shared<Counting>(prior(correlated()));
      const PosteriorScore posterior(counting, schedule, linear_observations(1), p);
      posterior.epsilon(rows(2, 8), 0.4);
      EXPECT_EQ(counting->passes, posterior.passes()) << detach << " " << iterations;
      EXPECT_EQ(counting->passes, sda::passes(p, observations));
    }
  }
}

TEST_P(Rule, TakesTheNoiseItSays) {
  const sda::Noise laplace({0.5}, {.kind = "laplace"});
  const auto make = [&] { return epsilon(linear_observations(1, laplace), rows(2, 9), 0.4); };
  if (GetParam().any_noise) {
    EXPECT_TRUE(make().isfinite().all().item<bool>());
  } else {
    EXPECT_THROW(make(), sda::UsageError);
  }
}

INSTANTIATE_TEST_SUITE_P(, Rule, testing::ValuesIn(sda::likelihood_rules()),
                         [](const auto& rule) { return rule.param.name; });

TEST(LikelihoodRules, NoneIsThePrior) {
  const PosteriorScore none(prior(correlated()), schedule, linear_observations(1), {.rule = "none"});
  const Tensor x = draw({2, length, d}, 10);
  EXPECT_TRUE(none.epsilon(x, 0.4).equal(prior(correlated())->epsilon(x, 0.4)));
  EXPECT_EQ(none.rule(), nullptr);
  EXPECT_EQ(none.passes(), 1);
  EXPECT_EQ(sda::method_name({.rule = "none"}), "prior");
  EXPECT_EQ(sda::likelihood_rule_kind("none"), nullptr);
}

TEST(LikelihoodRules, AreNamedInResults) {
  EXPECT_EQ(sda::method_name({.rule = "sda"}), "SDA");
  EXPECT_EQ(sda::method_name({.rule = "sda", .detach = true}), "SDA, detached");
  EXPECT_EQ(sda::method_name({.rule = "mmps", .detach = true}), "MMPS");
  EXPECT_EQ(sda::method_name({.rule = "pigdm"}), "PiGDM");
  EXPECT_EQ(sda::method_name({.rule = "dps"}), "DPS");
  EXPECT_THROW(sda::method_name({.rule = "mmsp"}), sda::UsageError);
}
