/// Velocity fields on a periodic grid, seen through their Fourier modes: energy spectrum and vorticity.
#pragma once

#include <vector>

#include "sda/core/layout.hpp"
#include "sda/core/tensor.hpp"

namespace sda {

/// Whether space is a plane whose first axis is x and whose second is y.
bool is_x_first(const StateLayout& layout);

/// Whether a state is a plane velocity: its first variables are u (along x) and v (along y), in this order, on axes y
/// and x, or x and y. What comes behind them is no part of the velocity.
bool is_velocity(const StateLayout& layout);

/// Whether fields have an energy spectrum: a velocity on a grid of equal steps.
bool has_spectrum(const StateLayout& layout);

/// Isotropic energy spectrum E(k) in shells of equal width: shell m holds the modes with |k| / width rounding to m, the
/// corners beyond the grid's own wavenumber too, so that Σ_m E_m width = ½ mean |u|² (Parseval). Shell 0 is the mean
/// flow.
struct EnergySpectrum {
  std::vector<double> wavenumbers;  ///< (shells): m × width
  double width = 1;                 ///< the smallest wavenumber of the shorter side, 2π / length
  Tensor energy;                    ///< (…, shells), float64: energy over wavenumber
  std::int64_t resolved = 0;  ///< shells 1 … resolved lie within the coarser axis' largest wavenumber, π / spacing
};

/// `velocity` (…, event) of a `layout` that is_velocity, in its units. Throws ShapeError where it is not.
EnergySpectrum energy_spectrum(const Tensor& velocity, const StateLayout& layout);

/// ω = ∂v/∂x − ∂u/∂y by differentiating the Fourier series (a grid's own wavenumber, whose sign is unknown, left out);
/// `velocity` (…, c ≥ 2, y, x), u and v first → (…, y, x), `spacing` along y and x. The grid need not be the layout's.
Tensor vorticity(const Tensor& velocity, double spacing_y, double spacing_x);

}  // namespace sda
