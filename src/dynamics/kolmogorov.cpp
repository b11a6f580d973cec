// Kolmogorov flow: its states, starts and transitions. The numerical method is in kolmogorov_solver.cpp.
#include "sda/dynamics/kolmogorov.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <numbers>
#include <optional>

#include "core/torch.hpp"
#include "dynamics/kolmogorov_solver.hpp"
#include "dynamics/states.hpp"
#include "dynamics/systems/rows.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"

namespace sda {
namespace {

using kolmogorov::mean_mode;
using kolmogorov::Modes;
using kolmogorov::resolved_modes;
using kolmogorov::Solver;
using std::numbers::pi;

void require_fit(bool fits, const std::string& key, const std::string& found, const std::string& expected) {
  if (!fits) refuse_dynamics(key, found, expected);
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
              fmt::format("[{}]", fmt::join(range, ", ")), "[min, max], min above 0 and below max");
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
  const Modes coarse = kolmogorov::modes_of_state(p, state.options());
  const Modes fine(p.solver_grid, resolved_modes(p.solver_grid), state.options());
  const Tensor response = kolmogorov::block_response(coarse.kx, p) * kolmogorov::block_response(coarse.ky, p);
  const Tensor modes = kolmogorov::refine(coarse.of(velocity_in(state)) * (coarse.kept / response), coarse, fine);
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
  const Modes coarse = kolmogorov::modes_of_state(p, real);
  const Modes fine(p.solver_grid, resolved_modes(p.solver_grid), real);
  // White noise whose velocity is filtered; vorticity has k times as much.
  const Tensor k = coarse.square().sqrt();
  const Tensor amplitude = k * ((k.clamp_min(1) / peak).log() / spread).square().mul(-0.5).exp();
  Tensor vorticity = coarse.of(normal({members, p.grid, p.grid}, key, dtype)) * (amplitude * coarse.kept);
  const Tensor shown = coarse.field(coarse.inverse_curl() * vorticity.unsqueeze(-3));
  vorticity = vorticity * (largest_speed / shown.square().sum(-3, true).amax({-2, -1}).sqrt().unsqueeze(-1));
  Tensor velocity = fine.field(fine.inverse_curl() * kolmogorov::refine(vorticity, coarse, fine).unsqueeze(-3));
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
      kolmogorov::transition(p, dt_, steps_, usual, velocity);
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
