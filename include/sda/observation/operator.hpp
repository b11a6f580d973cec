/// Observation operators A: what an instrument would read of a trajectory.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sda/core/layout.hpp"
#include "sda/core/tensor.hpp"

namespace sda {

/// A differentiable map of trajectories x (member, length, …event) to observations (member, times, …observation): which
/// states are read (`times`), and what is read of each (`read`). Local in time, so that a filter can use it too.
class ObservationOperator {
 public:
  virtual ~ObservationOperator() = default;

  /// Indices of the states that are read, ascending, within a trajectory of `length` states.
  virtual std::vector<std::int64_t> times(std::int64_t length) const = 0;

  /// Whether each state is read alone, and all of them alike, so that a filter can go from one to the next. If not,
  /// `read` and `vjp` take all states of `times` together: (…, times, …event) → (…, 1, …observation).
  virtual bool reads_states_alone() const { return true; }

  /// What is read of states (…, event) → (…, observation), with one or more leading axes; differentiable by autograd.
  /// May be a view of the states.
  virtual Tensor read(const Tensor& states) const = 0;

  /// The vector-Jacobian product (VJP) vᵀ ∂read/∂states, of the states' shape: the adjoint Hᵀ v where `read` is linear.
  /// The default differentiates `read` by autograd.
  virtual Tensor vjp(const Tensor& states, const Tensor& v) const;

  /// Whether `read` is linear (an affine map is not).
  virtual bool is_linear() const = 0;

  /// Whether `read` is affine: read(x) = H x + c. Every linear map is.
  virtual bool is_affine() const { return is_linear(); }

  /// Shape of one observation. Throws ShapeError if the event does not fit.
  virtual Shape observation_shape(at::IntArrayRef event) const = 0;

  /// Which variable of the state each component along the first axis of an observation is of, by its name; none where
  /// there is no such axis, where components are of several variables, or where the operator does not say.
  virtual std::vector<std::string> variables() const { return {}; }

  /// One line for people: "every 8th state → component 0".
  virtual std::string describe() const = 0;

