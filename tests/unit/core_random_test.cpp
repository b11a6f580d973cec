// Random streams: Philox against the published vectors, draws against their distribution, and what makes the streams
// worth having: no batch, chunk or thread count changes a draw.
#include "sda/core/random.hpp"

#include <Random123/philox.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/stream.hpp"
#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace {

using sda::Purpose;
using sda::StreamKey;
using sda::Tensor;

std::array<std::uint32_t, 4> philox(const std::array<std::uint32_t, 4>& c, const std::array<std::uint32_t, 2>& k) {
  const auto b = sda::stream::philox({c[0], c[1], c[2], c[3]}, {k[0], k[1]});
  return {b.w0, b.w1, b.w2, b.w3};
}

// The known answers that Random123 publishes with its sources (kat_vectors, philox4x32, 10 rounds).
TEST(Random, PhiloxGivesThePublishedWords) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, PhiloxIsRandom123s) {
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const philox4x32_ctr_t c = {{i, 7 * i, ~i, i << 16}};
    const philox4x32_key_t k = {{i * i, i + 3}};
    const philox4x32_ctr_t want = philox4x32_R(10, c, k);
    const auto have = philox({c.v[0], c.v[1], c.v[2], c.v[3]}, {k.v[0], k.v[1]});
    ASSERT_TRUE(std::equal(have.begin(), have.end(), std::begin(want.v))) << i;
  }
}

// The filled tensor holds Box-Muller of the words that the stream's documented key and counter give.
TEST(Random, NormalsAreBoxMullerOfTheDocumentedCounter) {
  const std::uint64_t member = 0x1234567890abcdef, step = 0xfedcba9876543210;
  const StreamKey name{.seed = 42, .purpose = Purpose::sampler_start, .first_member = member, .step = step};
  const Tensor draws = sda::normal({2, 6}, name, at::kDouble), floats = sda::normal({2, 6}, name, at::kFloat);
  const threefry2x32_ctr_t k =
      threefry2x32_R(20, {{static_cast<std::uint32_t>(Purpose::sampler_start), 0xfedcba98}}, {{42, 0}});
  for (std::uint32_t m = 0; m < 2; ++m) {
    for (std::uint32_t e = 0; e < 6; ++e) {
      const auto words = [&](std::uint32_t block) {
        return philox4x32_R(10, {{block, 0x76543210, 0x90abcdef + m, 0x12345678}}, {{k.v[0], k.v[1]}});
      };
      const auto expected = [&](double u, double quarter, double place) {
        const double r = std::sqrt(-2 * std::log(u)), a = M_PI / 2 * quarter + M_PI / 4 * place;
        return e % 2 == 0 ? r * std::cos(a) : r * std::sin(a);
      };
      const auto turned = [](std::uint32_t w) { return static_cast<std::int32_t>(w << 2) * 0x1p-31; };
      const auto wide = words(e / 2);
      EXPECT_NEAR(draws[m][e].item<double>(),
                  expected((wide.v[0] + wide.v[1] * 0x1p-32) * 0x1p-32, wide.v[2] >> 30,
                           turned(wide.v[2]) + wide.v[3] * 0x1p-61),
                  1e-14);
      const auto narrow = words(e / 4);
      const std::uint32_t radius = narrow.v[e % 4 / 2 * 2], angle = narrow.v[e % 4 / 2 * 2 + 1];
      EXPECT_NEAR(floats[m][e].item<float>(), expected((radius + 0.5) * 0x1p-32, angle >> 30, turned(angle)), 2e-6);
    }
  }
}

