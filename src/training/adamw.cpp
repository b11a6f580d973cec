/// AdamW (Loshchilov & Hutter 2019), a vector of weights at a time.
#include <cmath>

#include "core/simd.hpp"
#include "core/torch.hpp"
#include "sda/training/trainer.hpp"

namespace sda {

namespace {

struct Rates {
  float keep;   ///< 1 − learning rate × decay
  float rate;   ///< learning rate / (1 − β₁^step)
  float scale;  ///< 1 / √(1 − β₂^step)
};

SDA_SIMD_CLONES void update(float* w, float* m, float* v, const float* g, std::int64_t n, Rates rates) {
  constexpr float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] = beta1 * m[i] + (1 - beta1) * g[i];
    v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
    w[i] = rates.keep * w[i] - rates.rate * m[i] / (std::sqrt(v[i]) * rates.scale + epsilon);
  }
}

}  // namespace

void adamw_update(Tensor& weights, const Tensor& gradient, Tensor& first_moment, Tensor& second_moment,
                  std::int64_t step, double learning_rate, double weight_decay) {
  const Rates rates{.keep = static_cast<float>(1 - learning_rate * weight_decay),
                    .rate = static_cast<float>(learning_rate / (1 - std::pow(0.9, static_cast<double>(step)))),
                    .scale = static_cast<float>(1 / std::sqrt(1 - std::pow(0.999, static_cast<double>(step))))};
  auto* w = weights.data_ptr<float>();
  auto* m = first_moment.data_ptr<float>();
  auto* v = second_moment.data_ptr<float>();
  const auto* g = gradient.data_ptr<float>();
  at::parallel_for(0, weights.numel(), 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    update(w + begin, m + begin, v + begin, g + begin, end - begin, rates);
  });
}

}  // namespace sda
