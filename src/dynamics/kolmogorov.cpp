// Kolmogorov flow: dealiased pseudo-spectral Navier-Stokes in two dimensions. With the vorticity ω = ∂v/∂x − ∂u/∂y,
//     ∂ω/∂t = N(ω) − (|k|²/Re + drag) ω + g,   N = (∂²/∂y² − ∂²/∂x²)(u v) + ∂²/∂x∂y (u² − v²),   g = −F k cos(k y);
// N is the curl of −∇·(u u), which takes two fields to the grid and two back: four transforms, where u·∇ω takes five.
// The linear rest is solved exactly, and N by Runge-Kutta of order 4 (Lawson 1967). Steps of lower order, or of several
// levels, bear no longer steps for the same number of transforms, and a chain must start anew from each state.
#include "sda/dynamics/kolmogorov.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <numbers>
#include <optional>

#include "core/torch.hpp"
#include "dynamics/states.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"

namespace sda {
namespace {

using std::numbers::pi;

/// Bound of |λ| h on the imaginary axis where Runge-Kutta of order 4 is stable, 2√2.
const double stable_rotation = 2 * std::numbers::sqrt2;

/// The largest wavenumber kept along an axis of n points: a product of two modes must not be taken for one that is
/// kept.
std::int64_t resolved_modes(std::int64_t n) {
  return (n - 1) / 3;
}

/// Fourier modes of real fields on n × n points: (…, n, most + 1) complex, x-wavenumbers 0, 1, …, −1 and y-wavenumbers
/// 0 … most; those of the others follow from the field's being real.
struct Modes {
  std::int64_t n, max;
  Tensor kx, ky;  ///< (n, 1) and (1, most + 1), real
  Tensor kept;    ///< (n, most + 1): 1 where |kx| ≤ most, else 0

  Modes(std::int64_t points, std::int64_t largest, const at::TensorOptions& real) : n(points), max(largest) {
    kx = (at::fft_fftfreq(n, 1.0, real) * static_cast<double>(n)).round_().unsqueeze(1);
    ky = at::arange(max + 1, real).unsqueeze(0);
    kept = (kx.abs() <= static_cast<double>(max)).to(real.dtype()).expand({n, max + 1}).contiguous();
  }

  Tensor square() const { return kx.square() + ky.square(); }
  Tensor of(const Tensor& field) const {
    return at::fft_fft(at::fft_rfft(field, c10::nullopt, -1).narrow(-1, 0, max + 1), c10::nullopt, -2);
  }
  Tensor field(const Tensor& modes) const { return at::fft_irfft(at::fft_ifft(modes, c10::nullopt, -2), n, -1); }

  /// (2, n, most + 1): velocity = inverse_curl × ω, without the mean flow, which has no vorticity.
  Tensor inverse_curl() const {
    const Tensor inverse = kept / square().clamp_min(1);
    return at::complex(at::zeros_like(kept).expand({2, -1, -1}), at::stack({ky * inverse, -kx * inverse}));
  }
  /// (2, n, most + 1): ω = Σ curl × velocity.
  Tensor curl() const {
    return at::complex(at::zeros_like(kept).expand({2, -1, -1}), at::stack({-ky * kept, kx * kept}));
  }
};

/// Factors for real and imaginary parts alike, (n, m) → (n, m, 2).
Tensor for_both_parts(const Tensor& factor) {
  return factor.unsqueeze(-1).expand({-1, -1, 2}).contiguous();
}

/// The mean flow's place among the modes (…, 2, n, m) of a velocity: (…, 2).
Tensor mean_mode(const Tensor& velocity) {
  return velocity.select(-1, 0).select(-1, 0);
}

/// Solver of one grid, step h, dtype and device.
class Solver {
 public:
  Solver(const KolmogorovParameters& p, double h, const at::TensorOptions& real)
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

  /// |u| + |v| up to which a step is stable.
  double largest_speed() const { return largest_speed_; }

  /// `steps` steps of velocities (…, 2, n, n).
  Tensor advance(const Tensor& velocity, std::int64_t steps) const {
    const Tensor modes = modes_.of(velocity);
    Tensor vorticity = (curl_ * modes).sum(-3), mean = at::real(mean_mode(modes)).clone();
    for (std::int64_t i = 0; i < steps; ++i) step(vorticity, mean);
    return velocity_of(vorticity, mean);
  }

