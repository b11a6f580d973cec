/// Observation operators: whole trajectories through a map of single states, and chains of links.
#include "sda/observation/operator.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "core/torch.hpp"
#include "observation/expression.hpp"
#include "observation/links.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

using observation::StateLink;
using observation::TimeLink;

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

/// A chain of links: those of time choose states, those of state make the observation, each in their order.
class Chain final : public ObservationOperator {
 public:
  /// `joins_states`: one of the links of state takes all states together.
  Chain(Shape event, std::vector<std::unique_ptr<TimeLink>> time, std::vector<std::unique_ptr<StateLink>> state,
        bool joins_states)
      : event_(std::move(event)), time_(std::move(time)), state_(std::move(state)), joins_states_(joins_states) {
    for (std::size_t i = 0; i < state_.size(); ++i) {
      if (!state_[i]->is_affine()) curved_ = i + 1;
    }
  }

  std::vector<std::int64_t> times(std::int64_t length) const override {
    std::vector<std::int64_t> states(static_cast<std::size_t>(length));
    std::iota(states.begin(), states.end(), 0);
    for (const auto& link : time_) states = link->choose(states);
    return states;
  }

  bool reads_states_alone() const override { return !joins_states_; }

  Tensor read(const Tensor& states) const override {
    require_states(states);
    auto y = states;
    for (const auto& link : state_) y = link->read(y);
    return y;
  }

  // The chain rule, last link first. What the links read is needed as far as the last that is not affine.
  Tensor vjp(const Tensor& states, const Tensor& v) const override {
    require_states(states);
    std::vector<Tensor> inputs(state_.size());
    auto y = states;
    for (std::size_t i = 0; i < curved_; ++i) {
      inputs[i] = y;
      if (i + 1 < curved_) y = state_[i]->read(y);
    }
    auto g = v;
    for (auto i = state_.size(); i-- > 0;) g = state_[i]->vjp(inputs[i], g);
    return g;
  }

  bool is_linear() const override {
    return std::all_of(state_.begin(), state_.end(), [](const auto& link) { return link->is_linear(); });
  }
  bool is_affine() const override { return curved_ == 0; }

  Shape observation_shape(at::IntArrayRef event) const override {
    if (event != event_) refuse_event(event);
    return state_.empty() ? event_ : state_.back()->observation().sizes;
  }

  std::string describe() const override {
    std::vector<std::string> when, what;
    for (const auto& link : time_) when.push_back(link->describe());
    for (const auto& link : state_) what.push_back(link->describe());
    if (when.empty()) when.emplace_back("every state");
    what.insert(what.begin(), fmt::format("{}", fmt::join(when, ", of these ")));
    return fmt::format("{}", fmt::join(what, " → "));
  }

 private:
  [[noreturn]] void refuse_event(at::IntArrayRef found) const {
    throw ShapeError({.what = "states are not those that the operator reads",
                      .where = "observation operator",
                      .found = to_string(found),
                      .expected = to_string(event_)});
  }
  void require_states(const Tensor& states) const {
    const auto leading = states.dim() - std::ssize(event_);
    if (leading < (joins_states_ ? 2 : 1) || states.sizes().slice(static_cast<std::size_t>(leading)) != event_)
      refuse_event(states.sizes());
  }

  Shape event_;
  std::vector<std::unique_ptr<TimeLink>> time_;
  std::vector<std::unique_ptr<StateLink>> state_;
  bool joins_states_;
  std::size_t curved_ = 0;  ///< links up to the last that is not affine
};

std::string link_name(std::size_t i, const OperatorLink& link) {
  return fmt::format("operator link {} ({})", i + 1, link.kind);
}

/// A formula or a function of normalised values would say something else than it says.
void require_physical(const std::vector<OperatorLink>& chain, std::size_t i, const Normalisation& normalisation) {
  const auto end = chain.begin() + static_cast<std::ptrdiff_t>(i);
  const bool is_physical = std::any_of(chain.begin(), end, [](const auto& link) { return link.kind == "physical"; });
  if (is_physical || (normalisation.mean.eq(0).all().item<bool>() && normalisation.std.eq(1).all().item<bool>()))
    return;
  throw UsageError({.what = fmt::format("{} is of physical values",
                                        chain[i].kind == "expression" ? "a formula" : "a function of your own"),
                    .where = link_name(i, chain[i]),
                    .found = "normalised ones",
                    .expected = "{physical = true} before it"});
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

std::shared_ptr<const ObservationOperator> make_operator(const std::vector<OperatorLink>& chain,
                                                         const StateLayout& layout,
                                                         const Normalisation& normalisation) {
  std::vector<std::unique_ptr<TimeLink>> time;
  std::vector<std::unique_ptr<StateLink>> state;
  auto field = observation::field_of(layout);
  bool joins_states = false;
  const auto add_time = [&](std::size_t i, std::unique_ptr<TimeLink> of_time) {
    if (joins_states) {
      throw UsageError({.what = "a link of time behind points that have times of their own",
                        .where = link_name(i, chain[i]),
                        .expected = "links of time before points"});
    }
    time.push_back(std::move(of_time));
  };
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const auto& link = chain[i];
    observation::check_link(link, link_name(i, link));
    if (auto of_time = observation::make_time_link(link)) {
      add_time(i, std::move(of_time));
      continue;
    }
    if (link.kind == "points") {
      auto of_points = observation::make_point_links(link, field);
      if (of_points.time) {
        add_time(i, std::move(of_points.time));
        joins_states = true;
      }
      field = of_points.state->observation();
      state.push_back(std::move(of_points.state));
      continue;
    }
    if (link.kind == "physical" && !state.empty()) {
      throw UsageError({.what = "a normalised observation cannot be made physical",
                        .where = link_name(i, link),
                        .found = fmt::format("physical after \"{}\"", state.back()->describe()),
                        .expected = "physical before every link that changes what is read"});
    }
    if (link.kind == "expression") {
      require_physical(chain, i, normalisation);
      state.push_back(observation::make_expression_link(link, field));
    } else if (auto of_user = observation::make_function_link(link, field)) {
      require_physical(chain, i, normalisation);
      state.push_back(std::move(of_user));
    } else {
      auto of_state = observation::make_value_link(link, normalisation, field);
      state.push_back(of_state ? std::move(of_state) : observation::make_space_link(link, field));
    }
    field = state.back()->observation();
  }
  return std::make_shared<Chain>(layout.event, std::move(time), std::move(state), joins_states);
}

std::vector<std::pair<std::string, std::string>> operator_kinds() {
  std::vector<std::pair<std::string, std::string>> kinds;
  for (const auto& kind : observation::link_kinds()) kinds.emplace_back(kind.name, kind.help);
  return kinds;
}

}  // namespace sda
