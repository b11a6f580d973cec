/// Observation operators: whole trajectories through a map of single states, and chains of links.
#include "sda/observation/operator.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>

#include "core/torch.hpp"
#include "observation/links.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

using observation::Arguments;
using observation::StateLink;
using observation::TimeLink;

/// The states read of whole trajectories: (member, length, …event) → (member × times, …event), with their indices.
struct ReadStates {
  Tensor index;   ///< (times)
  Tensor states;  ///< (member × times, …event)
};

ReadStates read_states(const ObservationOperator& op, const Tensor& trajectories) {
  if (trajectories.dim() < 3) {
    throw ShapeError({.what = "not a batch of trajectories",
                      .where = "observation operator",
                      .found = to_string(trajectories.sizes()),
                      .wanted = "member × length × event"});
  }
  const auto index = at::tensor(op.times(trajectories.size(1)), at::kLong).to(trajectories.device());
  return {index, trajectories.index_select(1, index).flatten(0, 1)};
}

/// A chain of links: those of time choose states, those of state make the reading, each in their order.
class Chain final : public ObservationOperator {
 public:
  Chain(std::vector<std::unique_ptr<TimeLink>> time, std::vector<std::unique_ptr<StateLink>> state)
      : time_(std::move(time)), state_(std::move(state)) {}

  std::vector<std::int64_t> times(std::int64_t length) const override {
    std::vector<std::int64_t> states(static_cast<std::size_t>(length));
    std::iota(states.begin(), states.end(), 0);
    for (const auto& link : time_) states = link->choose(states);
    return states;
  }

  Tensor read(const Tensor& states) const override {
    reading_shape(states.sizes().slice(1));
    auto y = states;
    for (const auto& link : state_) y = link->read(y);
    return y;
  }

  // The chain rule, last link first; a linear link does not look at the values it is given.
  Tensor pull_back(const Tensor& states, const Tensor& v) const override {
    reading_shape(states.sizes().slice(1));
    std::vector<Tensor> inputs;
    auto y = states;
    for (const auto& link : state_) {
      inputs.push_back(y);
      if (link != state_.back()) y = link->read(y);
    }
    auto g = v;
    for (auto i = state_.size(); i-- > 0;) g = state_[i]->pull_back(inputs[i], g);
    return g;
  }

  bool is_linear() const override {
    return std::all_of(state_.begin(), state_.end(), [](const auto& link) { return link->is_linear(); });
  }
  bool is_affine() const override {
    return std::all_of(state_.begin(), state_.end(), [](const auto& link) { return link->is_affine(); });
  }

  Shape reading_shape(at::IntArrayRef event) const override {
    Shape shape(event.begin(), event.end());
    for (const auto& link : state_) shape = link->reading_shape(shape);
    return shape;
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
  std::vector<std::unique_ptr<TimeLink>> time_;
  std::vector<std::unique_ptr<StateLink>> state_;
};

std::string link_name(std::size_t i, const OperatorLink& link) {
  return fmt::format("operator link {} ({})", i + 1, link.kind);
}

/// Shortest decimal that reads back to the same double; integers without a point.
std::string link_number_to_toml(double number) {
  constexpr double exact_integers = 9007199254740992.0;  // 2⁵³
  if (std::trunc(number) == number && std::abs(number) < exact_integers) {
    return fmt::format("{}", static_cast<std::int64_t>(number));
  }
  return fmt::format("{}", number);
}

double number_from_toml(const toml::node& node, const std::string& where) {
  if (const auto* integer = node.as_integer()) return static_cast<double>(integer->get());
  if (const auto* real = node.as_floating_point()) return real->get();
  std::ostringstream found;
  found << node.type();
  throw UsageError({.what = "not a number", .where = where, .found = found.str(), .wanted = "a number"});
}

/// The numbers of a link from its value; the shape of the value (true, number, list) must be the kind's own.
std::vector<double> numbers_from_toml(const observation::LinkKind& kind, const toml::node& value,
                                      const std::string& where) {
  const auto refuse = [&](const std::string& wanted) {
    std::ostringstream found;
    value.visit([&](const auto& node) { found << node; });
    throw UsageError({.what = fmt::format("bad value of operator link {}", kind.name),
                      .where = where,
                      .found = found.str(),
                      .wanted = wanted,
                      .mend = kind.arguments == Arguments::none ? "leave the link out where it is not wanted" : ""});
  };
  std::vector<double> numbers;
  switch (kind.arguments) {
    case Arguments::none:
      if (value.value_exact<bool>() != true) refuse("true");
      break;
    case Arguments::one:
      if (!value.is_number()) refuse("one number");
      numbers.push_back(number_from_toml(value, where));
      break;
    case Arguments::list:
      if (!value.is_array()) refuse("a list of numbers in [ ]");
      for (const auto& element : *value.as_array()) numbers.push_back(number_from_toml(element, where));
      break;
  }
  return numbers;
}

}  // namespace