  Tensor velocity_of(const Tensor& vorticity, const Tensor& mean) const {
    Tensor modes = inverse_curl_ * vorticity.unsqueeze(-3);
    mean_mode(modes).copy_(mean);
    return modes_.field(modes);
  }

 private:
  /// h N(ω), as pairs of real and imaginary parts.
  Tensor transport(const Tensor& vorticity, const Tensor& mean) const {
    const Tensor velocity = velocity_of(at::view_as_complex(vorticity), mean);
    const Tensor u = velocity.select(-3, 0), v = velocity.select(-3, 1);
    const Tensor products = at::empty_like(velocity);
    Tensor uv = products.select(-3, 0), vv_uu = products.select(-3, 1);
    at::mul_out(uv, u, v);
    at::sub_out(vv_uu, v, u).mul_(v + u);
    const Tensor modes = at::view_as_real(modes_.of(products));
    return (transport_uv_ * modes.select(-4, 0)).addcmul_(transport_vv_uu_, modes.select(-4, 1));
  }

  /// Half a step without N, exactly.
  Tensor drift(const Tensor& vorticity) const {
    Tensor next = decay_ * vorticity;
    next.select(-3, 0).select(-2, forced_).add_(forcing_);
    return next;
  }

  void step(Tensor& vorticity, Tensor& mean) const {
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

  Modes modes_;
  Tensor curl_, inverse_curl_;
  Tensor decay_;                           // e^{−(|k|²/Re + drag) h/2}
  Tensor transport_uv_, transport_vv_uu_;  // h (kx² − ky²) and h kx ky
  Tensor forcing_;                         // what mode (0, forced_) gains in half a step
  double largest_speed_;
  std::int64_t forced_;
  double mean_decay_;
};

/// Modes (…, n, m) of one grid of cells → those of a finer grid of the same domain, for one and the same function of
/// space: higher modes are 0, values grow with the number of points, and phases shift as the first centre does.
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

/// Modes that a state's grid tells apart: without the highest, whose phase it does not show.
Modes modes_of_state(const KolmogorovParameters& p, const at::TensorOptions& real) {
  return {p.grid, p.grid / 2 - 1, real};
}

/// What averaging over a block leaves of a mode, along one axis.
Tensor block_response(const Tensor& k, const KolmogorovParameters& p) {
  const double fine = pi / static_cast<double>(p.solver_grid), coarse = pi / static_cast<double>(p.grid);
  const double blocks = static_cast<double>(p.solver_grid) / static_cast<double>(p.grid);
  return at::where(k == 0, at::ones_like(k), (k * coarse).sin() / ((k * fine).sin() * blocks));
}

/// The largest |u| + |v| of each member (member, 2, n, n), which limits the steps. NumericalError if there is none.
Tensor fastest(const Tensor& velocity) {
  Tensor speed = velocity.abs().sum(1).amax({-2, -1});
  if (speed.isfinite().all().item<bool>()) return speed;
  throw NumericalError({.what = "a velocity is no longer finite",
                        .where = "kolmogorov",
                        .hint = "lower dynamics.cfl, or raise dynamics.solver_grid for so high a Reynolds number"});
}

/// One transition of members (member, 2, n, n) in place: `steps` steps of `usual`, or as many times more for a member
/// as its flow is too fast for them.
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

void require_fit(bool fits, const std::string& key, const std::string& found, const std::string& expected) {
  if (fits) return;
  throw UsageError(
      {.what = "a dynamics cannot be made", .where = "dynamics." + key, .found = found, .expected = expected});
}

void require_fit(bool fits, const std::string& key, std::int64_t found, const std::string& expected) {
  require_fit(fits, key, std::to_string(found), expected);
}

/// The velocity among the components (…, c, n, n) of a state or solver state.
Tensor velocity_in(const Tensor& state) {
  return state.narrow(-3, 0, 2);
}

/// (…, 2, n, n) and values (…) → (…, 3, n, n), a value at every point.
Tensor with_constant(const Tensor& velocity, const Tensor& values) {
  const Tensor everywhere = at::ones_like(velocity.narrow(-3, 0, 1)) * values.unsqueeze(-1).unsqueeze(-1).unsqueeze(-1);
  return at::cat({velocity, everywhere}, -3);
}

}  // namespace

KolmogorovFlow::KolmogorovFlow(const KolmogorovParameters& parameters, double dt) : parameters_(parameters), dt_(dt) {
  const KolmogorovParameters& p = parameters_;
  require_fit(p.grid >= 4 && p.grid % 2 == 0, "grid", p.grid, "an even number of at least 4 points");
  require_fit(p.solver_grid >= p.grid && p.solver_grid % p.grid == 0, "solver_grid", p.solver_grid,
              fmt::format("a multiple of dynamics.grid = {}", p.grid));
  const std::int64_t max = resolved_modes(p.solver_grid);
  require_fit(p.forcing_wavenumber >= 1 && p.forcing_wavenumber <= max, "forcing_wavenumber", p.forcing_wavenumber,
              fmt::format("1 to {}, which a solver_grid of {} points resolves", max, p.solver_grid));
  const auto& range = p.reynolds_range;
  require_fit(range.empty() || (range.size() == 2 && 0 < range[0] && range[0] < range[1]), "reynolds_range",
              fmt::format("[{}]", fmt::join(range, ", ")), "[least, most], the least above 0 and below the most");
  const double cell = 2 * pi / static_cast<double>(p.solver_grid);
  steps_ = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(dt * p.max_speed / (p.cfl * cell) - 1e-9)));
}

