// Localisation by distance, of whatever operator.
#include "baselines/cycling/localisation.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "baselines/cycling/taper.hpp"
#include "core/axis.hpp"
#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

/// Weights below this are none.
constexpr double faintest = 1e-3;

/// A grid of space: its points along each axis, and whether the axis closes on itself.
struct Grid {
  std::vector<std::int64_t> size;
  std::vector<bool> closes;
};

Grid grid_of(const StateLayout& layout) {
  Grid grid;
  for (const auto& axis : axes_of(layout)) {
    grid.size.push_back(axis.size());
    grid.closes.push_back(axis.ends() != AxisEnds::apart);
  }
  if (!grid.size.empty()) return grid;
  throw UnsupportedError({.what = "localisation needs states in space",
                          .where = "letkf",
                          .found = "states " + to_string(layout.event) + " of variables alone",
                          .hint = "take etkf"});
}

/// Where along an axis `weights` (a value for each of its points) lie: their centre, round the ring where it closes.
double centre_of(const Tensor& weights, bool closes) {
  const auto n = weights.size(0);
  const Tensor w = weights.contiguous();
  const double* first = w.data_ptr<double>();
  std::complex<double> turn = 0;
  double sum = 0, moment = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(n);
    turn += first[i] * std::polar(1.0, angle);
    sum += first[i];
    moment += first[i] * static_cast<double>(i);
  }
  if (!closes) return sum > 0 ? moment / sum : 0;
  const double place = std::arg(turn) / (2 * std::numbers::pi) * static_cast<double>(n);
  return place < 0 ? place + static_cast<double>(n) : place;
}

/// Places (axis) of the observations that `part` makes of a state, in points of the grid, from |∂H/∂x|.
std::vector<std::vector<double>> places_of(const Observations& observations, const ObservationPart& part,
                                           const Grid& grid) {
  const Shape& event = observations.layout.event;
  const auto p = count(part.observation());
  // Somewhere no operator is flat: |x| and products are at the origin.
  const Tensor x = normal(prepend({1}, event), {.purpose = Purpose::test}, at::kDouble).expand(prepend({p}, event));
  const Tensor v = at::eye(p, at::kDouble).reshape(prepend({p}, part.observation()));
  Tensor weights = part.op->vjp(x.contiguous(), v).abs();
  if (std::ssize(event) > std::ssize(grid.size)) weights = weights.sum(1);  // over variables: (p, …space)
  std::vector<std::vector<double>> places(static_cast<std::size_t>(p));
  for (std::size_t axis = 0; axis < grid.size.size(); ++axis) {
    const Tensor along =
        weights.movedim(static_cast<std::int64_t>(axis) + 1, -1).reshape({p, -1, grid.size[axis]}).sum(1);
    for (std::int64_t i = 0; i < p; ++i) {
      places[static_cast<std::size_t>(i)].push_back(centre_of(along[i], grid.closes[axis]));
    }
  }
  return places;
}

double distance(const std::vector<double>& a, const std::vector<double>& b, const Grid& grid) {
  double square = 0;
  for (std::size_t axis = 0; axis < a.size(); ++axis) {
    double apart = std::abs(a[axis] - b[axis]);
    if (grid.closes[axis]) apart = std::min(apart, static_cast<double>(grid.size[axis]) - apart);
    square += apart * apart;
  }
  return std::sqrt(square);
}

/// The place of point i of the grid, the last axis fastest.
std::vector<double> place_of_point(std::int64_t i, const Grid& grid) {
  std::vector<double> place(grid.size.size());
  for (std::size_t axis = place.size(); axis-- > 0; i /= grid.size[axis]) {
    place[axis] = static_cast<double>(i % grid.size[axis]);
  }
  return place;
}

}  // namespace

std::vector<std::vector<NearObservation>> near_observations(const CyclingProblem& problem, std::int64_t state,
                                                            double radius) {
  const Observations& observations = problem.observations();
  const Grid grid = grid_of(observations.layout);
  std::vector<std::vector<double>> places;
  for (const auto* part : problem.parts(state)) {
    for (auto& place : places_of(observations, *part, grid)) places.push_back(std::move(place));
  }
  const double c = radius * std::sqrt(10.0 / 3);
  const auto points = count(at::IntArrayRef(grid.size));
  std::vector<std::vector<NearObservation>> near(static_cast<std::size_t>(points));
  at::parallel_for(0, points, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto here = place_of_point(i, grid);
      for (std::size_t j = 0; j < places.size(); ++j) {
        const double weight = gaspari_cohn(distance(here, places[j], grid) / c);
        if (weight > faintest) near[static_cast<std::size_t>(i)].push_back({static_cast<std::int64_t>(j), weight});
      }
    }
  });
  return near;
}

}  // namespace sda
