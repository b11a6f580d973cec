// Kolmogorov flow: dealiased pseudo-spectral Navier-Stokes in two dimensions. With the vorticity ω = ∂v/∂x − ∂u/∂y,
//     ∂ω/∂t = N(ω) − (|k|²/Re + drag) ω + g,   N = (∂²/∂y² − ∂²/∂x²)(u v) + ∂²/∂x∂y (u² − v²),   g = −F k cos(k y);
// N is the curl of −∇·(u u), which takes two fields to the grid and two back: four transforms, where u·∇ω takes five.
// The linear rest is solved exactly, and N by Runge-Kutta of order 4 (Lawson 1967). Steps of lower order, or of several
// levels, bear no longer steps for the same number of transforms, and a chain must start anew from each state.
#include "dynamics/kolmogorov_solver.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sda/core/error.hpp"

namespace sda::kolmogorov {
namespace {

using std::numbers::pi;

/// Bound of |λ| h on the imaginary axis where Runge-Kutta of order 4 is stable, 2√2.
const double stable_rotation = 2 * std::numbers::sqrt2;

/// Factors for real and imaginary parts alike, (n, m) → (n, m, 2).
Tensor for_both_parts(const Tensor& factor) {
  return factor.unsqueeze(-1).expand({-1, -1, 2}).contiguous();
}

/// The largest |u| + |v| of each member (member, 2, n, n), which limits the steps. NumericalError if there is none.
Tensor fastest(const Tensor& velocity) {
  Tensor speed = velocity.abs().sum(1).amax({-2, -1});
  if (speed.isfinite().all().item<bool>()) return speed;
  throw NumericalError({.what = "a velocity is no longer finite",
                        .where = "kolmogorov",
                        .hint = "lower dynamics.cfl, or raise dynamics.solver_grid for so high a Reynolds number"});
}

}  // namespace

std::int64_t resolved_modes(std::int64_t n) {
  return (n - 1) / 3;
}

Modes::Modes(std::int64_t points, std::int64_t largest, const at::TensorOptions& real) : n(points), max(largest) {
  kx = (at::fft_fftfreq(n, 1.0, real) * static_cast<double>(n)).round_().unsqueeze(1);
  ky = at::arange(max + 1, real).unsqueeze(0);
  kept = (kx.abs() <= static_cast<double>(max)).to(real.dtype()).expand({n, max + 1}).contiguous();
}

Tensor Modes::of(const Tensor& field) const {
  return at::fft_fft(at::fft_rfft(field, c10::nullopt, -1).narrow(-1, 0, max + 1), c10::nullopt, -2);
}

Tensor Modes::field(const Tensor& modes) const {
  return at::fft_irfft(at::fft_ifft(modes, c10::nullopt, -2), n, -1);
}

Tensor Modes::inverse_curl() const {
  const Tensor inverse = kept / square().clamp_min(1);
  return at::complex(at::zeros_like(kept).expand({2, -1, -1}), at::stack({ky * inverse, -kx * inverse}));
}

Tensor Modes::curl() const {
  return at::complex(at::zeros_like(kept).expand({2, -1, -1}), at::stack({-ky * kept, kx * kept}));
}

Tensor mean_mode(const Tensor& velocity) {
  return velocity.select(-1, 0).select(-1, 0);
}

Solver::Solver(const KolmogorovParameters& p, double h, const at::TensorOptions& real)
    : modes_(p.solver_grid, resolved_modes(p.solver_grid), real),
      curl_(modes_.curl()),
      inverse_curl_(modes_.inverse_curl()),
      largest_speed_(stable_rotation / (h * static_cast<double>(modes_.max))),
      forced_(p.forcing_wavenumber),
      mean_decay_(std::exp(-p.drag * h / 2)) {
  const Tensor damping = modes_.square() / p.reynolds + p.drag;
  decay_ = for_both_parts((damping * (-h / 2)).exp());
  transport_uv_ = for_both_parts((modes_.kx.square() - modes_.ky.square()) * modes_.kept * h);
  transport_vv_uu_ = for_both_parts(modes_.kx * modes_.ky * modes_.kept * h);
  // The forcing alone would end in the laminar flow ω* = g / damping: ω − ω* decays, so ω gains (1 − decay) ω*.
  const double k = static_cast<double>(p.forcing_wavenumber), n = static_cast<double>(p.solver_grid);
  const double laminar = -p.forcing_amplitude * k / (k * k / p.reynolds + p.drag);
  const double gain = laminar * -std::expm1(-(k * k / p.reynolds + p.drag) * h / 2);
  const double phase = k * pi / n;  // of cos(k y) at the first point
  forcing_ = at::tensor({gain * n * n / 2 * std::cos(phase), gain * n * n / 2 * std::sin(phase)}, real);
}

Tensor Solver::advance(const Tensor& velocity, std::int64_t steps) const {
  const Tensor modes = modes_.of(velocity);
  Tensor vorticity = (curl_ * modes).sum(-3), mean = at::real(mean_mode(modes)).clone();
  for (std::int64_t i = 0; i < steps; ++i) step(vorticity, mean);
  return velocity_of(vorticity, mean);
}

Tensor Solver::velocity_of(const Tensor& vorticity, const Tensor& mean) const {
  Tensor modes = inverse_curl_ * vorticity.unsqueeze(-3);
  mean_mode(modes).copy_(mean);
  return modes_.field(modes);
}

Tensor Solver::transport(const Tensor& vorticity, const Tensor& mean) const {
  const Tensor velocity = velocity_of(at::view_as_complex(vorticity), mean);
  const Tensor u = velocity.select(-3, 0), v = velocity.select(-3, 1);
  const Tensor products = at::empty_like(velocity);
  Tensor uv = products.select(-3, 0), vv_uu = products.select(-3, 1);
  at::mul_out(uv, u, v);
  at::sub_out(vv_uu, v, u).mul_(v + u);
  const Tensor modes = at::view_as_real(modes_.of(products));
  return (transport_uv_ * modes.select(-4, 0)).addcmul_(transport_vv_uu_, modes.select(-4, 1));
}

Tensor Solver::drift(const Tensor& vorticity) const {
  Tensor next = decay_ * vorticity;
  next.select(-3, 0).select(-2, forced_).add_(forcing_);
  return next;
}

void Solver::step(Tensor& vorticity, Tensor& mean) const {
  const Tensor w = at::view_as_real(vorticity);
  const Tensor mean_half = mean * mean_decay_, mean_next = mean_half * mean_decay_;
  const Tensor half = drift(w), next = drift(half);
  const Tensor k1 = decay_ * transport(w, mean);
  const Tensor k2 = transport(at::add(half, k1, 0.5), mean_half);
  const Tensor k3 = transport(at::add(half, k2, 0.5), mean_half);
  const Tensor k4 = transport(at::addcmul(next, decay_, k3), mean_next);
  // ω(t + h) = next + (decay² h N₁ + 2 decay (h N₂ + h N₃) + h N₄) / 6, one of two decays being in k1.
  const Tensor sum = at::add(k1 / 6, k2 + k3, 1.0 / 3);
  vorticity = at::view_as_complex(at::addcmul(next, decay_, sum).add_(k4, 1.0 / 6));
  mean = mean_next;
}

Tensor refine(const Tensor& coarse, const Modes& from, const Modes& to) {
  const std::int64_t max = std::min(from.max, to.max), lower = max + 1;
  const double scale = std::pow(static_cast<double>(to.n) / static_cast<double>(from.n), 2);
  const double shift = pi / static_cast<double>(to.n) - pi / static_cast<double>(from.n);
  const Tensor turned = coarse * at::polar(at::full_like(from.kept, scale), (from.kx + from.ky) * shift);
  Shape shape = coarse.sizes().vec();
  shape[shape.size() - 2] = to.n;
  shape[shape.size() - 1] = to.max + 1;
  Tensor fine = at::zeros(shape, coarse.options());
  const auto copy_rows = [&](std::int64_t from_row, std::int64_t to_row, std::int64_t rows) {
    fine.narrow(-2, to_row, rows).narrow(-1, 0, lower).copy_(turned.narrow(-2, from_row, rows).narrow(-1, 0, lower));
  };
  copy_rows(0, 0, lower);
  copy_rows(from.n - max, to.n - max, max);
  return fine;
}

Modes modes_of_state(const KolmogorovParameters& p, const at::TensorOptions& real) {
  return {p.grid, p.grid / 2 - 1, real};
}

Tensor block_response(const Tensor& k, const KolmogorovParameters& p) {
  const double fine = pi / static_cast<double>(p.solver_grid), coarse = pi / static_cast<double>(p.grid);
  const double blocks = static_cast<double>(p.solver_grid) / static_cast<double>(p.grid);
  return at::where(k == 0, at::ones_like(k), (k * coarse).sin() / ((k * fine).sin() * blocks));
}

void transition(const KolmogorovParameters& p, double dt, std::int64_t steps, const Solver& usual, Tensor& x) {
  constexpr double margin = 0.8;  // a flow may grow faster on its way
  const Tensor times = (fastest(x) / (margin * usual.largest_speed())).ceil().clamp_min(1);
  const std::int64_t max = times.max().item().toLong();
  if (max == 1) {
    x.copy_(usual.advance(x, steps));
    return;
  }
  for (std::int64_t more = 1; more <= max; ++more) {
    const Tensor members = (times == more).nonzero().squeeze(1);
    if (members.numel() == 0) continue;
    const Solver solver(p, dt / static_cast<double>(steps * more), x.options());
    x.index_copy_(0, members, solver.advance(x.index_select(0, members), steps * more));
  }
}

}  // namespace sda::kolmogorov
