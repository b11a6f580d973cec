/// How a loop is compiled for the vector units there are: once for each instruction set, chosen when the program is
/// loaded. Private to src/.
#pragma once

/// Before a function with vectorised loops: clones for AVX-512, AVX2 and what every machine has. Only calls
/// that are inlined (SDA_INLINE) are vectorised with it; a loop is marked `#pragma GCC ivdep`, for `omp simd` would
/// keep aggregates in memory. Sanitizers do not survive the resolvers that clones need.
///
/// -DSDA_SIMD_ONLY='"arch=x86-64-v3"' compiles for that alone, so that AVX2's speed is measured on any machine.
#if defined(SDA_SIMD_ONLY)
#define SDA_SIMD_CLONES __attribute__((target(SDA_SIMD_ONLY)))
#elif defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define SDA_SIMD_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SDA_SIMD_CLONES
#endif

/// For the small functions such a loop is made of.
#define SDA_INLINE [[gnu::always_inline]] inline
