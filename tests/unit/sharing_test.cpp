/// Ranks that share the states of a trajectory do what one does with the whole.
#include <gmock/gmock.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/prior/scores.hpp"
#include "sda/sampling/sampler.hpp"
#include "sda/study/windows.hpp"
#include "threads_as_ranks.hpp"
#include "tolerance.hpp"

namespace sda {
namespace {

using testing::ThreadsAsRanks;

constexpr std::int64_t length = 31, d = 2;
const NoiseSchedule schedule;

Tensor drawn(at::IntArrayRef shape, std::uint64_t which) {
  return normal(shape, {.seed = which, .purpose = Purpose::test}, at::kDouble);
}

double largest(const Tensor& values) {
  return values.abs().max().item<double>();
}

/// Of a chain of rotations that decays, window by window.
std::shared_ptr<const DifferentiableScore> windowed(std::int64_t order, std::int64_t stride) {
  const std::int64_t window = 2 * order + 1;
  const Tensor covariance = stationary_process(rotation_chain(0.97, 0.3)).covariance(window);
  return std::make_shared<WindowedScore>(make_gaussian_score(schedule, at::zeros({window, d}, at::kDouble), covariance),
                                         order, stride);
}

Tensor own_states(const Tensor& x, const Communicator& ranks) {
  const Share share = share_of(x.size(1), ranks.size(), ranks.rank());
  return x.narrow(1, share.first, share.count).contiguous();
}

std::shared_ptr<const DifferentiableScore> sharded(std::int64_t order, std::int64_t stride, const Communicator& ranks) {
  return make_sharded_score(windowed(order, stride), plan_windows(order, stride, length), ranks);
}

struct Case {
  int ranks;
  std::int64_t order, stride;
};

class ShardedScoreOf : public ::testing::TestWithParam<Case> {};

TEST_P(ShardedScoreOf, IsTheWholeTrajectorys) {
  const auto [ranks, order, stride] = GetParam();
  const Tensor x = drawn({3, length, d}, 1), v = drawn({3, length, d}, 2);
  const auto whole = windowed(order, stride)->linearise(x, 0.3);
  ThreadsAsRanks threads(ranks);
  const Tensor epsilon = threads.joined(
      1, [&](const Communicator& rank) { return sharded(order, stride, rank)->epsilon(own_states(x, rank), 0.3); });
  EXPECT_LT(largest(epsilon - whole->epsilon()), tolerance::exact_float64);
  const Tensor vjp = threads.joined(1, [&](const Communicator& rank) {
    const auto linear = sharded(order, stride, rank)->linearise(own_states(x, rank), 0.3);
    EXPECT_LT(largest(linear->epsilon() - own_states(whole->epsilon(), rank)), tolerance::exact_float64);
    return linear->vjp(own_states(v, rank));
  });
  EXPECT_LT(largest(vjp - whole->vjp(v)), tolerance::exact_float64);
}

INSTANTIATE_TEST_SUITE_P(Ranks, ShardedScoreOf,
                         ::testing::Values(Case{1, 2, 1}, Case{2, 2, 1}, Case{3, 2, 1}, Case{4, 3, 1}, Case{7, 2, 1},
                                           Case{2, 2, 3}, Case{3, 2, 2}, Case{4, 1, 3}, Case{3, 2, 5}),
                         [](const auto& given) {
                           return "R" + std::to_string(given.param.ranks) + "k" + std::to_string(given.param.order) +
                                  "stride" + std::to_string(given.param.stride);
                         });

/// Counts what a rank sends.
class Counting final : public Communicator {
 public:
  explicit Counting(const Communicator& ranks) : ranks_(ranks) {}
  int rank() const override { return ranks_.rank(); }
  int size() const override { return ranks_.size(); }
  Tensor sum(const Tensor& values) const override { return ++sums, ranks_.sum(values); }
  void exchange(const Tensor& to_before, const Tensor& to_after, Tensor& from_before,
                Tensor& from_after) const override {
    if (rank() > 0) states += to_before.size(1);
    if (rank() + 1 < size()) states += to_after.size(1);
    ranks_.exchange(to_before, to_after, from_before, from_after);
  }
  std::vector<Tensor> gather(const Tensor& part) const override { return ranks_.gather(part); }

