/// How a kernel multiplies matrices, and what this processor can.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sda::kernels {

/// Gemm accumulate in float32 always; what differs is what is multiplied, and by which instructions.
enum class Arithmetic {
  float32,          ///< on any processor, by the widest vectors there are
  bfloat16_avx512,  ///< AVX512_BF16: dot products of pairs
  bfloat16_amx,     ///< AMX-BF16: tiles of 16 × 32
  bfloat16_tiles,   ///< what AMX does, in plain loops: for tests on processors without it
};

inline bool multiplies_tiles(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::bfloat16_amx || arithmetic == Arithmetic::bfloat16_tiles;
}

/// Rows that are multiplied at once: with fewer, or some more, what is done for the missing ones is done for nothing.
inline std::int64_t rows_together(Arithmetic arithmetic) {
  return multiplies_tiles(arithmetic) ? 32 : 12;
}

inline std::int64_t bytes_of_value(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::float32 ? 4 : 2;
}

/// The one to take for bfloat16 on this processor; float32 if it has no such instructions.
Arithmetic best_bfloat16();
/// Makes `best_bfloat16` answer this, until it is given nothing; for tests.
void set_bfloat16_for_test(std::optional<Arithmetic> arithmetic);
/// All that this processor runs, bfloat16_tiles among them.
std::vector<Arithmetic> available_arithmetics();
/// "float32", "bfloat16 (AVX-512)", …
std::string name(Arithmetic arithmetic);
/// The instruction sets that this library was compiled for and this processor runs, as Highway's bits.
std::int64_t instruction_sets();
/// The vectors in use: "AVX3", "AVX2", …
std::string instruction_set();

}  // namespace sda::kernels