Tensor ObservationOperator::pull_back(const Tensor& states, const Tensor& v) const {
  c10::InferenceMode ordinary(false);
  at::AutoGradMode enabled(true);
  const auto x = (states.is_inference() ? states.clone() : states.detach()).requires_grad_();
  return torch::autograd::grad({read(x)}, {x}, {v}).front();
}

Tensor ObservationOperator::apply(const Tensor& trajectories) const {
  const auto [index, states] = read_states(*this, trajectories);
  return read(states).unflatten(0, {trajectories.size(0), index.size(0)});
}

Tensor ObservationOperator::apply_pull_back(const Tensor& trajectories, const Tensor& v) const {
  const auto [index, states] = read_states(*this, trajectories);
  const auto reading = prepend({trajectories.size(0), index.size(0)}, reading_shape(trajectories.sizes().slice(2)));
  if (v.sizes() != reading) {
    throw ShapeError({.what = "a pull-back's cotangent does not have the readings' shape",
                      .where = "observation operator",
                      .found = to_string(v.sizes()),
                      .wanted = to_string(reading)});
  }
  const auto g = pull_back(states, v.flatten(0, 1)).unflatten(0, {trajectories.size(0), index.size(0)});
  return at::zeros_like(trajectories).index_copy_(1, index, g);
}

std::shared_ptr<const ObservationOperator> make_operator(const std::vector<OperatorLink>& chain,
                                                         const Normalisation& normalisation) {
  std::vector<std::unique_ptr<TimeLink>> time;
  std::vector<std::unique_ptr<StateLink>> state;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const auto& link = chain[i];
    observation::check_link(link, link_name(i, link));
    if (auto of_time = observation::make_time_link(link)) {
      time.push_back(std::move(of_time));
      continue;
    }
    if (link.kind == "physical" && !state.empty()) {
      throw UsageError({.what = "a normalised reading cannot be made physical",
                        .where = link_name(i, link),
                        .found = fmt::format("physical after \"{}\"", state.back()->describe()),
                        .wanted = "physical before every link that changes what is read"});
    }
    state.push_back(observation::make_state_link(link, normalisation));
  }
  return std::make_shared<Chain>(std::move(time), std::move(state));
}

std::string to_toml(const std::vector<OperatorLink>& chain) {
  std::vector<std::string> links;
  for (const auto& link : chain) {
    const auto arguments = observation::find_kind(link.kind, "operator").arguments;
    std::vector<std::string> numbers;
    for (const auto number : link.numbers) numbers.push_back(link_number_to_toml(number));
    const auto list = fmt::format("{}", fmt::join(numbers, ", "));
    const auto value = arguments == Arguments::none ? "true" : arguments == Arguments::one ? list : "[" + list + "]";
    links.push_back(fmt::format("{{{} = {}}}", link.kind, value));
  }
  return fmt::format("[{}]", fmt::join(links, ", "));
}

std::vector<OperatorLink> read_operator(const std::string& text, const std::string& where) {
  const auto refuse = [&](const std::string& found) {
    throw UsageError({.what = "not an operator",
                      .where = where,
                      .found = found,
                      .wanted = "a list of links such as [{every = 8}, {select = [0]}]"});
  };
  toml::table table;
  try {
    table = toml::parse("operator = " + text);
  } catch (const toml::parse_error& error) {
    refuse(fmt::format("{} ({})", text, error.description()));
  }
  const auto* links = table.get_as<toml::array>("operator");
  if (links == nullptr || table.size() != 1) refuse(text);
  std::vector<OperatorLink> chain;
  for (const auto& node : *links) {
    const auto* link = node.as_table();
    if (link == nullptr || link->size() != 1) refuse(text);
    const auto entry = link->begin();  // owns the pair that it points to
    const auto place = fmt::format("{}: link {}", where, chain.size() + 1);
    const auto& kind = observation::find_kind(std::string(entry->first.str()), place);
    chain.push_back({kind.name, numbers_from_toml(kind, entry->second, place)});
    observation::check_link(chain.back(), place);
  }
  return chain;
}

std::vector<std::pair<std::string, std::string>> operator_kinds() {
  std::vector<std::pair<std::string, std::string>> kinds;
  for (const auto& kind : observation::link_kinds()) kinds.emplace_back(kind.name, kind.help);
  return kinds;
}

}  // namespace sda
