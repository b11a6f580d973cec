/// The random streams' arithmetic, lane by lane: Philox 4×32-10 (Salmon et al. 2011) and the Box-Muller transform, as
/// small functions that a vectorised loop inlines. Private to src/.
///
/// How (seed, purpose, member, step, index) becomes Philox's 64-bit key and 128-bit counter:
///     key     = Threefry 2×32-20 of (purpose, high half of step) under the key `seed`
///     counter = (index, low half of step, low half of member, high half of member)
/// Threefry under one key is a bijection of 64 bits, so for one seed different (purpose, member, step, index) never
/// meet: either the keys differ or the counters do. Streams of different seeds are told apart by their 64-bit keys,
/// which agree for a pair of streams with probability 2⁻⁶⁴. `index` counts blocks of 128 bits within a member's row.
///
/// Compile with -ffp-contract=off: then every operation is rounded as written (IEEE 754), and the draws have the same
/// bits on every instruction set.
#pragma once

#include <Random123/threefry.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "core/simd.hpp"
#include "sda/core/random.hpp"

namespace sda::stream {

struct Key {
  std::uint32_t k0 = 0, k1 = 0;
};

/// 128 random bits.
struct Block {
  std::uint32_t w0 = 0, w1 = 0, w2 = 0, w3 = 0;
};

inline Key make_key(std::uint64_t seed, Purpose purpose, std::uint64_t step) {
  const threefry2x32_ctr_t text = {{static_cast<std::uint32_t>(purpose), static_cast<std::uint32_t>(step >> 32)}};
  const threefry2x32_key_t key = {{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
  const threefry2x32_ctr_t mixed = threefry2x32_R(20, text, key);
  return {mixed.v[0], mixed.v[1]};
}

/// Philox 4×32 of a counter, ten rounds.
SDA_INLINE Block philox(Block counter, Key key) {
  auto [c0, c1, c2, c3] = counter;
  auto [k0, k1] = key;
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * c0, b = std::uint64_t{0xCD9E8D57} * c2;
    const auto a_high = static_cast<std::uint32_t>(a >> 32), b_high = static_cast<std::uint32_t>(b >> 32);
    c0 = b_high ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(b);
    c2 = a_high ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(a);
    k0 += 0x9E3779B9;  // golden ratio
    k1 += 0xBB67AE85;  // √3 − 1
  }
  return {c0, c1, c2, c3};
}

/// Block `index` of the stream; `key` is make_key's for the same step.
SDA_INLINE Block draw(Key key, std::uint64_t member, std::uint64_t step, std::uint32_t index) {
  return philox({index, static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(member),
                 static_cast<std::uint32_t>(member >> 32)},
                key);
}

/// −2 ln u for u in (0, 1]: u = 2ᵉ m with m in [√½, √2), ln m = 2 artanh s, s = (m − 1)/(m + 1), by its Taylor series
/// (s² < 0.03).
SDA_INLINE float minus_two_log(float u) {
  const auto bits = std::bit_cast<std::int32_t>(u) - 0x3F3504F3;  // of √½
  const float e = static_cast<float>(bits >> 23);
  const float m = std::bit_cast<float>((bits & 0x007FFFFF) + 0x3F3504F3);
  const float s = (m - 1.0F) / (m + 1.0F), z = s * s;
  const float series = 1.0F + z * (1.0F / 3 + z * (1.0F / 5 + z * (1.0F / 7 + z * (1.0F / 9))));
  const float log_u = e * std::numbers::ln2_v<float> + 2.0F * s * series;
  return log_u < 0.0F ? -2.0F * log_u : 0.0F;
}

SDA_INLINE double minus_two_log(double u) {
  const std::int64_t bits = std::bit_cast<std::int64_t>(u) - 0x3FE6A09E667F3BCD;  // of √½
  const auto high = static_cast<std::int32_t>(bits >> 32);
  const auto e = static_cast<double>(high >> 20);
  const double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD);
  const double s = (m - 1.0) / (m + 1.0), z = s * s;
  double series = 1.0 / 21;
  series = 1.0 / 19 + z * series;
  series = 1.0 / 17 + z * series;
  series = 1.0 / 15 + z * series;
  series = 1.0 / 13 + z * series;
  series = 1.0 / 11 + z * series;
  series = 1.0 / 9 + z * series;
  series = 1.0 / 7 + z * series;
  series = 1.0 / 5 + z * series;
  series = 1.0 / 3 + z * series;
  series = 1.0 + z * series;
  const double log_u = e * std::numbers::ln2 + 2.0 * s * series;
  return log_u < 0.0 ? -2.0 * log_u : 0.0;
}

/// A point of the unit circle, or a pair of normal draws.
template <class Real>
struct Pair {
  Real x, y;
};

/// (cos, sin) of an angle in [−π/4, π/4], by Taylor.
SDA_INLINE Pair<float> eighth_turn(float a) {
  const float z = a * a;
  const float cosine = 1.0F + z * (-1.0F / 2 + z * (1.0F / 24 + z * (-1.0F / 720 + z * (1.0F / 40320))));
  const float sine = a * (1.0F + z * (-1.0F / 6 + z * (1.0F / 120 + z * (-1.0F / 5040 + z * (1.0F / 362880)))));
  return {cosine, sine};
}

SDA_INLINE Pair<double> eighth_turn(double a) {
  const double z = a * a;
  double cosine = 1.0 / 20922789888000;  // 16!
  cosine = -1.0 / 87178291200 + z * cosine;
  cosine = 1.0 / 479001600 + z * cosine;
  cosine = -1.0 / 3628800 + z * cosine;
  cosine = 1.0 / 40320 + z * cosine;
  cosine = -1.0 / 720 + z * cosine;
  cosine = 1.0 / 24 + z * cosine;
  cosine = -1.0 / 2 + z * cosine;
  cosine = 1.0 + z * cosine;
  double sine = 1.0 / 355687428096000;  // 17!
  sine = -1.0 / 1307674368000 + z * sine;
  sine = 1.0 / 6227020800 + z * sine;
  sine = -1.0 / 39916800 + z * sine;
  sine = 1.0 / 362880 + z * sine;
  sine = -1.0 / 5040 + z * sine;
  sine = 1.0 / 120 + z * sine;
  sine = -1.0 / 6 + z * sine;
  sine = a * (1.0 + z * sine);
  return {cosine, sine};
}

/// (cos, sin) turned by `quarter` (0 … 3) quarters of a circle.
template <class Real>
SDA_INLINE Pair<Real> turn(Pair<Real> p, std::uint32_t quarter) {
  const Real x = quarter & 1 ? p.y : p.x, y = quarter & 1 ? p.x : p.y;
  return {quarter == 1 || quarter == 2 ? -x : x, quarter >= 2 ? -y : y};
}

/// w in units of 2⁻³², exactly.
SDA_INLINE double fraction(std::uint32_t w) {
  return (static_cast<double>(static_cast<std::int32_t>(w ^ 0x80000000U)) + 0x1p31) * 0x1p-32;
}

/// Two independent N(0, 1) draws (Box & Muller 1958): the radius from u in (0, 1], which keeps the tail as far as the
/// words go (6.7 standard deviations in float32, 9.4 in float64), the angle from a quarter of the circle and a place
/// within it.
SDA_INLINE Pair<float> box_muller(std::uint32_t radius_word, std::uint32_t angle_word) {
  const auto low = static_cast<float>(static_cast<std::int32_t>(radius_word & 0xFFFF));
  const auto high = static_cast<float>(static_cast<std::int32_t>(radius_word >> 16));
  const float u = (high * 0x1p16F + low) * 0x1p-32F + 0x1p-33F;
  const float r = std::sqrt(minus_two_log(u));
  const float angle =
      static_cast<float>(static_cast<std::int32_t>(angle_word << 2)) * (0x1p-31F * std::numbers::pi_v<float> / 4);
  const Pair<float> p = turn(eighth_turn(angle), angle_word >> 30);
  return {r * p.x, r * p.y};
}

SDA_INLINE Pair<double> box_muller(std::uint32_t radius_high, std::uint32_t radius_low, std::uint32_t angle_high,
                                   std::uint32_t angle_low) {
  const double u = fraction(radius_high) + (fraction(radius_low) * 0x1p-32 + 0x1p-65);
  const double r = std::sqrt(minus_two_log(u));
  const double place =
      static_cast<double>(static_cast<std::int32_t>(angle_high << 2)) * 0x1p-31 + fraction(angle_low) * 0x1p-29;
  const Pair<double> p = turn(eighth_turn(place * (std::numbers::pi / 4)), angle_high >> 30);
  return {r * p.x, r * p.y};
}

/// What a block holds of each type: `per_block` draws.
template <class Real>
inline constexpr int per_block = sizeof(Real) == 4 ? 4 : 2;

template <class Real>
SDA_INLINE void normals(Block b, Real* out) {
  if constexpr (sizeof(Real) == 4) {
    const Pair<float> p = box_muller(b.w0, b.w1), q = box_muller(b.w2, b.w3);
    out[0] = p.x;
    out[1] = p.y;
    out[2] = q.x;
    out[3] = q.y;
  } else {
    const Pair<double> p = box_muller(b.w0, b.w1, b.w2, b.w3);
    out[0] = p.x;
    out[1] = p.y;
  }
}

/// On the open interval (0, 1): the middle of one of 2²³ (2⁵²) equal parts.
SDA_INLINE float uniform(std::uint32_t w) {
  return static_cast<float>(static_cast<std::int32_t>(w >> 9)) * 0x1p-23F + 0x1p-24F;
}
SDA_INLINE double uniform(std::uint32_t high, std::uint32_t low) {
  return fraction(high) + fraction(low & 0xFFFFF000U) * 0x1p-32 + 0x1p-53;
}

template <class Real>
SDA_INLINE void uniforms(Block b, Real* out) {
  if constexpr (sizeof(Real) == 4) {
    out[0] = uniform(b.w0);
    out[1] = uniform(b.w1);
    out[2] = uniform(b.w2);
    out[3] = uniform(b.w3);
  } else {
    out[0] = uniform(b.w0, b.w1);
    out[1] = uniform(b.w2, b.w3);
  }
}

}  // namespace sda::stream
