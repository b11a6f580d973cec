// Noise of a block of lanes, straight from the counter-based streams.
#include "dynamics/lanes.hpp"

namespace sda::lanes {

SDA_SIMD_CLONES void add_noise(float* x, std::int64_t size, float scale, const Draws& draws) {
  const stream::Key key = stream::make_key(draws.seed, draws.purpose, draws.step);
  const auto step = static_cast<std::uint32_t>(draws.step);
  for (std::int64_t c = 0; c < size; c += 4) {
    float* row = x + c * width;
    const auto index = static_cast<std::uint32_t>(c / 4);
#pragma GCC ivdep
    for (int lane = 0; lane < width; ++lane) {
      const stream::Block words = stream::philox({index, step, draws.member_low[lane], draws.member_high[lane]}, key);
      const stream::Pair<float> p = stream::box_muller(words.w0, words.w1), q = stream::box_muller(words.w2, words.w3);
      row[lane] += scale * p.x;
      row[lane + width] += scale * p.y;
      row[lane + 2 * width] += scale * q.x;
      row[lane + 3 * width] += scale * q.y;
    }
  }
}

SDA_SIMD_CLONES void add_noise(double* x, std::int64_t size, double scale, const Draws& draws) {
  const stream::Key key = stream::make_key(draws.seed, draws.purpose, draws.step);
  const auto step = static_cast<std::uint32_t>(draws.step);
  for (std::int64_t c = 0; c < size; c += 2) {
    double* row = x + c * width;
    const auto index = static_cast<std::uint32_t>(c / 2);
#pragma GCC ivdep
    for (int lane = 0; lane < width; ++lane) {
      const stream::Block words = stream::philox({index, step, draws.member_low[lane], draws.member_high[lane]}, key);
      const stream::Pair<double> p = stream::box_muller(words.w0, words.w1, words.w2, words.w3);
      row[lane] += scale * p.x;
      row[lane + width] += scale * p.y;
    }
  }
}

}  // namespace sda::lanes
