/// Winograd's minimal filtering F(2, 3) along one axis in plain loops, its transforms as matrices (Lavin & Gray 2016,
/// equations 6 and 8), and those of the U-Net's other convolutions: y = Aᵀ ((G g) ⊙ (Bᵀ d)). Over two axes, the same
/// along each.
#pragma once

#include "kernels/reference/gemm.hpp"

namespace sda::kernels::reference {

/// Tile i reads the inputs i · step + first …, and makes the outputs i · outputs … .
struct MinimalFiltering {
  std::int64_t inputs, products, outputs, step, first;
  Values input_transform;   ///< Bᵀ (products, inputs)
  Values filter_transform;  ///< G (products, 3)
  Values output_transform;  ///< Aᵀ (outputs, products)
};

/// Stride 1: four products for two outputs, where six would without.
inline MinimalFiltering stride_1() {
  return {.inputs = 4,
          .products = 4,
          .outputs = 2,
          .step = 2,
          .first = -1,
          .input_transform = {1, 0, -1, 0, 0, 1, 1, 0, 0, -1, 1, 0, 0, 1, 0, -1},
          .filter_transform = {1, 0, 0, .5, .5, .5, .5, -.5, .5, 0, 0, 1},
          .output_transform = {1, 1, 1, 0, 0, 1, -1, -1}};
}
/// Stride 2: nothing to save.
inline MinimalFiltering downsample() {
  return {.inputs = 3,
          .products = 3,
          .outputs = 1,
          .step = 2,
          .first = -1,
          .input_transform = {1, 0, 0, 0, 1, 0, 0, 0, 1},
          .filter_transform = {1, 0, 0, 0, 1, 0, 0, 0, 1},
          .output_transform = {1, 1, 1}};
}
/// Stride 1 after every input was doubled: F(2, 3) of x₋₁, x₀, x₀, x₁, where one product is with x₀ − x₀.
inline MinimalFiltering upsample() {
  return {.inputs = 3,
          .products = 3,
          .outputs = 2,
          .step = 1,
          .first = -1,
          .input_transform = {1, -1, 0, 0, 1, 0, 0, 1, -1},
          .filter_transform = {1, 0, 0, 1, 1, 1, 0, 0, 1},
          .output_transform = {1, 1, 0, 0, 1, -1}};
}

/// Their adjoints, with the same transformed filter: the gradients at the outputs are read, those at the inputs made.
inline MinimalFiltering stride_1_adjoint() {
  return {.inputs = 4,
          .products = 4,
          .outputs = 2,
          .step = 2,
          .first = -1,
          .input_transform = {0, 1, 0, -1, 0, 1, 1, 0, 0, -1, 1, 0, 1, 0, -1, 0},
          .filter_transform = stride_1().filter_transform,
          .output_transform = {0, 1, 1, 1, -1, 1, -1, 0}};
}
inline MinimalFiltering downsample_adjoint() {
  return {.inputs = 2,
          .products = 3,
          .outputs = 2,
          .step = 1,
          .first = 0,
          .input_transform = {0, 1, 1, 0, 1, 0},
          .filter_transform = downsample().filter_transform,
          .output_transform = {0, 1, 0, 1, 0, 1}};
}
inline MinimalFiltering upsample_adjoint() {
  return {.inputs = 4,
          .products = 3,
          .outputs = 1,
          .step = 2,
          .first = -1,
          .input_transform = {0, -1, 0, 1, 0, 1, 1, 0, 1, 0, -1, 0},
          .filter_transform = upsample().filter_transform,
          .output_transform = {1, 1, 1}};
}

/// Tile `i` of one channel: input(place) → its outputs.
template <class Input>
Values filter_tile(const MinimalFiltering& f, const Values& taps, std::int64_t i, const Input& input) {
  Values d;
  for (std::int64_t j = 0; j < f.inputs; ++j) d.push_back(input(i * f.step + f.first + j));
  Values m = gemm(f.input_transform, d, f.products, f.inputs, 1);
  const Values w = gemm(f.filter_transform, taps, f.products, 3, 1);
  for (std::int64_t p = 0; p < f.products; ++p) m[p] *= w[p];
  return gemm(f.output_transform, m, f.outputs, f.products, 1);
}

}  // namespace sda::kernels::reference
