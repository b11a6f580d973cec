/// AdamW (Loshchilov & Hutter 2019) and the moving average of weights, a vector of them at a time.
#include <cmath>

#include "core/simd.hpp"
#include "sda/training/trainer.hpp"

namespace sda {

namespace {

constexpr double beta1 = 0.9, beta2 = 0.999;

struct Rates {
  float keep;   ///< 1 − learning rate × decay
  float rate;   ///< learning rate / (1 − β₁^step)
  float scale;  ///< 1 / √(1 − β₂^step)
};

SDA_SIMD_CLONES void update(float* w, float* m, float* v, const float* g, std::int64_t n, Rates rates) {
  constexpr float b1 = beta1, b2 = beta2, epsilon = 1e-8f;
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] = b1 * m[i] + (1 - b1) * g[i];
    v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
    w[i] = rates.keep * w[i] - rates.rate * m[i] / (std::sqrt(v[i]) * rates.scale + epsilon);
  }
}

SDA_SIMD_CLONES void approach(float* average, const float* w, std::int64_t n, float share) {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) average[i] += share * (w[i] - average[i]);
}

}  // namespace

AdamW::AdamW(std::int64_t step, double learning_rate, double weight_decay)
    : keep_(static_cast<float>(1 - learning_rate * weight_decay)),
      rate_(static_cast<float>(learning_rate / (1 - std::pow(beta1, static_cast<double>(step))))),
      scale_(static_cast<float>(1 / std::sqrt(1 - std::pow(beta2, static_cast<double>(step))))) {}

void AdamW::update(float* weights, const float* gradient, float* first_moment, float* second_moment,
                   std::int64_t n) const {
  sda::update(weights, first_moment, second_moment, gradient, n, {.keep = keep_, .rate = rate_, .scale = scale_});
}

void move_average(float* average, const float* weights, std::int64_t n, double decay) {
  approach(average, weights, n, static_cast<float>(1 - decay));
}

}  // namespace sda
