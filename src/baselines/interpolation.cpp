/// Interpolation of gridded observations y = R_y x R_xᵀ (in one unit with x), an axis at a time: x = P_t P_y P_x y,
/// where P holds the weights of cubic splines, or P = Φ (R Φ)⁻¹ with as many Fourier modes Φ as there are observations.
#include "sda/baselines/interpolation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/axis.hpp"
#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

/// An operator that reads each variable by the same matrix along y and another along x: y = zero + slope (R_y x R_xᵀ).
struct GridObservation {
  Tensor rows;         ///< R_y (h, y), each row summing to 1
  Tensor columns;      ///< R_x (w, x)
  Tensor zero, slope;  ///< (variable, h, w)
};

std::vector<double> as_doubles(const Tensor& values) {
  const Tensor v = values.to(at::kDouble).contiguous();
  return {v.data_ptr<double>(), v.data_ptr<double>() + v.numel()};
}

[[noreturn]] void refuse_to_interpolate(const Observations& y) {
  throw UnsupportedError({.what = "these observations cannot be interpolated",
                          .where = "observations " + y.name,
                          .found = y.describe(),
                          .expected = "one part, of averages or samples of every variable on a regular grid"});
}

/// The rows of R along one axis of the event (1 for y, 2 for x), by pulling back observations along the first row or
/// column.
Tensor pulled_back(const ObservationOperator& op, at::IntArrayRef event, at::IntArrayRef observation,
                   std::int64_t axis) {
  const auto n = observation[static_cast<std::size_t>(axis)];
  const auto options = at::TensorOptions().dtype(at::kDouble);
  Tensor unit = at::zeros(prepend({n}, observation), options);
  unit.select(1, 0).select(axis == 1 ? 2 : 1, 0).copy_(at::eye(n, options));
  const Tensor g = op.vjp(at::zeros(prepend({n}, event), options), unit).select(1, 0);  // (n, y, x)
  const Tensor rows = g.sum(axis == 1 ? 2 : 1);
  return rows / rows.sum(1, /*keepdim=*/true);
}

/// What the operator does, or a refusal; a state with nothing regular about it must be read as the matrices say.
GridObservation grid_observation(const Observations& y) {
  if (y.parts.size() != 1) refuse_to_interpolate(y);
  const auto& op = *y.parts.front().op;
  const auto& event = y.layout.event;
  for (const auto& axis : axes_of(y.layout)) {
    if (axis.ends() != AxisEnds::apart) continue;
    throw UnsupportedError({.what = "interpolation is of periodic grids of equal steps",
                            .where = "observations " + y.name,
                            .found = fmt::format("axis {}: {}", axis.name(), axis.in_words())});
  }
  if (event.size() != 3 || !op.is_affine() || !op.reads_states_alone()) refuse_to_interpolate(y);
  const auto observation = op.observation_shape(event);
  if (observation.size() != 3 || observation[0] != event[0]) refuse_to_interpolate(y);
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const auto read = [&](const Tensor& state) { return op.read(state.unsqueeze(0))[0]; };
  GridObservation found;
  found.zero = read(at::zeros(event, options));
  found.slope = read(at::ones(event, options)) - found.zero;
  found.rows = pulled_back(op, event, observation, 1);
  found.columns = pulled_back(op, event, observation, 2);
  const Tensor x = normal(event, {.purpose = Purpose::test}, at::kDouble);
  const Tensor expected = found.zero + found.slope * found.rows.matmul(x).matmul(found.columns.t());
  if (!at::allclose(read(x), expected, 1e-9, 1e-9))
    refuse_to_interpolate(y);  // so also where a weight is infinite or not a number
  return found;
}

/// The index that each row of R reads around.
std::vector<double> row_centres(const Tensor& rows) {
  return as_doubles(rows.mv(at::arange(rows.size(1), rows.options())));
}

/// Columns 1, cos, sin, cos 2, sin 2, … of a period of `points`, as many as asked for; the last of an even count is the
/// cosine that is ±1 at the centres, `origin` being one of them.
Tensor fourier_basis(std::int64_t points, std::int64_t count, double origin) {
  const Tensor angle =
      (at::arange(points, at::kDouble) - origin) * (2 * std::numbers::pi / static_cast<double>(points));
  std::vector<Tensor> columns{at::ones({points}, at::kDouble)};
  for (std::int64_t k = 1; std::ssize(columns) < count; ++k) {
    columns.push_back(at::cos(static_cast<double>(k) * angle));
    if (std::ssize(columns) < count) columns.push_back(at::sin(static_cast<double>(k) * angle));
  }
  return at::stack(columns, 1);
}

