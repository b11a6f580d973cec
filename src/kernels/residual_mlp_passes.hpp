/// The residual MLP's passes as each instruction set has them; ResidualMlpKernel says what they do.
#pragma once

#include <string>
#include <vector>

#include "kernels/dispatch.hpp"
#include "kernels/residual_mlp.hpp"

namespace sda::kernels {

SDA_FOR_EACH_TARGET(void mlp_forward(const std::vector<PackedLayer>& layers, std::int64_t widest,
                                     const float* const* rows, std::int64_t n, const float* first_bias, float* result,
                                     std::byte* tape, float* scratch);
                    void mlp_vjp(const std::vector<PackedLayer>& layers, std::int64_t widest, const float* v,
                                 std::int64_t n, const std::byte* tape, float* gradient, float* scratch);
                    void mlp_pack(const LayerView& view, Arithmetic arithmetic, PackedLayer& layer);
                    std::string vectors();)

}  // namespace sda::kernels