TEST(Random, RowsInMemoryAreATensorsRows) {
  const StreamKey all{.seed = 3, .purpose = Purpose::test, .first_member = 5, .step = 2};
  StreamKey from_second = all;
  ++from_second.first_member;
  for (const std::int64_t row : {1, 15, 16}) {
    const Tensor normals = sda::normal({4, row}, all), uniforms = sda::uniform({4, row}, all);
    Tensor ours = at::zeros({3, row});
    sda::fill_normal(ours.data_ptr<float>(), 2, row, from_second);
    EXPECT_TRUE(at::equal(ours.narrow(0, 0, 2), normals.narrow(0, 1, 2)));
    sda::fill_uniform(ours.data_ptr<float>(), 2, row, from_second);
    EXPECT_TRUE(at::equal(ours.narrow(0, 0, 2), uniforms.narrow(0, 1, 2)));
    EXPECT_TRUE(at::equal(ours[2], at::zeros({row})));
  }
}

// Every special case of the transform: smallest and largest words, both ends of an octant.
TEST(Random, BoxMullerIsFiniteAtTheEnds) {
  for (const std::uint32_t w : {0U, 1U, 0x7fffffffU, 0x80000000U, 0xfffffffeU, 0xffffffffU}) {
    for (const std::uint32_t a : {0U, 0x20000000U, 0x1fffffffU, 0x40000000U, 0x80000000U, 0xffffffffU}) {
      const auto p = sda::stream::box_muller(w, a);
      EXPECT_NEAR(std::hypot(p.x, p.y), std::sqrt(-2 * std::log((w + 0.5) * 0x1p-32)), 2e-4);
      const auto q = sda::stream::box_muller(w, w, a, a);
      EXPECT_TRUE(std::isfinite(q.x) && std::isfinite(q.y));
      EXPECT_LE(std::hypot(q.x, q.y), 9.5);
    }
  }
}

template <class Cdf>
double kolmogorov_smirnov(const Tensor& draws, Cdf cdf) {
  const Tensor sorted = std::get<0>(draws.to(at::kDouble).flatten().sort());
  const auto x = sorted.accessor<double, 1>();
  const double n = static_cast<double>(x.size(0));
  double d = 0;
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    const double f = cdf(x[i]);
    d = std::max({d, f - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - f});
  }
  return d * std::sqrt(n);  // 1.95 is exceeded once in 1000 by true draws, 2.2 once in 8000
}

class RandomOfType : public testing::TestWithParam<at::ScalarType> {};
INSTANTIATE_TEST_SUITE_P(Types, RandomOfType, testing::Values(at::kFloat, at::kDouble));

TEST_P(RandomOfType, NormalsAreNormal) {
  const std::int64_t n = 1 << 20;
  const Tensor x = sda::normal({n / 3, 3}, {.seed = 1}, GetParam()).to(at::kDouble);
  const double count = static_cast<double>(x.numel());
  // Standard errors of the first four moments of N(0, 1): √(1/n), √(2/n), √(15/n), √(96/n).
  EXPECT_LT(std::abs(x.mean().item<double>()), 4 * std::sqrt(1 / count));
  EXPECT_LT(std::abs(x.square().mean().item<double>() - 1), 4 * std::sqrt(2 / count));
  EXPECT_LT(std::abs(x.pow(3).mean().item<double>()), 4 * std::sqrt(15 / count));
  EXPECT_LT(std::abs(x.pow(4).mean().item<double>() - 3), 4 * std::sqrt(96 / count));
  EXPECT_LT(kolmogorov_smirnov(x, [](double v) { return 0.5 * std::erfc(-v / std::sqrt(2.0)); }), 2.2);
  // Tails: P(|x| > 4) = 6.33e-5.
  const double tail = (x.abs() > 4).sum().item<double>(), expected = 6.334e-5 * count;
  EXPECT_LT(std::abs(tail - expected), 4 * std::sqrt(expected));
  // Columns of a row, and a column of one row and the next, are uncorrelated.
  const Tensor products = x.t().mm(x) / (count / 3);
  EXPECT_LT((products - at::eye(3, at::kDouble)).abs().max().item<double>(), 5 * std::sqrt(2 / (count / 3)));
  const double lag = (x.slice(0, 1) * x.slice(0, 0, -1)).mean().item<double>();
  EXPECT_LT(std::abs(lag), 4 * std::sqrt(1 / count));
}

