#include "kernels/arithmetic.hpp"

#include "kernels/dispatch.hpp"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace sda::kernels {
namespace {

bool vectors_are_avx512() {
  return (hwy::SupportedTargets() & HWY_AVX3) != 0;
}

bool has_avx512_bf16() {
#if defined(__x86_64__)
  return vectors_are_avx512() && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

/// The processor has tiles, and Linux lets this process use them: their state is large, so it must be asked for once.
bool has_amx_bf16() {
#if defined(__x86_64__) && defined(__linux__)
  static const bool permitted = [] {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
    const bool bf16 = (d >> 22 & 1U) != 0, tiles = (d >> 24 & 1U) != 0;
    constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return bf16 && tiles && syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  }();
  return permitted && vectors_are_avx512();
#else
  return false;
#endif
}

std::optional<Arithmetic> forced;

}  // namespace

void set_bfloat16_for_test(std::optional<Arithmetic> arithmetic) {
  forced = arithmetic;
}

Arithmetic best_bfloat16() {
  if (forced) return *forced;
  if (has_amx_bf16()) return Arithmetic::bfloat16_amx;
  if (has_avx512_bf16()) return Arithmetic::bfloat16_avx512;
  return Arithmetic::float32;
}

std::vector<Arithmetic> available_arithmetics() {
  std::vector<Arithmetic> all{Arithmetic::float32, Arithmetic::bfloat16_tiles};
  if (has_avx512_bf16()) all.push_back(Arithmetic::bfloat16_avx512);
  if (has_amx_bf16()) all.push_back(Arithmetic::bfloat16_amx);
  return all;
}

std::int64_t instruction_sets() {
  return hwy::SupportedTargets() & HWY_TARGETS;
}

std::string name(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::bfloat16_avx512:
      return "bfloat16 (AVX-512)";
    case Arithmetic::bfloat16_amx:
      return "bfloat16 (AMX)";
    case Arithmetic::bfloat16_tiles:
      return "bfloat16 (emulated tiles)";
    default:
      return "float32";
  }
}

}  // namespace sda::kernels