StateLayout KolmogorovFlow::layout() const {
  const std::int64_t n = parameters_.grid;
  const double cell = 2 * pi / static_cast<double>(n);
  StateLayout layout{.event = {components(), n, n},
                     .variables = {{"u", "velocity along x"}, {"v", "velocity along y"}},
                     .space_names = {"x", "y"},
                     .dt = dt_,
                     .spacing = {cell, cell}};
  if (is_unknown()) layout.variables.push_back({"log_reynolds", "natural logarithm of the Reynolds number"});
  return layout;
}

std::pair<double, double> KolmogorovFlow::log_range() const {
  return {std::log(parameters_.reynolds_range[0]), std::log(parameters_.reynolds_range[1])};
}

Normalisation KolmogorovFlow::normalisation() const {
  // Long runs with the default parameters have a standard deviation of 1.01, 1.05 along x and 0.98 along y.
  Normalisation known{.mean = at::zeros({2, 1, 1}, at::kDouble), .std = at::ones({2, 1, 1}, at::kDouble)};
  if (!is_unknown()) return known;
  const auto [min, max] = log_range();
  // Told at n² points, a value is known n² times as well as the flow at one of them: a diffusion would settle on it
  // while the flow is noise, and no observation could move it any more. Told faintly it is settled with the flow's
  // small scales, which depend on it (docs/decisions/0018-faint-constants.md).
  const double faint = 3 * static_cast<double>(parameters_.grid);
  return {.mean = at::cat({known.mean, at::full({1, 1, 1}, (min + max) / 2, at::kDouble)}),
          .std = at::cat({known.std, at::full({1, 1, 1}, faint * (max - min) / std::sqrt(12), at::kDouble)})};
}

Tensor KolmogorovFlow::context() const {
  const std::int64_t n = parameters_.grid;
  const Tensor y = (at::arange(n, at::kDouble) + 0.5) * (2 * pi / static_cast<double>(n));
  return (y * static_cast<double>(parameters_.forcing_wavenumber)).sin().to(at::kFloat).expand({1, n, n}).contiguous();
}

Shape KolmogorovFlow::solver_event() const {
  return {components(), parameters_.solver_grid, parameters_.solver_grid};
}

Tensor KolmogorovFlow::to_state(const Tensor& solver) const {
  return block_average(solver, parameters_.solver_grid / parameters_.grid);
}

Tensor KolmogorovFlow::to_solver(const Tensor& state) const {
  const at::NoGradGuard no_grad;
  const KolmogorovParameters& p = parameters_;
  const Modes coarse = modes_of_state(p, state.options());
  const Modes fine(p.solver_grid, resolved_modes(p.solver_grid), state.options());
  const Tensor response = block_response(coarse.kx, p) * block_response(coarse.ky, p);
  const Tensor modes = refine(coarse.of(velocity_in(state)) * (coarse.kept / response), coarse, fine);
  Tensor solenoidal = fine.inverse_curl() * (fine.curl() * modes).sum(-3, true);
  mean_mode(solenoidal).copy_(mean_mode(modes));
  const Tensor velocity = fine.field(solenoidal);
  return is_unknown() ? with_constant(velocity, state.select(-3, 2).mean(at::IntArrayRef{-2, -1})) : velocity;
}

