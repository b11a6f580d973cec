/// What every noise must do, against numerical integration: densities, marginals, derivatives and draws. The example of
/// each kind in the registry is tried, and those below.
#include "sda/observation/noise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/torch.hpp"
#include "observation/noise/kinds.hpp"
#include "tolerance.hpp"

namespace sda {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Example {
  std::string name;
  NoiseShape shape;
  double sigma = 0.4, a = 0.7;
};

/// Noise as a user writes it: skewed, with the default marginal.
class Gumbel final : public NoiseModel {
 public:
  explicit Gumbel(double scale) : scale_(scale) {}
  Tensor log_density(const Tensor& y, const Tensor& a, const Tensor& sigma) const override {
    const Tensor b = scale_ * sigma, z = (y - a) / b;
    return -z - (-z).exp() - b.log();
  }
  Tensor draw(const Tensor& a, const Tensor& sigma, const StreamKey& key) const override {
    return a - scale_ * sigma * (-uniform(a.sizes(), key, at::kDouble).log()).log();
  }
  Tensor variance(const Tensor& a, const Tensor& sigma) const override {
    return (scale_ * sigma * M_PI).square().expand_as(a) / 6;
  }
  Tensor standardised(const Tensor& y, const Tensor& a, const Tensor& sigma) const override {
    constexpr double euler = 0.57721566490153286;
    return ((y - a) / (scale_ * sigma) - euler) * std::sqrt(6.0) / M_PI;
  }
  std::string describe() const override { return "Gumbel noise of scale"; }

 private:
  double scale_;
};
[[maybe_unused]] const bool known = register_noise(
    "gumbel", [](const std::vector<double>& parameters) { return std::make_shared<Gumbel>(parameters.at(0)); });

const std::vector<Example> examples{
    {"gaussian", {}},
    {"cauchy", {.kind = "student_t", .degrees_of_freedom = 1}},
    {"student_t_4", {.kind = "student_t"}},
    {"student_t_30", {.kind = "student_t", .degrees_of_freedom = 30}},
    {"laplace", {.kind = "laplace"}},
    {"outliers", {.kind = "mixture", .weights = {0.9, 0.1}, .means = {0, 0}, .scales = {1, 10}}},
    {"two_sided", {.kind = "mixture", .weights = {0.3, 0.5, 0.2}, .means = {-4, 3, 0}, .scales = {0.5, 1, 2}}},
    {"censored", {.kind = "censored", .bounds = {0.2, 1.3}}},
    {"censored_above", {.kind = "censored", .bounds = {-infinity, 0.9}}},
    {"few_counts", {.kind = "poisson"}, 0.4, 0.7},
    {"counts", {.kind = "poisson"}, 0.1, 0.8},
    {"of_ones_own", {.kind = "gumbel", .parameters = {0.9}}},
};

/// Those above, and the example of each kind that none of them is of.
std::vector<Example> all_examples() {
  std::vector<Example> all = examples;
  for (const auto& kind : observation::all_noise_kinds()) {
    const auto is_of_it = [&](const Example& e) { return e.shape.kind == kind.name; };
    if (std::none_of(all.begin(), all.end(), is_of_it)) all.push_back({kind.name, kind.example});
  }
  return all;
}

Tensor number(double value) {
  return at::full({1}, value, at::kDouble);
}

/// All values an observation may have, with the weight of each in a sum that stands for the integral over y.
struct Values {
  Tensor y, weight;
};

Values values_of(const Example& of) {
  const auto midpoints = [](double from, double to, std::int64_t n) {
    const double step = (to - from) / static_cast<double>(n);
    const Tensor y = from + step * (at::arange(n, at::kDouble) + 0.5);
    return Values{y, at::full_like(y, step)};
  };
  if (of.shape.kind == "poisson") {
    const Tensor n = at::arange(200, at::kDouble);
    return {n * of.sigma, at::ones_like(n)};
  }
  if (of.shape.kind == "censored") {
    // Within the bounds a density, at them a probability.
    const double min = std::max(of.shape.bounds[0], -12.0), max = of.shape.bounds[1];
    auto [y, weight] = midpoints(min, max, 100000);
    Tensor at_bounds = number(max);
    if (std::isfinite(of.shape.bounds[0])) at_bounds = at::cat({number(min), at_bounds});
    return {at::cat({y, at_bounds}), at::cat({weight, at::ones_like(at_bounds)})};
  }
  // y = a + σ sinh u: tails of every kind die away in u.
  const double step = 4e-4;
  const Tensor u = (at::arange(-100000, 100001, at::kDouble)) * step;
  return {of.a + of.sigma * u.sinh(), of.sigma * u.cosh() * step};
}

class OfEachNoise : public testing::TestWithParam<Example> {
 protected:
  const Example& of = GetParam();
  const Noise noise{{of.sigma}, of.shape};
  const NoiseModel& model = noise.model();
  const Tensor sigma = number(of.sigma);