TEST_P(RandomOfType, UniformsAreUniformAndOpen) {
  const Tensor u = sda::uniform({1 << 18, 3}, {.seed = 5}, GetParam());
  EXPECT_GT(u.min().item<double>(), 0);
  EXPECT_LT(u.max().item<double>(), 1);
  EXPECT_LT(kolmogorov_smirnov(u, [](double v) { return v; }), 2.2);
}

TEST_P(RandomOfType, ChunksOfMembersAreThePartsOfTheWhole) {
  for (const std::int64_t row : {1, 2, 3, 4, 5, 8, 195, 4096}) {
    StreamKey key{.seed = 3, .purpose = Purpose::sampler_correction, .first_member = 0xfffffffc, .step = 9};
    const Tensor whole = sda::normal({16, row}, key, GetParam()), wide = sda::uniform({16, row}, key, GetParam());
    Tensor first = sda::normal({8, row}, key, GetParam());
    StreamKey rest = key;
    rest.first_member += 8;
    const Tensor second = sda::normal({8, row}, rest, GetParam());
    EXPECT_TRUE(at::equal(whole, at::cat({first, second}))) << row;
    EXPECT_TRUE(at::equal(wide.slice(0, 8), sda::uniform({8, row}, rest, GetParam()))) << row;
    // A shorter row is the start of a longer one.
    EXPECT_TRUE(at::equal(whole.slice(1, 0, (row + 1) / 2), sda::normal({16, (row + 1) / 2}, key, GetParam()))) << row;
  }
}

TEST_P(RandomOfType, PartsOfARowAreThePartsOfTheWhole) {
  const std::int64_t row = 29;
  StreamKey key{.seed = 3, .purpose = Purpose::test, .first_member = 2, .step = 4};
  const Tensor normals = sda::normal({3, row}, key, GetParam()), uniforms = sda::uniform({3, row}, key, GetParam());
  for (const std::int64_t first : {0, 1, 2, 3, 4, 7, 8, 26}) {
    for (const std::int64_t count : {1, 2, 3, 4, 5, 8, 21}) {
      if (first + count > row) continue;
      key.first_element = first;
      EXPECT_TRUE(sda::normal({3, count}, key, GetParam()).equal(normals.narrow(1, first, count)))
          << first << " " << count;
      EXPECT_TRUE(sda::uniform({3, count}, key, GetParam()).equal(uniforms.narrow(1, first, count)));
    }
  }
}

TEST_P(RandomOfType, ThreadsDoNotChangeADraw) {
  const int before = at::get_num_threads();
  for (const std::int64_t row : {3, 64, 100001}) {
    at::set_num_threads(1);
    const Tensor one = sda::normal({33, row}, {.seed = 8}, GetParam());
    at::set_num_threads(3);
    EXPECT_TRUE(at::equal(one, sda::normal({33, row}, {.seed = 8}, GetParam()))) << row;
  }
  at::set_num_threads(before);
}

// One change anywhere in a stream's name, high halves included, gives other draws; each pair is also uncorrelated.
TEST_P(RandomOfType, EveryPartOfTheNameCounts) {
  const StreamKey base{.seed = 6, .purpose = Purpose::test, .first_member = 2, .step = 4};
  std::vector<StreamKey> names{base};
  const std::uint64_t high = std::uint64_t{1} << 32;
  for (const std::uint64_t change : {std::uint64_t{1}, high, std::uint64_t{1} << 63}) {
    for (auto part : {&StreamKey::seed, &StreamKey::first_member, &StreamKey::step}) {
      StreamKey name = base;
      name.*part += change;
      names.push_back(name);
    }
  }
  names.push_back({.seed = 6, .purpose = Purpose::evaluation, .first_member = 2, .step = 4});
  names.push_back({.seed = 6, .purpose = Purpose::test, .first_member = 4, .step = 2});
  const std::int64_t n = 20000;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Tensor a = sda::normal({1, n}, names[i], GetParam());
    for (std::size_t j = 0; j < i; ++j) {
      const Tensor b = sda::normal({1, n}, names[j], GetParam());
      EXPECT_EQ((a == b).sum().item<std::int64_t>() > n / 100, false) << i << " " << j;
      EXPECT_LT(std::abs((a * b).mean().item<double>()), 5 / std::sqrt(static_cast<double>(n))) << i << " " << j;
    }
  }
}

