/// What a network's own kernels multiply in, an assimilation's as a training's.
#pragma once

#include <array>

namespace sda {

/// Sums, states and schedules are float32 or better always, and so are weights in training.
enum class Precision {
  automatic,  ///< bfloat16 where the processor multiplies it faster (AMX, AVX512_BF16), else float32
  float32,
  bfloat16,  ///< UsageError where the processor has no such instructions
};
constexpr auto choice_names(Precision) {
  return std::array{"auto", "float32", "bfloat16"};
}

}  // namespace sda