  /// Values worth looking at: likely ones and rare ones.
  std::vector<double> some() const {
    if (of.shape.kind == "poisson") return {0, of.sigma, 2 * of.sigma, 5 * of.sigma, 40 * of.sigma};
    if (of.name == "censored") return {0.2, 0.5, 1.1, 1.3};
    if (of.name == "censored_above") return {-2, 0.5, 0.9};
    return {of.a, of.a + 0.1, of.a - 3 * of.sigma, of.a + 20 * of.sigma};
  }
  MarginalLikelihood marginal(double y, double m, double s) const {
    return model.marginal(number(y), number(m), sigma, number(s * s));
  }
  double log_marginal(double y, double m, double s) const { return marginal(y, m, s).log_density.item<double>(); }
};

TEST_P(OfEachNoise, DensityIntegratesToOne) {
  const auto [y, weight] = values_of(of);
  const Tensor p = model.log_density(y, number(of.a), sigma).exp();
  EXPECT_NEAR((p * weight).sum().item<double>(), 1, tolerance::integrated);
}

TEST_P(OfEachNoise, MarginalIntegratesToOne) {
  const auto [y, weight] = values_of(of);
  for (const double s : {0.01, 0.3, 2.0}) {
    const Tensor p = model.marginal(y, number(of.a), sigma, number(s * s)).log_density.exp();
    EXPECT_NEAR((p * weight).sum().item<double>(), 1, tolerance::integrated) << s;
  }
}

TEST_P(OfEachNoise, MarginalIsTheIntegralOverThePrediction) {
  const double step = 1e-4;
  const Tensor u = at::arange(-120000, 120001, at::kDouble) * step;
  for (const double s : {0.02, 0.3, 1.5}) {
    for (const double m : {of.a, of.a - 0.4, of.a + 1.2}) {
      for (const double y : some()) {
        const double reach = std::hypot(of.sigma, s);
        if (of.shape.kind != "poisson" && std::abs(y - m) > 6 * reach) continue;  // a beyond ±12 s counts there
        const Tensor p = model.log_density(number(y), m + s * u, sigma).exp();
        const double expected = ((p * (-u.square() / 2).exp()).sum() * step / std::sqrt(2 * M_PI)).item<double>();
        if (expected < 1e-200) continue;
        EXPECT_NEAR(log_marginal(y, m, s), std::log(expected), tolerance::integrated) << y << ", " << m << " ± " << s;
      }
    }
  }
}

TEST_P(OfEachNoise, ScoreAndCurvatureAreItsDerivatives) {
  const double h = 1e-5;
  for (const double s : {0.02, 0.3, 1.5}) {
    for (const double m : {of.a, of.a - 0.4, of.a + 1.2}) {
      for (const double y : some()) {
        const auto at = [&](double place) { return marginal(y, place, s); };
        const auto here = at(m);
        // The default's nodes do not resolve a tail that falls twice exponentially: Gumbel's lower one, far out.
        if (of.name == "of_ones_own" && here.log_density.item<double>() < std::log(1e-100)) continue;
        const double score = here.score.item<double>(), curvature = here.curvature.item<double>();
        const double slope = (at(m + h).log_density.item<double>() - at(m - h).log_density.item<double>()) / (2 * h);
        const double bend = -(at(m + h).score.item<double>() - at(m - h).score.item<double>()) / (2 * h);
        EXPECT_NEAR(score, slope, tolerance::finite_difference * std::max(1.0, std::abs(slope)))
            << y << ", " << m << " ± " << s;
        EXPECT_NEAR(curvature, bend, tolerance::finite_difference * std::max(1.0, std::abs(bend)))
            << y << ", " << m << " ± " << s;
      }
    }
  }
}

TEST_P(OfEachNoise, MarginalIsTheDensityWhereThePredictionIsSure) {
  for (const double y : some()) {
    const double expected = model.log_density(number(y), number(of.a), sigma).item<double>();
    EXPECT_NEAR(log_marginal(y, of.a, 1e-7), expected, tolerance::integrated * std::max(1.0, std::abs(expected))) << y;
  }
}

/// However far and however sure: what the sampler meets at both ends of t.
TEST_P(OfEachNoise, MarginalIsFiniteEverywhere) {
  for (const double s : {1e-6, 1e-3, 1.0, 1e3}) {
    for (const double m : {-1e3, -3.0, 0.0, 5.0, 1e3}) {
      for (const double y : some()) {
        const auto [log_density, score, curvature] = marginal(y, m, s);
        for (const auto& value : {log_density, score, curvature})
          EXPECT_TRUE(std::isfinite(value.item<double>())) << y << ", " << m << " ± " << s;
      }
    }
  }
}

/// Ten bins of equal probability, or of counts, or the two bounds and what lies between them.
TEST_P(OfEachNoise, DrawsAreOfTheDensity) {
  const std::int64_t n = 100000;
  const Tensor a = at::full({1, n}, of.a, at::kDouble);
  const Tensor drawn = model.draw(a, sigma, {.seed = 3, .purpose = Purpose::observation_noise}).flatten();
  ASSERT_EQ(drawn.numel(), n);
  const auto [y, weight] = values_of(of);
  const Tensor p = model.log_density(y, number(of.a), sigma).exp() * weight;
  const auto order = y.argsort();
  const Tensor sorted = y.index_select(0, order), reached = p.index_select(0, order).cumsum(0);
  double chi_square = 0, below = 0;
  std::int64_t bins = 0, counted = 0;
  const auto add = [&](double probability, std::int64_t count) {
    if (probability <= 0) return;
    const double expected = static_cast<double>(n) * probability, off = static_cast<double>(count) - expected;
    chi_square += off * off / expected;
    ++bins;
  };
  for (int bin = 1; bin <= 10; ++bin) {
    // The largest value whose cumulated probability does not exceed bin / 10; values of probability > 0 stay whole.
    const auto within = bin == 10 ? reached.numel() : reached.le(0.1 * bin + 1e-12).sum().item<std::int64_t>();
    if (within == 0) continue;
    const double top = sorted[within - 1].item<double>() + 1e-9;
    const double up_to = bin == 10 ? 1.0 : reached[within - 1].item<double>();
    const auto count = bin == 10 ? n : drawn.le(top).sum().item<std::int64_t>();
    if (up_to - below < 1e-9) continue;
    add(up_to - below, count - counted);
    below = up_to, counted = count;
  }
  ASSERT_GE(bins, 2);
  EXPECT_LT(chi_square, tolerance::chi_square_9) << bins << " bins";
}

TEST_P(OfEachNoise, DrawsHaveTheVariance) {
  const Tensor a = at::full({1, 100000}, of.a, at::kDouble);
  const Tensor drawn = model.draw(a, sigma, {.seed = 4, .purpose = Purpose::observation_noise});
  const double variance = model.variance(number(of.a), sigma).item<double>();
  if (of.shape.kind == "student_t" && of.shape.degrees_of_freedom <= 4) {
    // The fourth moment, or the second, is infinite: nothing to estimate.
    EXPECT_EQ(std::isinf(variance), of.shape.degrees_of_freedom <= 2);
    return;
  }
  EXPECT_NEAR(drawn.var().item<double>() / variance, 1, tolerance::simulated_deviation);
  const double z = model.standardised(drawn, a, sigma).square().mean().item<double>();
  if (of.shape.kind == "censored") {
    EXPECT_LT(z, 1);
  } else {
    EXPECT_NEAR(z, 1, of.name == "few_counts" ? 0.3 : tolerance::simulated_deviation);
  }
}

INSTANTIATE_TEST_SUITE_P(, OfEachNoise, testing::ValuesIn(all_examples()),
                         [](const auto& tested) { return tested.param.name; });

TEST(NoiseKinds, EachHasAnExampleOfItsOwn) {
  for (const auto& kind : observation::all_noise_kinds()) {
    if (kind.name == "gumbel") continue;  // added above
    EXPECT_EQ(kind.example.kind, kind.name) << "its row has no example";
  }
}

}  // namespace
}  // namespace sda
