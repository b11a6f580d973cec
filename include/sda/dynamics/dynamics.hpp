/// A simulator as a first-order Markov chain: p(x_1) and p(x_{i+1} | x_i), states a fixed time apart.
#pragma once

#include <memory>
#include <string>

#include "sda/core/layout.hpp"
#include "sda/core/progress.hpp"
#include "sda/core/random.hpp"
#include "sda/core/tensor.hpp"

namespace sda {

/// States are physical (not normalised), (member, …event), contiguous float32 or float64.
///
/// What makes the chain Markov can be finer than the states that users see: a field on a solver's own grid, say, of
/// which a state is the average. `start` and `advance` go on such *solver states*, (member, …solver_event). Where they
/// are the states themselves, as they are for most systems, the three functions that tell them apart do nothing.
class Dynamics {
 public:
  virtual ~Dynamics() = default;

  virtual std::string name() const = 0;
  virtual StateLayout layout() const = 0;
  /// The normalisation a prior of this system is trained with.
  virtual Normalisation normalisation() const = 0;
  /// Fields that do not change in time and that a network may see beside the state, (c, …space) float32; undefined for
  /// none.
  virtual Tensor context() const { return {}; }

  virtual Shape solver_event() const { return layout().event; }
  /// Solver states (…, solver_event) → the states (…, event) that users see of them.
  virtual Tensor to_state(const Tensor& solver) const { return solver; }
  /// States (…, event) → solver states whose states they are, as far as states can tell.
  virtual Tensor to_solver(const Tensor& state) const { return state; }
  /// Steps of the numerical method within a transition: what a transition costs.
  virtual std::int64_t solver_steps() const { return 1; }

  /// Solver states of x_1 ~ p(x_1) before any spin-up, member m from key.first_member + m.
  virtual Tensor start(std::int64_t members, const StreamKey& key, at::ScalarType dtype = at::kFloat) const = 0;

  /// `steps` transitions of solver states in place; transition j of member m draws from (key.first_member + m, key.step
  /// + j). Split over threads; the result does not depend on how many.
  virtual void advance(Tensor& x, std::int64_t steps, const StreamKey& key) const = 0;

  /// Whether p(x_{i+1} | x_i) has a density.
  virtual bool is_stochastic() const = 0;

  /// log p(to | from) in physical units, (…); `from` and `to` are (…, event) of one shape.
  /// Throws UnsupportedError where the transition is deterministic.
  virtual Tensor log_transition(const Tensor& from, const Tensor& to) const = 0;

  /// (member, length, …event): the states of x_1 = `start`, solver states, and of length − 1 transitions; transition
  /// from state i draws with step key.step + i. Not counting x_1's own spin-up, which is `advance`.
  virtual Tensor trajectories(const Tensor& start, std::int64_t length, const StreamKey& key,
                              const ProgressCallback& progress = {}) const;
};

}  // namespace sda