/// P of one axis of space: observations → grid points.
Tensor space_weights(const Tensor& rows, Interpolation method) {
  const auto points = rows.size(1);
  const auto knots = row_centres(rows);
  if (method == Interpolation::bicubic) {
    return spline_weights(knots, as_doubles(at::arange(points, at::kDouble)), static_cast<double>(points));
  }
  const Tensor basis = fourier_basis(points, rows.size(0), knots.front());
  return basis.matmul(at::linalg_pinv(rows.matmul(basis)));
}

}  // namespace

Ensemble interpolate(const Observations& observations, Interpolation method) {
  const GridObservation observation = grid_observation(observations);
  const auto& part = observations.parts.front();
  const Tensor y = (part.values.to(at::kDouble) - observation.zero) / observation.slope;  // (times, variable, h, w)
  std::vector<double> read_at, all;
  for (const auto i : part.op->times(observations.length)) read_at.push_back(static_cast<double>(i));
  for (std::int64_t i = 0; i < observations.length; ++i) all.push_back(static_cast<double>(i));

  const Tensor fields =
      space_weights(observation.rows, method).matmul(y).matmul(space_weights(observation.columns, method).t());
  const Tensor in_time = spline_weights(read_at, all, 0).matmul(fields.flatten(1));
  const Tensor states = in_time.reshape(prepend({1, observations.length}, observations.layout.event));
  return {.layout = observations.layout,
          .members = observations.normalisation.denormalise(states),
          .start_time = observations.start_time,
          .method = method == Interpolation::bicubic ? "bicubic interpolation" : "trigonometric interpolation"};
}

// In the interval of length h after knot i, with s from 0 to 1, M the second derivatives at the knots:
//   f = (1 − s) y_i + s y_{i+1} + h²/6 (((1 − s)³ − (1 − s)) M_i + (s³ − s) M_{i+1}),
// and f' continuous at knot i:
//   h_{i−1} M_{i−1} + 2 (h_{i−1} + h_i) M_i + h_i M_{i+1} = 6 ((y_{i+1} − y_i) / h_i − (y_i − y_{i−1}) / h_{i−1}).
Tensor spline_weights(const std::vector<double>& knots, const std::vector<double>& points, double period) {
  const auto n = std::ssize(knots);
  const bool periodic = period > 0;
  const auto knot = [&](std::int64_t i) { return knots[static_cast<std::size_t>(i)]; };
  // An interval for each knot, the last one leading round to the first.
  std::vector<double> h;
  for (std::int64_t i = 0; i + 1 < n; ++i) h.push_back(knot(i + 1) - knot(i));
  if (periodic && n > 0) h.push_back(knot(0) + period - knot(n - 1));
  if (n == 0 || std::any_of(h.begin(), h.end(), [](double length) { return !(length > 0); })) {
    throw ValueError({.what = "a spline's knots do not ascend",
                      .where = "interpolation",
                      .found = fmt::format("{} knots", n),
                      .expected = periodic ? "at least one, ascending, within one period" : "at least one, ascending"});
  }
  const auto options = at::TensorOptions().dtype(at::kDouble);
  if (n == 1) return at::ones({std::ssize(points), 1}, options);

  Tensor left = at::zeros({n, n}, options), right = at::zeros({n, n}, options);
  auto l = left.accessor<double, 2>(), r = right.accessor<double, 2>();
  for (std::int64_t i = 0; i < n; ++i) {
    if (!periodic && (i == 0 || i == n - 1)) {
      l[i][i] = 1;  // M = 0
      continue;
    }
    const auto before = (i + n - 1) % n, after = (i + 1) % n;
    const double h0 = h[static_cast<std::size_t>(before)], h1 = h[static_cast<std::size_t>(i)];
    l[i][before] += h0, l[i][i] += 2 * (h0 + h1), l[i][after] += h1;
    r[i][after] += 6 / h1, r[i][i] -= 6 / h1 + 6 / h0, r[i][before] += 6 / h0;
  }
  const Tensor second = at::linalg_solve(left, right);  // M = second y

  const Tensor unit = at::eye(n, options);
  std::vector<Tensor> weights;
  for (const double point : points) {
    double x = periodic ? point : std::clamp(point, knots.front(), knots.back());
    if (periodic && x < knot(0)) x += period;
    std::int64_t i = 0;
    while (i + 1 < std::ssize(h) && x >= knot(i + 1)) ++i;
    const double length = h[static_cast<std::size_t>(i)], s = (x - knot(i)) / length, c = length * length / 6;
    const auto next = (i + 1) % n;
    weights.push_back((1 - s) * unit[i] + s * unit[next] + c * (std::pow(1 - s, 3) - (1 - s)) * second[i] +
                      c * (s * s * s - s) * second[next]);
  }
  return at::stack(weights);
}

}  // namespace sda
