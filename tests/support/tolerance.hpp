/// Every tolerance of the tests, for each dtype and kind of truth.
#pragma once

namespace sda::tolerance {

inline constexpr double golden_float64 = 1e-12;          ///< schedules, dynamics: relative to max(1, |value|)
inline constexpr double golden_network = 2e-5;           ///< networks, guidance, sampled: relative to the largest value
inline constexpr double golden_emd = 1e-9;               ///< earth mover's distance, relative
inline constexpr double exact_float64 = 1e-10;           ///< closed forms in float64
inline constexpr double exact_float32 = 2e-5;            ///< the same in float32
inline constexpr double exact_chain = 0.002;             ///< table of the exactly solvable chain, absolute
inline constexpr double exact_chain_recommended = 5e-4;  ///< its errors by the settings recommended, absolute
inline constexpr double convergence_order = 0.12;        ///< of a predictor between 256 and 512 steps
inline constexpr double fused_float32 = 1e-5;   ///< fused kernels against float64, relative to the largest value
inline constexpr double fused_split = 3e-5;     ///< maps between blocks by tiles: 2⁻¹⁵, factors have 16 bits
inline constexpr double fused_bfloat16 = 1e-2;  ///< the same in bfloat16
/// What bfloat16 may err more than the same kernel in float32, both against float64 and as the root of mean squares. It
/// rounds no more often and 2¹⁶ times as coarsely, whatever the network makes of roundings: a norm over few channels
/// magnifies those of both.
inline constexpr double bfloat16_over_float32 = 65536;
/// The deviation of one 3 × 3 convolution, and of one with 3 taps, by Winograd's F(2, 3) in bfloat16, from the size and
/// number of its roundings (src/kernels/winograd-inl.hpp); and how near to it a map of 8192 values must be.
inline constexpr double winograd_bfloat16_2d = 3.91e-3;
inline constexpr double winograd_bfloat16_1d = 3.03e-3;
inline constexpr double winograd_bfloat16_estimate = 0.06;
inline constexpr double between_devices = 1e-3;      ///< a GPU (with TF32) and the CPU in float32
inline constexpr double integrated = 1e-6;           ///< densities and their logarithms against sums over a fine grid
inline constexpr double simulated_deviation = 0.06;  ///< ratio of standard deviations estimated from 2000 draws
inline constexpr double chi_square_9 = 27.88;        ///< 9 degrees of freedom, exceeded once in a thousand
inline constexpr double same_distribution = 0.15;    ///< ratio of W1 between draws of one distribution
inline constexpr double finite_difference = 1e-6;    ///< central, h = 1e-5, float64: relative to max(1, |value|)
inline constexpr double finite_difference_float32 = 2e-3;  ///< the same with h = 1e-2 in float32
inline constexpr double log_density_float32 = 2e-3;        ///< log p of a transition: its departure cancels; relative

}  // namespace sda::tolerance
