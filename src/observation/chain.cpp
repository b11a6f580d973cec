/// An operator as a chain of links, and how one is made: each link of what those before it left.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "core/torch.hpp"
#include "observation/operators/kinds.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

using observation::StateLink;
using observation::TimeLink;

/// A chain of links: those of time choose states, those of state make the observation, each in their order.
class Chain final : public ObservationOperator {
 public:
  /// `names`: of the components of a state. `joins_states`: one of the links of state takes all states together.
  Chain(Shape event, std::vector<std::string> names, std::vector<std::unique_ptr<TimeLink>> time,
        std::vector<std::unique_ptr<StateLink>> state, bool joins_states)
      : event_(std::move(event)),
        names_(std::move(names)),
        time_(std::move(time)),
        state_(std::move(state)),
        joins_states_(joins_states) {
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

  std::vector<std::string> variables() const override {
    if (state_.empty()) return names_;
    const auto& field = state_.back()->observation();
    const bool has_one_each = field.has_components && std::ssize(field.names) == field.sizes.front();
    return has_one_each ? field.names : std::vector<std::string>();
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
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<TimeLink>> time_;
  std::vector<std::unique_ptr<StateLink>> state_;
  bool joins_states_;
  std::size_t curved_ = 0;  ///< links up to the last that is not affine
};

bool is_identity(const Normalisation& normalisation) {
  return normalisation.mean.eq(0).all().item<bool>() && normalisation.std.eq(1).all().item<bool>();
}

}  // namespace

std::shared_ptr<const ObservationOperator> make_operator(const std::vector<OperatorLink>& chain,
                                                         const StateLayout& layout,
                                                         const Normalisation& normalisation) {
  std::vector<std::unique_ptr<TimeLink>> time;
  std::vector<std::unique_ptr<StateLink>> state;
  auto field = observation::field_of(layout);
  field.is_physical = is_identity(normalisation);
  const auto names = field.has_components ? field.names : std::vector<std::string>();
  bool joins_states = false;
  for (const auto& link : chain) {
    const observation::LinkSite site{.link = link,
                                     .where = fmt::format("operator link {} ({})", &link - chain.data() + 1, link.kind),
                                     .field = field,
                                     .normalisation = normalisation,
                                     .before = state.empty() ? nullptr : state.back().get()};
    observation::check_link(link, site.where);
    auto made = observation::find_kind(link.kind, site.where).make(site);
    if (made.time && joins_states) {
      throw UsageError({.what = "a link of time behind points that have times of their own",
                        .where = site.where,
                        .expected = "links of time before points"});
    }
    joins_states = joins_states || (made.time && made.state);
    if (made.time) time.push_back(std::move(made.time));
    if (!made.state) continue;
    field = made.state->observation();
    state.push_back(std::move(made.state));
  }
  return std::make_shared<Chain>(layout.event, names, std::move(time), std::move(state), joins_states);
}

}  // namespace sda