  mutable std::int64_t states = 0, sums = 0;

 private:
  const Communicator& ranks_;
};

/// What decision 0035 and docs/results/ranks.md reckon with: 2 k states a boundary, for each evaluation and each VJP.
TEST(ShardedScore, ExchangesTwiceKStatesABoundary) {
  for (const int size : {2, 3, 7}) {
    const Tensor sent = ThreadsAsRanks(size).joined(0, [&](const Communicator& rank) {
      const Counting counting(rank);
      const auto score = sharded(2, 1, counting);
      const auto linear = score->linearise(own_states(drawn({1, length, d}, 1), rank), 0.3);
      const std::int64_t forward = counting.states;
      linear->vjp(linear->epsilon());
      return at::tensor({forward, counting.states - forward, counting.sums}, at::kLong).unsqueeze(0);
    });
    const std::int64_t expected = 2 * 2 * (size - 1);
    EXPECT_TRUE(sent.sum(0).equal(at::tensor({expected, expected, std::int64_t{0}}, at::kLong))) << sent;
  }
}

TEST(ShardedScore, RefusesSharesSmallerThanAHalo) {
  ThreadsAsRanks threads(7);
  EXPECT_THAT(
      [&] { threads.run([](const Communicator& rank) { sharded(5, 1, rank); }); },
      ::testing::ThrowsMessage<UsageError>(::testing::HasSubstr("fewer states than their neighbours' windows")));
}

/// Every third state, both components; one component of a few, nothing of most; and points at times of their own.
Observations observations(const NoiseShape& noise) {
  Observations y;
  y.length = length;
  y.layout.event = {d};
  y.layout.variables = {{"x", "x"}, {"y", "y"}};
  y.normalisation = Normalisation::identity(y.layout.event);
  const auto add = [&](const std::string& name, const std::vector<OperatorLink>& chain, std::uint64_t which) {
    const auto op = make_operator(chain, y.layout, y.normalisation);
    const Tensor values = drawn(op->observations_shape(length, y.layout.event), which);
    y.parts.push_back({.name = name, .chain = chain, .noise = Noise({0.4}, noise), .op = op, .values = values});
  };
  add("thirds", {{"every", {3}}}, 3);
  add("few", {{"times", {1, 2, 29}}, {"select", {1}}, {"saturate", {}}}, 4);
  PointObservations points;
  points.time = {4, 5.5, 28}, points.variable = {0, 1, 1};
  points.value = {0.3, -0.2, 1.1}, points.error = {0.2, 0.3, 0.2};
  y.parts.push_back(point_part("points", points, noise, y.layout, y.normalisation));
  y.check();
  return y;
}

TEST(ObservationsWithin, OfAllSharesAreTheWhole) {
  const Observations whole = observations({});
  const Tensor x = drawn({2, length, d}, 5);
  for (const std::int64_t ranks : {1, 2, 3, 7}) {
    double log_prob = 0, squares = 0;
    std::int64_t count = 0;
    std::vector<Tensor> gradients;
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
      const auto [first, states] = share_of(length, ranks, rank);
      const Observations own = whole.within(first, states);
      own.check();
      const Tensor here = x.narrow(1, first, states).contiguous(), departure = own.departure(here);
      log_prob += own.log_prob(here)[1].item<double>();
      squares += departure.square().sum().item<double>();
      count += departure.size(1);
      gradients.push_back(own.vjp(here, departure));
    }
    const Tensor departure = whole.departure(x);
    EXPECT_EQ(count, departure.size(1));
    EXPECT_NEAR(log_prob, whole.log_prob(x)[1].item<double>(), tolerance::exact_float64 * 100);
    EXPECT_NEAR(squares, departure.square().sum().item<double>(), tolerance::exact_float64 * 100);
    EXPECT_LT(largest(at::cat(gradients, 1) - whole.vjp(x, departure)), tolerance::exact_float64);
  }
}

TEST(ObservationsWithin, RefusesAPointBetweenTwoShares) {
  EXPECT_THROW(observations({}).within(0, 6), UnsupportedError);  // the point at 5.5
  EXPECT_THROW(observations({}).within(6, 25), UnsupportedError);
}

struct Guided {
  std::string name;
  GuidanceParameters guidance;
  NoiseShape noise{};
};

class SharedPosterior : public ::testing::TestWithParam<Guided> {};

TEST_P(SharedPosterior, IsTheWholeTrajectorys) {
  const Observations y = observations(GetParam().noise);
  const Tensor x = drawn({3, length, d}, 6);
  const PosteriorScore whole(windowed(2, 1), schedule, y, GetParam().guidance);
  for (const int ranks : {2, 3, 7}) {
    const Tensor shared = ThreadsAsRanks(ranks).joined(1, [&](const Communicator& rank) {
      const auto [first, count] = share_of(length, rank.size(), rank.rank());
      const PosteriorScore own(sharded(2, 1, rank), schedule, y.within(first, count), GetParam().guidance, rank);
      EXPECT_EQ(own.passes(), whole.passes());
      return own.epsilon(own_states(x, rank), 0.3);
    });
    EXPECT_LT(largest(shared - whole.epsilon(x, 0.3)), 10 * tolerance::exact_float64) << ranks;
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, SharedPosterior,
                         ::testing::Values(Guided{"sda", {.rule = "sda"}}, Guided{"dps", {.rule = "dps"}},
                                           Guided{"pigdm", {.rule = "pigdm"}},
                                           Guided{"mmps", {.rule = "mmps", .iterations = 3}},
                                           Guided{"laplace", {.rule = "mmps", .iterations = 3}, {.kind = "laplace"}}),
                         [](const auto& given) { return given.param.name; });

class SharedSampler : public ::testing::TestWithParam<std::pair<std::string, SamplerParameters>> {};

TEST_P(SharedSampler, DrawsTheWholeTrajectorys) {
  const Sampler sampler(schedule, GetParam().second);
  const Shape shape{2, length, d};
  const Tensor whole = sampler.sample(*windowed(2, 1), shape, /*seed=*/3, /*first_member=*/5, {}, at::kDouble);
  for (const int ranks : {2, 3, 7}) {
    const Tensor shared = ThreadsAsRanks(ranks).joined(1, [&](const Communicator& rank) {
      const auto [first, count] = share_of(length, rank.size(), rank.rank());
      const SamplerShare share{.first_state = first, .length = length, .states = &rank, .all = &rank};
      const auto start = sampler.start({2, count, d}, 3, 5, at::kDouble, share);
      return sampler.finish(start, *sharded(2, 1, rank), 3, 5, {}, {}, share);
    });
    EXPECT_LT(largest(shared - whole), 10 * tolerance::exact_float64) << ranks;
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, SharedSampler,
                         ::testing::Values(std::pair("churn", SamplerParameters{.steps = 16}),
                                           std::pair("langevin",
                                                     SamplerParameters{.steps = 16, .corrections = 2, .tau = 0.3})),
                         [](const auto& given) { return given.param.first; });

TEST(Sharing, IsEvenAndWhole) {
  for (const std::int64_t parts : {1, 2, 3, 7}) {
    std::int64_t next = 0;
    for (std::int64_t i = 0; i < parts; ++i) {
      const Share share = share_of(23, parts, i);
      EXPECT_EQ(share.first, next);
      EXPECT_TRUE(share.count == 23 / parts || share.count == 23 / parts + 1);
      next += share.count;
    }
    EXPECT_EQ(next, 23);
  }
}

}  // namespace
}  // namespace sda
