/// How a function that is compiled for each instruction set is declared and called: Highway finds out what the
/// processor has when the first one is called, and takes the best; tests make it take another
/// (tests/support/machines.hpp).
///     SDA_FOR_EACH_TARGET(void forward(const float* x, float* y);)   declares it in each set's namespace
///     HWY_EXPORT(forward);                                           makes the table
///     HWY_DYNAMIC_DISPATCH(forward)(x, y)                            calls the one to take
#pragma once

#include "kernels/target.hpp"

#if HWY_ARCH_X86
// CMakeLists.txt compiles targets/ for these; one of the first two is the portable one.
#define SDA_FOR_EACH_TARGET(...) \
  namespace N_SCALAR {           \
  __VA_ARGS__                    \
  }                              \
  namespace N_EMU128 {           \
  __VA_ARGS__                    \
  }                              \
  namespace N_SSE4 {             \
  __VA_ARGS__                    \
  }                              \
  namespace N_AVX2 {             \
  __VA_ARGS__                    \
  }                              \
  namespace N_AVX3 {             \
  __VA_ARGS__                    \
  }
#else
#define SDA_FOR_EACH_TARGET(...) \
  namespace HWY_NAMESPACE {      \
  __VA_ARGS__                    \
  }
#endif
