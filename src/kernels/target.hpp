/// The instruction set that a source of targets/ is compiled for: SDA_TARGET, one of Highway's, or else the compiler's
/// own. Each of those sources is compiled by itself for each set, so that all of them compile side by side.
#pragma once

#include <hwy/detect_compiler_arch.h>
#if HWY_ARCH_X86
// The sets of CMakeLists.txt and no others: SSSE3 without SSE4 is of 2006, and nothing here uses what later extensions
// of AVX-512 add but bfloat16, which gemm_bfloat16-inl.hpp asks the processor for.
#define HWY_DISABLED_TARGETS (~(HWY_AVX3 | HWY_AVX2 | HWY_SSE4 | HWY_EMU128 | HWY_SCALAR))
#endif
#include <hwy/detect_targets.h>

/// What any processor runs.
#if HWY_BROKEN_EMU128
#define SDA_PORTABLE HWY_SCALAR
#else
#define SDA_PORTABLE HWY_EMU128
#endif

#ifdef SDA_TARGET
#undef HWY_TARGET
#define HWY_TARGET SDA_TARGET
#endif
#include <hwy/highway.h>

#if HWY_TARGET == HWY_AVX3
#include <immintrin.h>
#define SDA_AVX512 1
#else
#define SDA_AVX512 0
#endif
