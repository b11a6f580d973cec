/// Gaussian noise of observations, what check() refuses, and how observations are made.
#include "sda/observation/observations.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace {

using sda::GaussianNoise;
using sda::Tensor;
using testing::HasSubstr;

const sda::StateLayout lorenz{.event = {3}, .variables = {{"x", "x"}, {"y", "y"}, {"z", "z"}}, .space_names = {}};

sda::Normalisation lorenz_normalisation() {
  return {at::tensor({0.0, 0.0, 25.0}, at::kDouble), at::tensor({8.0, 9.0, 8.6}, at::kDouble)};
}

sda::Observations lo(std::uint64_t seed = 1, std::uint64_t index = 0, double sigma = 0.05) {
  const auto truth = at::arange(17 * 3, at::kDouble).reshape({17, 3});
  return sda::observe(truth, lorenz, lorenz_normalisation(), {{"every", {8}}, {"select", {0}}}, GaussianNoise({sigma}),
                      "lo", seed, index);
}

template <class Error>
std::string refusal(const sda::Observations& observations) {
  try {
    observations.check();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST(GaussianNoise, RefusesWhatIsNoStandardDeviation) {
  for (const double sigma : {0.0, -0.05, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_THROW(GaussianNoise({0.1, sigma}), sda::ValueError) << sigma;
  }
  EXPECT_THROW(GaussianNoise({}), sda::ValueError);
}

TEST(GaussianNoise, BroadcastsOneValueOrTakesOneForEachElement) {
  EXPECT_TRUE(GaussianNoise({0.5}).sigma({2, 2}, at::kDouble).equal(at::full({2, 2}, 0.5, at::kDouble)));
  const auto each = GaussianNoise({1, 2, 3, 4}).sigma({2, 2}, at::kFloat);
  EXPECT_TRUE(each.equal(at::tensor({1, 2, 3, 4}, at::kFloat).reshape({2, 2})));
  EXPECT_THROW(GaussianNoise({1, 2, 3}).sigma({2, 2}, at::kDouble), sda::ShapeError);
}

TEST(GaussianNoise, LogProbIsTheSumOfEachObservationsDensity) {
  const GaussianNoise noise({0.5, 2.0});
  const auto y = at::tensor({1.0, 2.0, 3.0, 4.0}, at::kDouble).reshape({2, 2});
  const auto observations = at::stack({y, y + at::tensor({0.5, 1.0}, at::kDouble)});
  const auto log_prob = noise.log_prob(y, observations);
  // Two times, ln 0.5 + ln 2 = 0: −4 ln(2π)/2, and for the second member (1² + 0.5²)/2 less at each time.
  const double at_mode = -2 * std::log(2 * std::numbers::pi);
  EXPECT_NEAR(log_prob[0].item<double>(), at_mode, 1e-14);
  EXPECT_NEAR(log_prob[1].item<double>(), at_mode - 1.25, 1e-14);
  EXPECT_THROW(noise.log_prob(y, observations.unsqueeze(-1)), sda::ShapeError);
}

TEST(Observe, AddsNoiseOfTheStreamToTheNormalisedObservation) {
  const auto y = lo();
  const auto observation = at::tensor({0.0, 24.0 / 8, 48.0 / 8}, at::kDouble).reshape({3, 1});
  const sda::StreamKey key{.seed = 1, .purpose = sda::Purpose::observation_noise};
  const auto epsilon = sda::normal({1, 3, 1}, key, at::kDouble).squeeze(0);
  EXPECT_TRUE(y.parts[0].values.equal(observation + 0.05 * epsilon));
  EXPECT_EQ(y.parts[0].values.scalar_type(), at::kDouble);
  EXPECT_EQ(y.length, 17);
  EXPECT_TRUE(lo().parts[0].values.equal(y.parts[0].values));
  EXPECT_FALSE(lo(2).parts[0].values.equal(y.parts[0].values));
  EXPECT_FALSE(lo(1, 1).parts[0].values.equal(y.parts[0].values));
}

TEST(Observe, DrawsTheNoiseOfEachPartFromAStepOfItsOwn) {
  const auto truth = at::arange(17 * 3, at::kDouble).reshape({17, 3});
  const auto y =
      sda::observe(truth, lorenz, lorenz_normalisation(),
                   {{.name = "first", .chain = {{"every", {8}}, {"select", {0}}}, .noise = GaussianNoise({0.05})},
                    {.name = "z", .chain = {{"select", {2}}}, .noise = GaussianNoise({2})}},
                   "both", 1, 4);
  ASSERT_EQ(y.parts.size(), 2u);
  EXPECT_TRUE(y.parts[0].values.equal(lo(1, 4).parts[0].values));
  const sda::StreamKey key{.seed = 1, .purpose = sda::Purpose::observation_noise, .first_member = 4, .step = 1};
  const auto z = (truth.slice(1, 2, 3) - 25) / 8.6;
  EXPECT_TRUE(y.parts[1].values.equal(z + 2 * sda::normal({1, 17, 1}, key, at::kDouble).squeeze(0)));
  EXPECT_EQ(y.describe(), "first: every 8th state → component 0; z: every state → component 2");
}

TEST(Observations, PartsAddUp) {
  // Two instruments on two states of one component: y = x at both, and y = 3 x at the second.
  const sda::StateLayout line{.event = {1}, .variables = {{"x", "x"}}, .space_names = {}};
  const auto unit = sda::Normalisation::identity({1});
  sda::Observations y{.layout = line, .normalisation = unit, .length = 2, .parts = {}};
  y.parts = {{.name = "all", .chain = {}, .noise = GaussianNoise({0.5})},
             {.name = "last", .chain = {{"last", {1}}, {"scale", {3}}}, .noise = GaussianNoise({2})}};
  for (auto& part : y.parts) part.op = sda::make_operator(part.chain, line, unit);
  y.parts[0].values = at::tensor({1.0, 2.0}, at::kDouble).reshape({2, 1});
  y.parts[1].values = at::tensor({12.0}, at::kDouble).reshape({1, 1});
  y.check();
  const auto x = at::tensor({1.5, 2.0, 1.0, 4.0}, at::kDouble).reshape({2, 2, 1});

  EXPECT_TRUE(y.apply(x).equal(at::tensor({1.5, 2.0, 6.0, 1.0, 4.0, 12.0}, at::kDouble).reshape({2, 3})));
  const auto departure = y.departure(x);
  EXPECT_TRUE(departure.equal(at::tensor({-0.5, 0.0, 6.0, 0.0, -2.0, 0.0}, at::kDouble).reshape({2, 3})));
  EXPECT_TRUE(y.vjp(x, departure).flatten().equal(at::tensor({-0.5, 18.0, 0.0, -2.0}, at::kDouble)));
  EXPECT_TRUE(y.variance(at::kDouble).equal(at::tensor({0.25, 0.25, 4.0}, at::kDouble)));
  // z² = 1 + 9 and 16 over three observations each, and ln σ = −ln 2 twice and ln 2.
  const double at_mode = -1.5 * std::log(2 * std::numbers::pi) + std::log(2);
  EXPECT_NEAR(y.log_prob(x)[0].item<double>(), at_mode - 5, 1e-13);
  EXPECT_NEAR(y.log_prob(x)[1].item<double>(), at_mode - 8, 1e-13);
  EXPECT_NEAR(y.departure_over_sigma(x), std::sqrt(26.0 / 6), 1e-14);
  EXPECT_THROW(y.vjp(x, departure.narrow(1, 0, 2)), sda::ShapeError);
}

TEST(Observe, RefusesAnotherEvent) {
  EXPECT_THROW(sda::observe(at::zeros({17, 4}), lorenz, lorenz_normalisation(), {}, GaussianNoise({1}), "lo", 1, 0),
               sda::ShapeError);
}

TEST(ObservationsCheck, SaysWhatDoesNotFit) {
  auto y = lo();
  y.parts[0].values = y.parts[0].values.slice(0, 0, 2);
  EXPECT_THAT(refusal<sda::ShapeError>(y), HasSubstr("observations lo: observed values do not fit the operator: found "
                                                     "2 × 1, expected 3 × 1 (every 8th state → component 0 of 17"));
  y = lo();
  y.length = 33;
  EXPECT_THAT(refusal<sda::ShapeError>(y), HasSubstr("expected 5 × 1"));
  y = lo();
  y.parts[0].values[1][0] = std::numeric_limits<double>::infinity();
  EXPECT_THAT(refusal<sda::ValueError>(y), HasSubstr("not finite: found 1 NaN or infinite"));
  y = lo();
  y.parts[0].noise = GaussianNoise({0.1, 0.2});
  EXPECT_THAT(refusal<sda::ShapeError>(y), HasSubstr("2 standard deviations"));
  y = lo();
  y.truth = y.truth.slice(0, 0, 5);
  EXPECT_THAT(refusal<sda::ShapeError>(y), HasSubstr("true trajectory"));
  y = lo();
  y.parts[0].op = nullptr;
  EXPECT_THAT(refusal<sda::ValueError>(y), HasSubstr("no operator"));
  y = lo();
  y.length = 0;
  EXPECT_THAT(refusal<sda::ValueError>(y), HasSubstr("length 0"));
  y = lo();
  y.parts.clear();
  EXPECT_THAT(refusal<sda::ValueError>(y), HasSubstr("nothing is observed"));
}

TEST(ObservationsCheck, PartsNeedNamesThatFilesCanHold) {
  auto y = lo();
  y.parts.push_back(y.parts[0]);
  const auto refused = [&](const std::string& first, const std::string& second) {
    y.parts[0].name = first;
    y.parts[1].name = second;
    return refusal<sda::ValueError>(y);
  };
  EXPECT_EQ(refused("a", "b_2"), "accepted");
  EXPECT_THAT(refused("a", ""), HasSubstr("observations lo: a part of observations needs a name"));
  EXPECT_THAT(refused("a", "a"), HasSubstr("another name for each part"));
  EXPECT_THAT(refused("a", "two words"), HasSubstr("found two words, expected a word"));
  EXPECT_THAT(refused("2", "a"), HasSubstr("expected a word"));
  EXPECT_THAT(refused("truth", "a"), HasSubstr("another name than truth"));
  refused("a", "b");
  y.parts[1].values = y.parts[1].values.slice(0, 0, 2);
  EXPECT_THAT(refusal<sda::ShapeError>(y), HasSubstr("observations lo, part b: observed values do not fit"));
}

// Points with times of their own, of states 4, 1 and 4: components 0, 2 and 1.
TEST(Observations, ByStateGivesEachStateItsObservations) {
  const auto truth = at::arange(6 * 3, at::kDouble).reshape({6, 3});
  const sda::OperatorLink points{"points", {4, 1, 4, 0, 2, 1}, {"time", "variable"}};
  const auto y = sda::observe(truth, lorenz, lorenz_normalisation(), {{"physical", {}}, points},
                              GaussianNoise({0.1, 0.2, 0.3}), "sondes", 1, 0);
  EXPECT_EQ(y.parts.front().values.sizes(), (at::IntArrayRef{1, 3}));
  const auto single = y.by_state();
  single.check();
  ASSERT_EQ(single.parts.size(), 2u);
  EXPECT_EQ(single.parts[0].name, "observations_1");
  EXPECT_TRUE(single.parts[0].values.equal(y.parts.front().values.narrow(1, 1, 1)));
  EXPECT_EQ(single.parts[0].noise.values(), std::vector<double>{0.2});
  EXPECT_EQ(single.parts[1].noise.values(), (std::vector<double>{0.1, 0.3}));
  EXPECT_TRUE(single.parts[1].op->reads_states_alone());
  const auto x = at::arange(2 * 6 * 3, at::kDouble).sin().reshape({2, 6, 3});
  EXPECT_TRUE(single.log_prob(x).allclose(y.log_prob(x), 1e-14));

  auto between = points;
  between.numbers.front() = 3.5;
  const auto halfway = sda::observe(truth, lorenz, lorenz_normalisation(), {between}, GaussianNoise({1}), "h", 1, 0);
  EXPECT_THROW(halfway.by_state(), sda::UnsupportedError);
}

TEST(Observations, CountsObservationsOfWhereThereAreNoValues) {
  sda::StateLayout sea{.event = {1, 4, 4}, .variables = {{"ssh", "height"}}, .space_names = {"y", "x"}};
  const auto observed = [&] {
    return sda::observe(at::zeros({2, 1, 4, 4}, at::kDouble), sea, sda::Normalisation::identity(sea.event),
                        {{"coarsen", {2}}}, GaussianNoise({1}), "blocks", 1, 0);
  };
  EXPECT_EQ(sda::valueless_observations(observed()), std::vector<std::int64_t>{0});
  sea.mask = at::ones(sea.event, at::kBool);
  sea.mask[0][0][1] = false;
  sea.mask[0][1][0] = false;                                                         // in the same block
  EXPECT_EQ(sda::valueless_observations(observed()), std::vector<std::int64_t>{2});  // of each state one
}