// Recorded from builds for AVX-512, AVX2 with FMA and plain SSE2, which agree: a machine or a compiler flag that rounds
// otherwise shows here.
TEST(Random, DrawsHaveTheSameBitsOnEveryMachine) {
  const auto fnv1a = [](const Tensor& t) {
    std::uint64_t hash = 0xcbf29ce484222325;
    const auto* bytes = static_cast<const unsigned char*>(t.data_ptr());
    for (std::size_t i = 0; i < t.nbytes(); ++i) hash = (hash ^ bytes[i]) * 0x100000001b3;
    return hash;
  };
  EXPECT_EQ(fnv1a(sda::normal({1000, 333}, {.seed = 7}, at::kFloat)), 0xa716acf705fd5b33);
  EXPECT_EQ(fnv1a(sda::uniform({1000, 333}, {.seed = 7}, at::kFloat)), 0x7a724a0f6db1defb);
  EXPECT_EQ(fnv1a(sda::normal({1000, 333}, {.seed = 7}, at::kDouble)), 0x6786bf35b00c70d7);
  EXPECT_EQ(fnv1a(sda::uniform({1000, 333}, {.seed = 7}, at::kDouble)), 0x16d4991daab73f1b);
}

TEST(Random, UniformScalarIsAFloat64Draw) {
  const StreamKey key{.seed = 2, .purpose = Purpose::filter_resampling, .first_member = 1, .step = 77};
  EXPECT_EQ(sda::uniform_scalar(key), sda::uniform({1, 1}, key, at::kDouble).item<double>());
}

TEST(Random, PermutationsAreValidAndEven) {
  for (const std::int64_t n : {0, 1, 2, 5, 1000}) {
    auto order = sda::permutation(n, {.seed = 11});
    ASSERT_EQ(static_cast<std::int64_t>(order.size()), n);
    std::sort(order.begin(), order.end());
    for (std::int64_t i = 0; i < n; ++i) ASSERT_EQ(order[static_cast<std::size_t>(i)], i);
  }
  // All 24 orders of four things, each with probability 1/24: χ² of 23 degrees, 49.7 is exceeded once in 1000.
  std::map<std::vector<std::int64_t>, double> seen;
  const int trials = 24000;
  for (int i = 0; i < trials; ++i) ++seen[sda::permutation(4, {.seed = 12, .step = static_cast<std::uint64_t>(i)})];
  double chi2 = 0;
  for (const auto& [order, times] : seen) chi2 += (times - trials / 24.0) * (times - trials / 24.0) / (trials / 24.0);
  EXPECT_EQ(seen.size(), 24U);
  EXPECT_LT(chi2, 49.7);
}

TEST(Random, RefusesWhatItCannotFill) {
  Tensor integers = at::zeros({3}, at::kLong), turned = at::zeros({3, 2}).t(), scalar = at::zeros({});
  EXPECT_THROW(sda::fill_normal(integers, {}), sda::ShapeError);
  EXPECT_THROW(sda::fill_normal(turned, {}), sda::ShapeError);
  EXPECT_THROW(sda::fill_uniform(scalar, {}), sda::ShapeError);
  Tensor nothing = at::zeros({0, 3});
  sda::fill_normal(nothing, {});
}

}  // namespace
