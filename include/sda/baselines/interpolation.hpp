/// What can be had without a model of the dynamics: observations of fields on a plane, interpolated in space and time.
#pragma once

#include "sda/core/trajectories.hpp"
#include "sda/observation/observations.hpp"

namespace sda {

enum class Interpolation {
  bicubic,        ///< periodic cubic splines through the observations at the points they were read around
  trigonometric,  ///< the one trigonometric polynomial, of as many terms as observations, that is read as they are
};

/// A trajectory of one member on a periodic grid: each observation's grid interpolated along y and x, then in time by
/// natural cubic splines, held constant before the first and after the last observation. The observations must be those
/// of one operator that takes every variable from (…, y, x) to (…, h, w) by averages along each axis: block averages,
/// strides, their compositions, in any unit. This is found by observing states, not from the operator's text. Throws
/// UnsupportedError for other operators.
Ensemble interpolate(const Observations& observations, Interpolation method);

/// Weights that give a cubic spline through values at `knots` (ascending) at `points`: (points, knots). With `period`
/// > 0 the spline is periodic, knots lie within one period; with 0 it is natural, constant beyond the first and the
/// last knot. Throws ValueError if the knots are not ascending.
Tensor spline_weights(const std::vector<double>& knots, const std::vector<double>& points, double period);

}  // namespace sda
