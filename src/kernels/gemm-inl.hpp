// Matrix products for panels of rows: (rows, depth) × (depth, columns), the right factor packed once, the result handed
// vector by vector to an epilogue, so that no product is written only to be read again. Per instruction set (Highway).
//
// BLIS's names (Van Zee & van de Geijn 2015): a micro-kernel makes row_multiple (m_r) × two vectors (n_r) of the result
// in registers from a row of the left factor and a packed panel of the right one. What passes for their loops over the
// caches is the networks' own walk: panels of rows small enough for the second level cache (residual_mlp_kernel.hpp),
// or blocks of tiles (TileBlocks). src/kernels/reference/gemm.hpp has the product in plain loops.
//
// A kind of product says how its factors are stored and multiplied:
//   T                    float or BFloat16
//   arithmetic           what it is called outside
//   keep                 a vector into memory as T
//   row_multiple         rows are multiplied in tiles of so many: buffers hold rounded_up(rows, row_multiple) of them,
//                        and what the rows beyond are given and become does not matter
//   depth_multiple       depth is padded with zeros to a multiple of this
//   pack_map             rows begin … end − 1 of a linear map's weights as right factors, for both directions; begin a
//                        multiple of 32, end too or the last
//   multiply             epilogue(row, column, vector) for all vectors of a B
//   parts                a factor that is a sum of bfloat16 values has so many terms one after the other in its depth
//   Precise              products for the linear maps between blocks, whose factors are float32; they have
//   as_left              rows of float32 (rows, ld) as a left factor (rows, parts · ld), themselves or in `buffer`
//   Rounded              Precise's counterpart for the gradients of weights
// and for gᵀ a, the gradient of a linear map's weights, whose depth is the rows of a batch, in pieces (Piece):
//   pack_right           rows of a (rows, columns) into the right factor, (depth, columns)
//   pack_left            rows of g (rows, columns) into the left factor, (columns, depth)
//   multiply_packed      the same as `multiply` for factors packed so
#pragma once

#include "kernels/gemm_bfloat16-inl.hpp"
#include "kernels/gemm_float32-inl.hpp"
#include "kernels/gemm_tiles-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {

/// Calls f with the products of `arithmetic`; float32 where this instruction set has no others.
template <class Function>
void with_gemm(Arithmetic arithmetic, const Function& f) {
  switch (arithmetic) {
#if SDA_AVX512
    case Arithmetic::bfloat16_avx512:
      return f(BFloat16DotGemm());
    case Arithmetic::bfloat16_amx:
      return f(BFloat16TileGemm<HardwareTiles>());
#endif
    case Arithmetic::bfloat16_tiles:
      return f(BFloat16TileGemm<EmulatedTiles>());
    default:
      return f(Float32Gemm());
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();
