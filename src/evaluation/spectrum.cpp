/// Shell sums of |û|² / 2 and the curl i (k_x v̂ − k_y û), by real FFTs over the two axes of space.
#include "sda/evaluation/spectrum.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/axis.hpp"
#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

constexpr double full_turn = 2 * std::numbers::pi;

/// The smallest wavenumber of a side of n points.
double smallest_wavenumber(std::int64_t n, double spacing) {
  return full_turn / (static_cast<double>(n) * spacing);
}

/// Wavenumbers of the rows and columns of a real transform of (ny, nx) values: (ny, 1) and (nx / 2 + 1).
struct SpectralAxes {
  Tensor y, x;
};

SpectralAxes spectral_axes(std::int64_t ny, std::int64_t nx, double spacing_y, double spacing_x) {
  return {at::fft_fftfreq(ny, spacing_y / full_turn, at::kDouble).unsqueeze(1),
          at::fft_rfftfreq(nx, spacing_x / full_turn, at::kDouble)};
}

void require_plane_velocity(const Tensor& velocity, const char* where) {
  if (velocity.dim() < 3 || velocity.size(-3) < 2 || velocity.numel() == 0) {
    throw ShapeError({.what = "not a plane velocity",
                      .where = where,
                      .found = to_string(velocity.sizes()),
                      .expected = "(…, c, y, x), c ≥ 2, none of them empty"});
  }
}

}  // namespace

bool is_x_first(const StateLayout& layout) {
  return layout.space_names == std::vector<std::string>{"x", "y"};
}

bool is_velocity(const StateLayout& layout) {
  return layout.channels_are_variables() && layout.variables.size() >= 2 && layout.variables[0].name == "u" &&
         layout.variables[1].name == "v" &&
         (layout.space_names == std::vector<std::string>{"y", "x"} || is_x_first(layout));
}

bool has_spectrum(const StateLayout& layout) {
  return is_velocity(layout) && has_equal_steps(layout);
}

EnergySpectrum energy_spectrum(const Tensor& velocity, const StateLayout& layout) {
  require_plane_velocity(velocity, "energy spectrum");
  if (!has_spectrum(layout) || velocity.sizes().slice(velocity.dim() - 3) != layout.event) {
    throw ShapeError(
        {.what = "the fields are not velocities of the layout",
         .where = "energy spectrum",
         .found = to_string(velocity.sizes()),
         .expected = "variables u and v on axes y and x of equal steps, (…, " + to_string(layout.event) + ")"});
  }
  const auto ny = velocity.size(-2), nx = velocity.size(-1);
  const double dy = layout.spacing_of(0), dx = layout.spacing_of(1);
  EnergySpectrum spectrum;
  spectrum.width = std::max(smallest_wavenumber(ny, dy), smallest_wavenumber(nx, dx));
  spectrum.resolved = static_cast<std::int64_t>(std::numbers::pi / std::max(dy, dx) / spectrum.width + 1e-9);

  const auto [ky, kx] = spectral_axes(ny, nx, dy, dx);
  const Tensor shell = ((ky.square() + kx.square()).sqrt() / spectrum.width).round().to(at::kLong);
  // The columns left out of a real transform are the conjugates of the inner ones.
  Tensor weight = at::full({nx / 2 + 1}, 2.0, at::kDouble);
  weight[0] = 1;
  if (nx % 2 == 0) weight[nx / 2] = 1;
  const Tensor modes = at::fft_rfft2(velocity.detach().narrow(-3, 0, 2).to(at::kDouble));
  const double points = static_cast<double>(ny * nx);
  // ½ Σ_c |û_c|² / N², to be summed over all modes of a shell
  const Tensor energy = at::abs(modes).square().sum(-3) * weight / (2 * points * points);

  const auto shells = shell.max().item<std::int64_t>() + 1;
  const Tensor flat = energy.flatten(-2);
  Tensor sums = at::zeros(flat.sizes().slice(0, flat.dim() - 1).vec(), at::kDouble).unsqueeze(-1);
  sums = sums.repeat_interleave(shells, -1).index_add(-1, shell.flatten(), flat);
  spectrum.energy = sums / spectrum.width;
  for (std::int64_t m = 0; m < shells; ++m) spectrum.wavenumbers.push_back(static_cast<double>(m) * spectrum.width);
  return spectrum;
}

Tensor vorticity(const Tensor& velocity, double spacing_y, double spacing_x) {
  require_plane_velocity(velocity, "vorticity");
  const auto ny = velocity.size(-2), nx = velocity.size(-1);
  auto [ky, kx] = spectral_axes(ny, nx, spacing_y, spacing_x);
  if (ny % 2 == 0) ky[ny / 2] = 0;
  if (nx % 2 == 0) kx[nx / 2] = 0;
  const Tensor modes = at::fft_rfft2(velocity.detach().to(at::kDouble));
  const Tensor curl = modes.select(-3, 1) * kx - modes.select(-3, 0) * ky;
  const c10::complex<double> i(0, 1);
  return at::fft_irfft2(curl * at::scalar_tensor(i, at::kComplexDouble), at::IntArrayRef{ny, nx});
}

}  // namespace sda
