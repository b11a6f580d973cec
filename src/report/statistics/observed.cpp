/// What each element of an observation reads, found by asking the operator: y = offset + slope × component, or a
/// function of more, drawn over A(x).
#include "report/statistics/observed.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/torch.hpp"
#include "report/statistics/point_observations.hpp"
#include "report/statistics/states.hpp"

namespace sda::report {
namespace {

/// One element of an observation that is an affine function of one component: y = offset + slope × normalised
/// component.
struct SingleComponent {
  std::int64_t component = 0;
  double slope = 1, offset = 0;
};

/// What each element of an observation reads, if that is one component; found by observing the zero state, unit
/// states and, to see that the operator is affine, two states of mixed signs. Nothing for events too large to try.
std::vector<std::optional<SingleComponent>> probe(const ObservationOperator& op, at::IntArrayRef event) {
  constexpr std::int64_t max_components = 256;
  constexpr double rounding = 1e-9;
  const auto n = count(event);
  const auto elements = count(op.observation_shape(event));
  std::vector<std::optional<SingleComponent>> found(static_cast<std::size_t>(elements));
  if (n > max_components) return found;
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const Tensor angles = at::arange(1, n + 1, options);
  const Tensor mixed = at::stack({3 * at::sin(angles), -2 * at::cos(1.7 * angles)});
  const Tensor states = at::cat({at::zeros({1, n}, options), at::eye(n, options), mixed});
  const Tensor read = op.read(states.reshape(prepend({n + 3}, event))).reshape({n + 3, elements});
  const Tensor zero = read[0];
  const Tensor matrix = read.narrow(0, 1, n) - zero;  // (component, element)
  const Tensor error = (read.narrow(0, n + 1, 2) - zero - at::mm(mixed, matrix)).abs().amax(0);
  for (std::int64_t e = 0; e < elements; ++e) {
    const Tensor column = matrix.select(1, e);
    const double size = column.abs().max().item<double>() + zero[e].abs().item<double>();
    const Tensor parts = column.abs().gt(rounding * size).nonzero().flatten();
    if (parts.numel() == 1 && error[e].item<double>() <= rounding * size) {
      const auto component = parts[0].item<std::int64_t>();
      found[static_cast<std::size_t>(e)] = {component, column[component].item<double>(), zero[e].item<double>()};
    }
  }
  return found;
}

/// Observations at points go over the component nearest to them, each at its own time; whether some lie between.
bool add_points(const std::vector<ShownObservation>& points, const CaseData& data,
                const std::vector<std::int64_t>& shown, std::vector<Panel>& states) {
  bool between = false;
  for (const auto& observation : points) {
    const auto place = std::find(shown.begin(), shown.end(), observation.component);
    if (place == shown.end()) continue;
    auto& observed = states[static_cast<std::size_t>(place - shown.begin())].observations;
    observed.times.push_back(data.y.start_time + observation.time * data.y.layout.dt);
    observed.values.push_back(observation.value);
    observed.errors.push_back(observation.sigma);
    between = between || observation.between;
  }
  return between;
}

/// The values of one part that reads states alone, element by element.
struct PartValues {
  std::vector<double> times;  ///< when states were read
  Tensor values;              ///< (time, element)
  std::vector<double> sigma;  ///< of each element
};

PartValues values_of(const ObservationPart& part, const CaseData& data) {
  const auto read_at = part.op->times(data.y.length);
  const auto observation = part.op->observation_shape(data.y.layout.event);
  PartValues read{.times = {},
                  .values = part.values.detach().to(at::kDouble).reshape({std::ssize(read_at), count(observation)}),
                  .sigma = to_vector(part.noise.sigma(observation, at::kDouble).expand(observation))};
  for (const auto i : read_at) read.times.push_back(data.times[static_cast<std::size_t>(i)]);
  return read;
}

/// Element `e`, which is of one component, in that component's unit: y = offset + slope (x − mean) / std.
void add_component(const SingleComponent& single, const PartValues& read, std::size_t e, const CaseData& data,
                   ObservedValues& observed) {
  const auto at_component = [&](const Tensor& x) {
    return x.expand(data.y.layout.event).flatten()[single.component].item<double>();
  };
  const double mean = at_component(data.y.normalisation.mean);
  const double scale = at_component(data.y.normalisation.std) / single.slope;
  for (const double value : to_vector(read.values.select(1, static_cast<std::int64_t>(e)))) {
    observed.values.push_back(mean + scale * (value - single.offset));
    observed.errors.push_back(std::abs(scale) * read.sigma[e]);
  }
  observed.times.insert(observed.times.end(), read.times.begin(), read.times.end());
}

/// Panels of elements that are not of one component, over A(members).
std::vector<Panel> panels_apart(const ObservationPart& part, const std::vector<std::int64_t>& apart,
                                const PartValues& read, const CaseData& data) {
  const auto observe = [&](const Tensor& states) {  // (member, time, element)
    if (!states.defined()) return Tensor();
    const Tensor a = part.op->apply(data.y.normalisation.normalise(states));
    return a.reshape({a.size(0), a.size(1), -1});
  };
  const Tensor posterior = observe(data.posterior), reference = observe(data.reference);
  const Tensor truth = data.truth.defined() ? observe(data.truth.unsqueeze(0))[0] : Tensor();
  const Tensor all = at::arange(0, read.values.size(0), at::kLong);
  const auto max = std::max<std::int64_t>(1, panels_of(data.y.layout) / std::ssize(data.y.parts));
  std::vector<Panel> panels;
  for (const auto k : spread_indices(std::ssize(apart), max)) {
    const auto e = apart[static_cast<std::size_t>(k)];
    const auto element = [&](const Tensor& x) { return x.defined() ? x.select(-1, e) : Tensor(); };
    auto& panel =
        panels.emplace_back(panel_of({element(posterior), element(reference), element(truth)}, read.times, all, data));
    panel.name = (part.name.empty() ? "" : part.name + ", ") + fmt::format("observation {}", e + 1);
    panel.title = part.op->describe();
    panel.unit = "as read";
    panel.observations = {read.times, to_vector(read.values.select(1, e)),
                          std::vector<double>(read.times.size(), read.sigma[static_cast<std::size_t>(e)])};
  }
  return panels;
}

void add_part(const ObservationPart& part, const CaseData& data, const std::vector<std::int64_t>& shown,
              std::vector<Panel>& states, ObservedApart& others) {
  if (const auto points = shown_observations(data.y, part)) {
    others.between = add_points(*points, data, shown, states) || others.between;
    return;
  }
  if (!part.op->reads_states_alone()) return;
  const auto read = values_of(part, data);
  const auto single = probe(*part.op, data.y.layout.event);
  std::vector<std::int64_t> apart;
  for (std::size_t e = 0; e < single.size(); ++e) {
    if (!single[e]) {
      apart.push_back(static_cast<std::int64_t>(e));
      continue;
    }
    const auto place = std::find(shown.begin(), shown.end(), single[e]->component);
    if (place == shown.end()) continue;
    add_component(*single[e], read, e, data, states[static_cast<std::size_t>(place - shown.begin())].observations);
  }
  others.count += std::ssize(apart);
  if (apart.empty()) return;
  for (auto& panel : panels_apart(part, apart, read, data)) others.panels.push_back(std::move(panel));
}

/// Operator, count and noise.
std::string describe_part(const ObservationPart& part, std::int64_t states) {
  const auto sigma = to_vector(part.sigma(at::kDouble).expand(part.observation()));
  const auto [min, max] = std::minmax_element(sigma.begin(), sigma.end());
  const auto observations = part.values.numel();
  return fmt::format("{}{}; {} {} in {} states, each with {} {} in the operator’s unit",
                     part.name.empty() ? "" : part.name + ": ", part.op->describe(), observations,
                     observations == 1 ? "observation" : "observations", states, part.noise.model().describe(),
                     *min == *max ? fmt::format("{:g}", *min) : fmt::format("{:g} to {:g}", *min, *max));
}

}  // namespace

ObservedApart add_observations(const CaseData& data, const std::vector<std::int64_t>& shown,
                               std::vector<Panel>& states) {
  ObservedApart others;
  for (const auto& part : data.y.parts) add_part(part, data, shown, states, others);
  return others;
}

std::string describe_observations(const Observations& y) {
  std::vector<std::string> parts;
  for (const auto& part : y.parts) parts.push_back(describe_part(part, y.length));
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace sda::report