Tensor KolmogorovFlow::start(std::int64_t members, const StreamKey& key, at::ScalarType dtype) const {
  constexpr double peak = 4.0, spread = 0.5, largest_speed = 3.0;
  const at::NoGradGuard no_grad;
  const KolmogorovParameters& p = parameters_;
  const at::TensorOptions real = at::TensorOptions().dtype(dtype);
  if (members == 0) return at::empty(prepend({0}, solver_event()), real);  // libtorch transforms no empty fields
  const Modes coarse = modes_of_state(p, real);
  const Modes fine(p.solver_grid, resolved_modes(p.solver_grid), real);
  // White noise whose velocity is filtered; vorticity has k times as much.
  const Tensor k = coarse.square().sqrt();
  const Tensor amplitude = k * ((k.clamp_min(1) / peak).log() / spread).square().mul(-0.5).exp();
  Tensor vorticity = coarse.of(normal({members, p.grid, p.grid}, key, dtype)) * (amplitude * coarse.kept);
  const Tensor shown = coarse.field(coarse.inverse_curl() * vorticity.unsqueeze(-3));
  vorticity = vorticity * (largest_speed / shown.square().sum(-3, true).amax({-2, -1}).sqrt().unsqueeze(-1));
  Tensor velocity = fine.field(fine.inverse_curl() * refine(vorticity, coarse, fine).unsqueeze(-3));
  if (!is_unknown()) return velocity;
  const auto [min, max] = log_range();
  StreamKey after = key;  // the member's next draws
  ++after.step;
  return with_constant(velocity, uniform({members}, after, dtype) * (max - min) + min);
}

void KolmogorovFlow::advance(Tensor& x, std::int64_t steps, const StreamKey&) const {
  check_states(x, solver_event(), name(), x.device());
  const auto march_as = [&](const KolmogorovParameters& p, const Solver& usual, Tensor velocity) {
    const c10::InferenceMode no_grad;
    for (std::int64_t i = 0; i < steps; ++i) {
      StopToken::throw_if_stopped("no trajectory");
      transition(p, dt_, steps_, usual, velocity);
    }
  };
  const auto solver_of = [&](const KolmogorovParameters& p) {
    return Solver(p, dt_ / static_cast<double>(steps_), x.options());
  };
  const auto known = is_unknown() ? std::nullopt : std::optional(solver_of(parameters_));
  const auto march = [&](const Tensor& part) {
    if (!is_unknown()) return march_as(parameters_, *known, part);
    for (std::int64_t m = 0; m < part.size(0); ++m) {  // each of a Reynolds number of its own
      KolmogorovParameters own = parameters_;
      own.reynolds = std::exp(part[m][2][0][0].item<double>());
      march_as(own, solver_of(own), velocity_in(part.narrow(0, m, 1)));
    }
  };
  if (x.size(0) == 0) return;
  if (!x.device().is_cpu()) return march(x);
  // Few enough members at once to stay in a core's cache, and enough not to wait for the calls.
  constexpr std::int64_t points_at_once = 64 * 64;
  const std::int64_t n = parameters_.solver_grid;
  const std::int64_t at_once = std::max<std::int64_t>(1, points_at_once / (n * n));
  const std::int64_t parts = (x.size(0) + at_once - 1) / at_once;
  at::parallel_for(0, parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part) {
      const std::int64_t first = part * at_once;
      march(x.narrow(0, first, std::min(at_once, x.size(0) - first)));
    }
  });
}

Tensor KolmogorovFlow::log_transition(const Tensor&, const Tensor&) const {
  throw UnsupportedError({.what = "a deterministic transition has no density", .where = name()});
}

Tensor block_average(const Tensor& field, std::int64_t size) {
  const std::int64_t h = field.dim() >= 2 ? field.size(-2) : 0, w = field.dim() >= 2 ? field.size(-1) : 0;
  if (size < 1 || h == 0 || w == 0 || h % size != 0 || w % size != 0) {
    throw ShapeError({.what = "a field cannot be averaged over blocks",
                      .where = fmt::format("blocks of {} × {}", size, size),
                      .found = to_string(field.sizes()),
                      .expected = "two last axes that blocks divide"});
  }
  Shape shape = field.sizes().vec();
  shape[shape.size() - 2] /= size;
  shape[shape.size() - 1] /= size;
  return at::avg_pool2d(field.reshape({field.numel() / (h * w), 1, h, w}), size).reshape(shape);
}

}  // namespace sda
