/// Observation operators: whole trajectories through a map of single states.
#include "sda/observation/operator.hpp"

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

std::vector<std::int64_t> times_of(const ObservationOperator& op, const Tensor& trajectories) {
  if (trajectories.dim() < 3) {
    throw ShapeError({.what = "not a batch of trajectories",
                      .where = "observation operator",
                      .found = to_string(trajectories.sizes()),
                      .expected = "member × length × event"});
  }
  return op.times(trajectories.size(1));
}

/// Whether times lie evenly apart, so that a view can hold their states.
bool are_even(const std::vector<std::int64_t>& times) {
  for (std::size_t i = 2; i < times.size(); ++i) {
    if (times[i] - times[i - 1] != times[1] - times[0]) return false;
  }
  return !times.empty();
}

/// The states of trajectories (member, length, …) at even times: a view (member, times, …).
Tensor even_states(const Tensor& trajectories, const std::vector<std::int64_t>& times) {
  const auto step = times.size() > 1 ? times[1] - times[0] : 1;
  return trajectories.slice(1, times.front(), times.back() + 1, step);
}

Tensor index_of(const std::vector<std::int64_t>& times, const Tensor& trajectories) {
  return at::tensor(times, at::kLong).to(trajectories.device());
}

}  // namespace

Tensor ObservationOperator::vjp(const Tensor& states, const Tensor& v) const {
  c10::InferenceMode ordinary(false);
  at::AutoGradMode enabled(true);
  const auto x = (states.is_inference() ? states.clone() : states.detach()).requires_grad_();
  return torch::autograd::grad({read(x)}, {x}, {v}).front();
}

Shape ObservationOperator::observations_shape(std::int64_t length, at::IntArrayRef event) const {
  return prepend({reads_states_alone() ? std::ssize(times(length)) : 1}, observation_shape(event));
}

Tensor ObservationOperator::apply(const Tensor& trajectories) const {
  const auto when = times_of(*this, trajectories);
  return read(are_even(when) ? even_states(trajectories, when)
                             : trajectories.index_select(1, index_of(when, trajectories)));
}

Tensor ObservationOperator::apply_vjp(const Tensor& trajectories, const Tensor& v) const {
  const auto when = times_of(*this, trajectories);
  const auto observation =
      prepend({trajectories.size(0)}, observations_shape(trajectories.size(1), trajectories.sizes().slice(2)));
  if (v.sizes() != observation) {
    throw ShapeError({.what = "a VJP's cotangent does not have the observations' shape",
                      .where = "observation operator",
                      .found = to_string(v.sizes()),
                      .expected = to_string(observation)});
  }
  const bool all = std::ssize(when) == trajectories.size(1);
  auto out = all ? at::empty_like(trajectories) : at::zeros_like(trajectories);
  if (are_even(when)) {
    even_states(out, when).copy_(vjp(even_states(trajectories, when), v));
    return out;
  }
  const auto index = index_of(when, trajectories);
  return out.index_copy_(1, index, vjp(trajectories.index_select(1, index), v));
}

}  // namespace sda