  /// (times, …observation) of a trajectory of `length` states; times is 1 where states are read together.
  Shape observations_shape(std::int64_t length, at::IntArrayRef event) const;
  /// A(x) for whole trajectories (member, length, …event) → (member, times, …observation). May be a view of them.
  Tensor apply(const Tensor& trajectories) const;
  /// Its VJP: (member, length, …event), zero where no state is read.
  Tensor apply_vjp(const Tensor& trajectories, const Tensor& v) const;
};

/// One link of an operator as a user writes it in TOML: `{every = 8}`, `{select = [0]}`, `{square = true}`,
/// `{circle = {x = 3, y = 3, radius = 1}}`.
///
/// Links of time choose which of the states that are left are read, each counting in what the one before it left:
///   every = n      the first and each n-th after it
///   offset = n     all but the first n
///   first, last = n  the first n, the last n
///   times = [i …]  those named, ascending; negative ones count from the end (−1 is the last)
/// Links of state change what is read of each state. The first axis of an event holds its components; the axes after
/// it are its space, and an event of one axis is both. Links of values keep the points:
///   physical       normalised → physical units; before any other link of state
///   select = [c …] components c
///   expression = "sqrt(u^2 + v^2)"  a formula of the variables by their names, in physical units: + - * / ^, brackets,
///                  numbers, sqrt, exp, log, log10, sin, cos, tan, atan, tanh, abs, min(a, b), max(a, b),
///                  atan2(a, b), and of fields mean(a) over space, curl(u, v), div(u, v) and grad_NAME(a) along the
///                  axis NAME, by differences of neighbours per unit of its coordinate; a name that is no word stands
///                  in single quotes. One component, or one point where all is means
///   torchscript = "FILE"  a function of your own, saved from Python with torch.jit.save: forward takes states
///                  (n, …event) in physical units and gives observations (n, …); it must be differentiable
///   speed          length of the vector of components at each point, one component
///   scale = a      a x
///   square, abs    x², |x|
///   saturate       x / (1 + |x|)
/// Links of space keep the components. Those of a grid need one: what chooses scattered points leaves none. A number
/// stands for all axes, a list has one for each. Coordinates are those of the layout (and of our files); where it has
/// none, point i of an axis is the centre of cell i, at (i + ½) spacing, spacing 1 where it is not known. Longitudes
/// are the same after a turn; nothing else wraps around the edges.
///   coarsen = n    average of blocks of n points along each axis, by the areas of their cells where these differ, a
///                  coarser grid; n divides the size
///   coarsen_to = n the same, to a grid of n points along each axis
///   grid_every = n the first and each n-th point along each axis, a coarser grid
///   box            {x = [from, to], …}, names of the layout's axes: the part of the grid within, both ends included;
///                  an axis that is not named is kept whole. Of longitudes eastwards. Latitudes and longitudes of a
///                  curvilinear grid may be named, which leaves scattered points
///   outside_box    all points that are not within; scattered
///   circle         {x = a, y = b, radius = r}: points at most r from the centre; of latitudes and longitudes along
///                  the great circle, in their unit; scattered
///   outside_circle all points that are farther away; scattered
///   random_points  {share = a, seed = n}: that share of the points (to the nearest whole number), the same at all
///                  times and for all components, drawn from the stream (seed, Purpose::observation_points); scattered
///   points         {variable = [c …], x = [i …], y = [j …]}: so many values, each of a component and a place, by
///                  linear interpolation between the points of the grid. Places are counted in points of the grid from
///                  0, as indices are: x = 3.5 lies midway between points 3 and 4; along longitudes round the globe
///                  n − ½ lies between the last of n points and the first. With a list `time` each has a time
///                  of its own, counted likewise in the states that the links before left; then no link of time may
///                  follow, and the observations of a trajectory are one list. Scattered
///   mean           mean over the space that is left, by the areas of cells where these differ, one point
///   vorticity      ∂v/∂x − ∂u/∂y by differences of neighbours, one component; x is the axis that is named so or holds
///                  longitudes, else the last. The grid must be whole. A grid of equal steps is taken for periodic
///                  unless its axes are latitudes, longitudes of a region, levels, or of a map.
/// Links of time and of state may stand in any order between each other.
struct OperatorLink {
  /// One of operator_kinds().
  std::string kind;
  /// The value: one number, a list, or none for `{square = true}`.
  std::vector<double> numbers;
  /// Where the value is a table, the name of each number ({"x", "x", "y", "y"} for a box), and of `points` the name of
  /// each column, `numbers` holding one column after the other; else empty. TOML is read in alphabetical order.
  std::vector<std::string> names{};
  std::string text{};  ///< of `expression` and `torchscript`; else empty
  bool operator==(const OperatorLink&) const = default;
};

/// The chain of links for states of this layout; the first are applied first. Throws UsageError for unknown kinds
/// (naming the nearest) and bad arguments, ShapeError for links that do not fit what those before them left.
/// `normalisation` is used by the link `physical`, which turns normalised states into physical ones; without that link
/// an operator reads normalised states.
std::shared_ptr<const ObservationOperator> make_operator(const std::vector<OperatorLink>& chain,
                                                         const StateLayout& layout, const Normalisation& normalisation);

/// What a link of your own reads of each state, in physical units.
class StateFunction {
 public:
  virtual ~StateFunction() = default;
  /// States (n, …field) → (n, …observation), differentiable by autograd; of the states' dtype.
  virtual Tensor read(const Tensor& states) const = 0;
  /// Its VJP, of the states' shape; the default differentiates `read` by autograd.
  virtual Tensor vjp(const Tensor& states, const Tensor& v) const;
};
/// Makes the function of a link `{KIND = [numbers]}` (or `{KIND = number}`) for states of shape `field`, what the links
/// before it left of a state. Throws UsageError for numbers that it does not take.
using MakeStateFunction =
    std::function<std::shared_ptr<const StateFunction>(const std::vector<double>& numbers, at::IntArrayRef field)>;
/// Adds a kind of link: by one line at namespace scope, in a program of your own or in a plugin (`sda --plugin FILE`),
///     const bool known = sda::register_link("radar", "range: what it is", [](auto& numbers, auto field) { … });
/// True. To be called before other threads make operators. Throws UsageError if the name is taken.
bool register_link(const std::string& kind, const std::string& help, MakeStateFunction make);

/// Throws FileError unless code may be run (`--allow-code`, `allow_code`) or no link of the chain, which the file at
/// `path` holds, runs any.
void require_no_code(const std::vector<OperatorLink>& chain, const std::string& path);

/// The kinds of link there are, with a line of help each.
std::vector<std::pair<std::string, std::string>> operator_kinds();

}  // namespace sda
