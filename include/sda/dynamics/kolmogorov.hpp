/// Kolmogorov flow: two-dimensional turbulence driven by a sine (Rozet & Louppe 2023, section 4.2).
#pragma once

#include <utility>
#include <vector>

#include "sda/core/fields.hpp"
#include "sda/dynamics/dynamics.hpp"

namespace sda {

/// Lengths in units of a periodic domain of side 2π, density 1.
struct KolmogorovParameters {
  double reynolds = 1000.0;  ///< 1/ν
  /// [min, max] of a Reynolds number that is not known; its logarithm is then a third field of each state
  std::vector<double> reynolds_range{};
  double forcing_amplitude = 1.0;       ///< F of the forcing F sin(k y) along x
  std::int64_t forcing_wavenumber = 4;  ///< k
  double drag = 0.1;                    ///< linear drag −drag × velocity
  std::int64_t grid = 64;               ///< points along a side of a state
  std::int64_t solver_grid = 256;       ///< points along a side of the solver's grid, a multiple of `grid`
  double cfl = 0.7;                     ///< grid cells that max_speed crosses in a step
  double max_speed = 5.0;
};

template <class Visitor>
void fields(Visitor& v, KolmogorovParameters& p) {
  v("reynolds", p.reynolds, "kolmogorov: Reynolds number, 1/ν", above(0));
  v("reynolds_range", p.reynolds_range,
    "kolmogorov: [min, max] of a Reynolds number that is not known: drawn for each trajectory, evenly of its "
    "logarithm, which is a third field of its states",
    or_none(above(0)));
  v("forcing_amplitude", p.forcing_amplitude, "kolmogorov: F of the force F sin(k y) along x", any());
  v("forcing_wavenumber", p.forcing_wavenumber, "kolmogorov: k", at_least(1));
  v("drag", p.drag, "kolmogorov: linear drag, 1/time", at_least(0));
  v("grid", p.grid, "kolmogorov: points along a side of a state, even", at_least(4));
  v("solver_grid", p.solver_grid, "kolmogorov: points along a side of the solver's grid, a multiple of grid",
    at_least(4));
  v("cfl", p.cfl, "kolmogorov: grid cells that max_speed crosses in a step of the solver", between(0.01, 1.3));
  v("max_speed", p.max_speed, "kolmogorov: speed that the solver's steps are chosen for", above(0));
}

/// Incompressible Navier-Stokes on [0, 2π]², periodic:
///     ∂u/∂t + (u·∇)u = −∇p + ∇²u / Re − drag u + (F sin(k y), 0),   ∇·u = 0.
/// A state is the velocity (2, grid, grid), component 0 along x, x along the first axis of a component and y along the
/// second, averaged over square blocks of the solver's grid, whose points are the centres (i + ½) 2π / solver_grid of
/// cells. Solver states are velocities (2, solver_grid, solver_grid).
///
/// A Reynolds number that is not known is drawn at the start for each trajectory; a third component of states and
/// solver states holds its natural logarithm, the same at every point and time.
///
/// Pseudo-spectral: modes |k| < solver_grid / 3 along each axis, so that products of two fields are free of aliasing.
/// Runge-Kutta of order 4 for the advection; viscosity, drag and forcing exactly (integrating factor). Steps are of one
/// length, from cfl and max_speed; a member whose flow is too fast for them takes a whole number of times as many.
class KolmogorovFlow final : public Dynamics {
 public:
  /// Throws UsageError if the grids and the forcing do not fit, or a range is none.
  explicit KolmogorovFlow(const KolmogorovParameters& parameters, double dt = 0.2);

  std::string name() const override { return "kolmogorov"; }
  StateLayout layout() const override;
  /// Mean 0, and one standard deviation of both components of the velocity. The logarithm of a Reynolds number that is
  /// not known has the standard deviation 1 / (3 grid) when normalised, for it is told at grid² points.
  Normalisation normalisation() const override;
  /// The forcing's shape sin(k y) on the state's grid, (1, grid, grid).
  Tensor context() const override;

  Shape solver_event() const override;
  Tensor to_state(const Tensor& solver) const override;
  /// The smoothest divergence-free flow of these averages: their modes, each over what averaging leaves of it. Up to
  /// what the averages hold of modes beyond the state's grid, to_state gives the state back. Of a Reynolds number that
  /// is not known, the mean of its logarithm over space.
  Tensor to_solver(const Tensor& state) const override;
  std::int64_t solver_steps() const override { return steps_; }

  /// Random phases; amplitudes log-normal in the wavenumber about a peak at 4; largest speed on the state's grid 3. The
  /// flow does not depend on the solver's grid. The logarithm of a Reynolds number that is not known is uniform.
  Tensor start(std::int64_t members, const StreamKey& key, at::ScalarType dtype) const override;
  /// On the device where x is; on a CPU split over threads by members. Throws NumericalError if a velocity is not
  /// finite.
  void advance(Tensor& x, std::int64_t steps, const StreamKey& key) const override;
  bool is_stochastic() const override { return false; }
  [[noreturn]] Tensor log_transition(const Tensor& from, const Tensor& to) const override;

  const KolmogorovParameters& parameters() const { return parameters_; }

 private:
  /// Whether the Reynolds number is not known.
  bool is_unknown() const { return !parameters_.reynolds_range.empty(); }
  /// Components of a state.
  std::int64_t components() const { return is_unknown() ? 3 : 2; }
  /// Of a Reynolds number that is not known, the logarithms of min and max.
  std::pair<double, double> log_range() const;

  KolmogorovParameters parameters_;
  double dt_;
  std::int64_t steps_;  ///< of the solver within dt
};

/// Averages over blocks of `size` × `size` of the last two axes, (…, h, w) → (…, h / size, w / size).
Tensor block_average(const Tensor& field, std::int64_t size);

}  // namespace sda
