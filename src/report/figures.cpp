/// Bands, lines, spread and ranks of one case, and what each figure says in a sentence.
#include "report/figures.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "core/torch.hpp"
#include "report/point_observations.hpp"
#include "sda/core/error.hpp"
#include "sda/evaluation/spectrum.hpp"

namespace sda::report {
namespace {

std::vector<double> to_vector(const Tensor& values) {
  const Tensor v = values.detach().to(at::kDouble).contiguous();
  return {v.data_ptr<double>(), v.data_ptr<double>() + v.numel()};
}

std::string unit_text(const std::string& units) {
  return units == "1" || units.empty() ? "dimensionless" : units;
}

/// Members, (member, time), and truth, (time), of one quantity.
struct Quantity {
  Tensor posterior, reference, truth;  ///< the last two may be undefined
};

/// 5 to 95 % of the members at each time.
Band band(Role role, const std::string& method, const Tensor& members) {
  const Tensor q = at::quantile(members, at::tensor({0.05, 0.95}, at::kDouble), 0);
  return {role, method + ", 5–95 %", to_vector(q[0]), to_vector(q[1])};
}

/// Everything there is to draw of one quantity. `kept` are the indices of the times drawn.
Panel draw(const Quantity& quantity, const std::vector<double>& times, const Tensor& kept, const Figures& figures) {
  const auto at_kept = [&](const Tensor& values) { return values.index_select(-1, kept); };
  Panel panel;
  panel.times = to_vector(at_kept(at::tensor(times, at::kDouble)));
  const Tensor posterior = at_kept(quantity.posterior);
  for (std::int64_t i = 0; i < figures.members; ++i) panel.members.push_back(to_vector(posterior[i]));
  if (quantity.reference.defined()) {
    const Tensor reference = at_kept(quantity.reference);
    const auto& method = figures.reference_method;
    panel.bands.push_back(band(Role::reference_band, method, reference));
    panel.curves.push_back({Role::reference_mean, method + ", mean", to_vector(reference.mean(0)), true});
  }
  panel.bands.push_back(band(Role::posterior_band, figures.method, posterior));
  panel.curves.push_back({Role::posterior_mean, figures.method + ", mean", to_vector(posterior.mean(0)), true});
  if (quantity.truth.defined()) {
    panel.curves.push_back({Role::truth, "truth", to_vector(at_kept(quantity.truth)), false});
  }
  return panel;
}

/// Evenly spread indices of at most `most` of `n`.
std::vector<std::int64_t> spread_indices(std::int64_t n, std::int64_t max) {
  std::vector<std::int64_t> chosen;
  const auto m = std::min(n, max);
  for (std::int64_t i = 0; i < m; ++i) chosen.push_back(m < n && m > 1 ? i * (n - 1) / (m - 1) : i);
  return chosen;
}

/// Names the panel of component c of the flattened event.
void name_component(Panel& panel, const StateLayout& layout, std::int64_t c) {
  const auto sizes = layout.space();
  const auto channel = layout.channels_are_variables() ? c / count(sizes) : 0;
  const auto& variable = layout.variables.at(static_cast<std::size_t>(channel));
  panel.name = variable.name;
  panel.title = variable.long_name;
  panel.unit = unit_text(variable.units);
  std::string place;
  auto rest = c - channel * count(sizes);
  for (std::size_t axis = sizes.size(); axis-- > 0; rest /= sizes[axis]) {
    place = std::to_string(rest % sizes[axis]) + (place.empty() ? "" : ", ") + place;
  }
  if (!place.empty()) panel.name += "[" + place + "]";
}

/// One element of an observation that is an affine function of one component: y = offset + slope × normalised
/// component.
struct SingleComponent {
  std::int64_t component = 0;
  double slope = 1, offset = 0;
};

/// What each element of an observation reads, if that is one component; found by observation the zero state, unit
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

/// Share of times and panels at which the truth lies within the band of that role.
std::optional<double> coverage(const std::vector<Panel>& panels, Role role) {
  double inside = 0, all = 0;
  for (const auto& panel : panels) {
    const auto b = std::find_if(panel.bands.begin(), panel.bands.end(), [&](const Band& x) { return x.role == role; });
    const auto t =
        std::find_if(panel.curves.begin(), panel.curves.end(), [](const Curve& x) { return x.role == Role::truth; });
    if (b == panel.bands.end() || t == panel.curves.end()) return std::nullopt;
    for (std::size_t i = 0; i < t->values.size(); ++i) {
      inside += t->values[i] >= b->low[i] && t->values[i] <= b->high[i] ? 1 : 0;
      all += 1;
    }
  }
  return all > 0 ? std::optional(inside / all) : std::nullopt;
}

double mean_width(const Band& b) {
  double sum = 0;
  for (std::size_t i = 0; i < b.low.size(); ++i) sum += b.high[i] - b.low[i];
  return sum / static_cast<double>(b.low.size());
}

/// Mean over panels of the posterior band's mean width over the reference band's.
std::optional<double> relative_width(const std::vector<Panel>& panels) {
  double sum = 0, all = 0;
  for (const auto& panel : panels) {
    if (panel.bands.size() != 2) return std::nullopt;
    const double reference = mean_width(panel.bands.front());
    if (reference > 0) sum += mean_width(panel.bands.back()) / reference, all += 1;
  }
  return all > 0 ? std::optional(sum / all) : std::nullopt;
}

std::string band_sentence(const Figures& figures, const std::vector<Panel>& panels) {
  std::string sentence;
  if (const auto inside = coverage(panels, Role::posterior_band)) {
    sentence = fmt::format("The {} band (5–95 %) holds the truth at {:.0f} % of the values shown", figures.method,
                           100 * *inside);
    if (const auto other = coverage(panels, Role::reference_band)) {
      sentence += fmt::format(", the {} band at {:.0f} %", figures.reference_method, 100 * *other);
    }
    sentence += "; 90 % is calibrated";
  }
  if (const auto width = relative_width(panels)) {
    sentence += fmt::format("{} {} band{} is {:.2f} times as wide as the {} band on average",
                            sentence.empty() ? "The" : "; the", figures.method, sentence.empty() ? " (5–95 %)" : "",
                            *width, figures.reference_method);
  }
  if (sentence.empty()) sentence = fmt::format("Lines are {} members, the band holds 5–95 % of all", figures.members);
  return sentence + ".";
}

/// Spread and error of the mean at each time, over components; returns what they say over all times.
std::string add_skill(Panel& panel, Role role, const std::string& method, const Tensor& members, const Tensor& truth,
                      const Tensor& kept) {
  if (members.size(0) < 2) return "";
  const Tensor spread = members.flatten(2).var(0, true).mean(1).sqrt();
  panel.curves.push_back({role, method + ", spread", to_vector(spread.index_select(0, kept)), false});
  if (!truth.defined()) return "";
  const Tensor error = (members.mean(0) - truth).flatten(1).square().mean(1).sqrt();
  panel.curves.push_back({role, method + ", error of the mean", to_vector(error.index_select(0, kept)), true});
  const double total_spread = spread.square().mean().sqrt().item<double>();
  const double total_error = error.square().mean().sqrt().item<double>();
  return fmt::format("{}: error of the mean {:.2g}, spread {:.2g}, ratio {:.2f}", method, total_error, total_spread,
                     total_error / total_spread);
}

/// Ranks in at most 16 bins, few enough that each expects 8 values.
RankBars rank_bars(const EnsembleScores& scores, Role role) {
  RankBars bars;
  bars.method = scores.method;
  bars.role = role;
  for (const auto n : scores.ranks) bars.values += n;
  const auto places = static_cast<std::int64_t>(scores.ranks.size());
  const auto bins = std::min(places, std::clamp<std::int64_t>(bars.values / 8, 2, 16));
  std::vector<double> counts(static_cast<std::size_t>(bins)), widths(counts.size());
  for (std::int64_t r = 0; r < places; ++r) {
    const auto bin = static_cast<std::size_t>(r * bins / places);
    counts[bin] += static_cast<double>(scores.ranks[static_cast<std::size_t>(r)]);
    widths[bin] += 1;
  }
  const auto n = static_cast<double>(bars.values);
  for (std::size_t b = 0; b < counts.size(); ++b) {
    bars.ratio.push_back(counts[b] / (n * widths[b] / static_cast<double>(places)));
  }
  const double p = 1.0 / static_cast<double>(bins);
  bars.tolerance = 1.96 * std::sqrt((1 - p) / (n * p));
  return bars;
}

std::string rank_sentence(const std::vector<RankBars>& all) {
  std::string sentence;
  for (const auto& bars : all) {
    const double ends = (bars.ratio.front() + bars.ratio.back()) / 2;
    const char* observation = ends > 1 + bars.tolerance
                                  ? "too often at the ensemble’s edge, which is too narrow or biased"
                              : ends < 1 - bars.tolerance ? "too seldom at the ensemble’s edge, which is too wide"
                                                          : "at the ensemble’s edge as often as it should be";
    sentence += fmt::format("{}{}: the truth is {} (outer bins {:.2f} times their share)", sentence.empty() ? "" : "; ",
                            bars.method, observation, ends);
  }
  return sentence;
}

void check_shapes(const ReportCase& report_case) {
  const auto expected = prepend({report_case.observations.length}, report_case.observations.layout.event);
  const auto check = [&](const Tensor& members, const char* who) {
    const auto where = "report, case " + report_case.name;
    if (!members.defined() || members.dim() < 2 || members.size(0) == 0 || members.sizes().slice(1) != expected) {
      throw ShapeError({.what = std::string("the ") + who + " does not fit the observations",
                        .where = where,
                        .found = members.defined() ? sda::to_string(members.sizes()) : "no members",
                        .expected = "members of " + sda::to_string(expected)});
    }
    if (!at::isfinite(members).all().item<bool>()) {
      throw ValueError({.what = std::string("the ") + who + " is not finite", .where = where});
    }
  };
  check(report_case.posterior.members, "posterior ensemble");
  if (report_case.reference.members.defined()) check(report_case.reference.members, "reference ensemble");
}

/// Fills the panels of one case, a step at a time.
class Builder {
 public:
  Builder(const ReportCase& report_case, std::int64_t lines, std::int64_t stride)
      : case_(report_case), y_(report_case.observations) {
    posterior_ = case_.posterior.members.detach().to(at::kDouble);
    if (case_.reference.members.defined()) reference_ = case_.reference.members.detach().to(at::kDouble);
    if (y_.truth.defined()) truth_ = y_.truth.detach().to(at::kDouble);
    for (std::int64_t i = 0; i < y_.length; ++i) {
      times_.push_back(y_.start_time + static_cast<double>(i) * y_.layout.dt);
    }
    kept_ = at::arange(0, y_.length, stride, at::kLong);
    if ((y_.length - 1) % stride != 0) kept_ = at::cat({kept_, at::tensor({y_.length - 1}, at::kLong)});

    figures_.name = case_.name;
    figures_.method = case_.posterior.method.empty() ? "posterior" : case_.posterior.method;
    if (reference_.defined()) {
      figures_.reference_method = case_.reference.method.empty() ? "reference" : case_.reference.method;
    }
    figures_.scores = case_.scores;
    figures_.members = std::min(lines, posterior_.size(0));
    figures_.stride = stride;
    figures_.time_axis = y_.layout.time_origin.empty()
                             ? fmt::format("time ({})", unit_text(y_.layout.time_units))
                             : fmt::format("{} since {}", y_.layout.time_units, y_.layout.time_origin);
    const double margin = times_.size() > 1 ? 0.01 * (times_.back() - times_.front()) : y_.layout.dt;
    figures_.first_time = times_.front() - margin;
    figures_.last_time = times_.back() + margin;
  }

  Figures build() {
    const auto shown = shown_components();
    add_states(shown);
    add_observations(shown);
    add_skill_panel();
    add_ranks();
    if (is_velocity(y_.layout)) add_spectrum();
    return std::move(figures_);
  }

 private:
  /// Curves at single points say little of fields, which have pictures of their own.
  std::int64_t panels() const { return y_.layout.space().size() == 2 ? 2 : max_panels; }

  /// Evenly spread components; where points were read one by one, those that were read most often, of one variable
  /// after the other.
  std::vector<std::int64_t> shown_components() const {
    const auto all = count(y_.layout.event);
    std::vector<std::pair<std::int64_t, std::int64_t>> often(static_cast<std::size_t>(all));
    for (std::int64_t c = 0; c < all; ++c) often[static_cast<std::size_t>(c)] = {0, c};
    bool has_points = false;
    for (const auto& part : y_.parts) {
      const auto points = point_observations(y_, part);
      has_points = has_points || points;
      if (!points) continue;
      for (const auto& observation : *points) --often[static_cast<std::size_t>(observation.component)].first;
    }
    if (!has_points || all <= panels()) return spread_indices(all, panels());
    std::sort(often.begin(), often.end());
    const auto each = y_.layout.channels_are_variables() ? count(y_.layout.space()) : all;
    std::set<std::int64_t> shown, variables;
    for (const bool of_new_variables : {true, false}) {
      for (const auto& [times, c] : often) {
        if (std::ssize(shown) < panels() && variables.insert(c / each).second == of_new_variables) shown.insert(c);
      }
    }
    return {shown.begin(), shown.end()};
  }

  void add_states(const std::vector<std::int64_t>& shown) {
    const auto space = static_cast<std::int64_t>(y_.layout.event.size());
    for (const auto c : shown) {
      const auto component = [&](const Tensor& states) {
        return states.defined() ? states.flatten(states.dim() - space).select(-1, c) : Tensor();
      };
      auto panel = draw({component(posterior_), component(reference_), component(truth_)}, times_, kept_, figures_);
      name_component(panel, y_.layout, c);
      figures_.states.push_back(std::move(panel));
    }
    figures_.states_caption = band_sentence(figures_, figures_.states);
    if (const auto all = count(y_.layout.event); static_cast<std::int64_t>(shown.size()) < all) {
      figures_.states_caption += fmt::format(" {} of {} components are shown.", shown.size(), all);
    }
  }

  void add_observations(const std::vector<std::int64_t>& shown) {
    std::vector<std::string> observed;
    std::int64_t apart = 0;
    for (const auto& part : y_.parts) {
      apart += add_observations(part, shown);
      observed.push_back((part.name.empty() ? "" : part.name + ": ") + describe(part));
    }
    figures_.observed = fmt::format("{}", fmt::join(observed, "; "));
    if (apart == 0) return;
    figures_.observations_caption = "What the instrument would read of each member, against what it did read. " +
                                    band_sentence(figures_, figures_.observations);
    if (const auto drawn = static_cast<std::int64_t>(figures_.observations.size()); apart > drawn) {
      figures_.observations_caption += fmt::format(" {} of {} are shown.", drawn, apart);
    }
  }

  /// Operator, count and noise.
  std::string describe(const ObservationPart& part) const {
    const auto sigma = to_vector(part.sigma(at::kDouble).expand(part.observation()));
    const auto [min, max] = std::minmax_element(sigma.begin(), sigma.end());
    const auto observations = part.values.numel();
    return fmt::format("{}; {} {} in {} states, each with {} {} in the operator’s unit", part.op->describe(),
                       observations, observations == 1 ? "observation" : "observations", y_.length,
                       part.noise.model().describe(),
                       *min == *max ? fmt::format("{:g}", *min) : fmt::format("{:g} to {:g}", *min, *max));
  }

  /// Departures at points go over the component nearest to them, each at its own time.
  void add_points(const std::vector<PointObservation>& points, const std::vector<std::int64_t>& shown) {
    bool between = false;
    for (const auto& observation : points) {
      const auto place = std::find(shown.begin(), shown.end(), observation.component);
      if (place == shown.end()) continue;
      auto& observations = figures_.states[static_cast<std::size_t>(place - shown.begin())].observations;
      observations.times.push_back(y_.start_time + observation.time * y_.layout.dt);
      observations.values.push_back(observation.value);
      observations.errors.push_back(observation.sigma);
      between = between || observation.between;
    }
    if (between) figures_.states_caption += " Departures between points of the grid are shown at the nearest one.";
  }

  /// Departures of one component go over it, in its unit; others into panels of their own, over A(members): how many
  /// others there are. Departures at points and times of their own lie at the nearest component.
  std::int64_t add_observations(const ObservationPart& part, const std::vector<std::int64_t>& shown) {
    if (const auto points = point_observations(y_, part)) {
      add_points(*points, shown);
      return 0;
    }
    if (!part.op->reads_states_alone()) return 0;
    const auto read_at = part.op->times(y_.length);
    const auto count_of_times = static_cast<std::int64_t>(read_at.size());
    const auto observation = part.op->observation_shape(y_.layout.event);
    const auto values = part.values.detach().to(at::kDouble).reshape({count_of_times, count(observation)});
    const auto sigma = to_vector(part.noise.sigma(observation, at::kDouble).expand(observation));
    const auto mean = to_vector(y_.normalisation.mean.expand(y_.layout.event));
    const auto std = to_vector(y_.normalisation.std.expand(y_.layout.event));
    std::vector<double> read_times;
    for (const auto i : read_at) read_times.push_back(times_[static_cast<std::size_t>(i)]);

    std::vector<std::int64_t> apart;
    const auto single = probe(*part.op, y_.layout.event);
    for (std::size_t e = 0; e < single.size(); ++e) {
      if (!single[e]) {
        apart.push_back(static_cast<std::int64_t>(e));
        continue;
      }
      const auto [component, slope, offset] = *single[e];
      const auto place = std::find(shown.begin(), shown.end(), component);
      if (place == shown.end()) continue;
      auto& observations = figures_.states[static_cast<std::size_t>(place - shown.begin())].observations;
      const auto c = static_cast<std::size_t>(component);
      const double scale = std[c] / slope;  // y = offset + slope (x − mean) / std
      for (const double value : to_vector(values.select(1, static_cast<std::int64_t>(e)))) {
        observations.values.push_back(mean[c] + scale * (value - offset));
        observations.errors.push_back(std::abs(scale) * sigma[e]);
      }
      observations.times.insert(observations.times.end(), read_times.begin(), read_times.end());
    }
    if (!apart.empty()) add_observation_panels(part, apart, values, read_times, sigma);
    return static_cast<std::int64_t>(apart.size());
  }

  void add_observation_panels(const ObservationPart& part, const std::vector<std::int64_t>& apart, const Tensor& values,
                              const std::vector<double>& read_times, const std::vector<double>& sigma) {
    const auto read = [&](const Tensor& states) {  // (member, time, element)
      if (!states.defined()) return Tensor();
      const Tensor a = part.op->apply(y_.normalisation.normalise(states));
      return a.reshape({a.size(0), a.size(1), -1});
    };
    const Tensor posterior = read(posterior_), reference = read(reference_);
    const Tensor truth = truth_.defined() ? read(truth_.unsqueeze(0))[0] : Tensor();
    const Tensor all = at::arange(0, values.size(0), at::kLong);
    const auto max = std::max<std::int64_t>(1, panels() / static_cast<std::int64_t>(y_.parts.size()));
    for (const auto k : spread_indices(static_cast<std::int64_t>(apart.size()), max)) {
      const auto e = apart[static_cast<std::size_t>(k)];
      const auto element = [&](const Tensor& x) { return x.defined() ? x.select(-1, e) : Tensor(); };
      auto panel = draw({element(posterior), element(reference), element(truth)}, read_times, all, figures_);
      panel.name = (part.name.empty() ? "" : part.name + ", ") + fmt::format("observation {}", e + 1);
      panel.title = part.op->describe();
      panel.unit = "as read";
      panel.observations = {read_times, to_vector(values.select(1, e)),
                            std::vector<double>(read_times.size(), sigma[static_cast<std::size_t>(e)])};
      figures_.observations.push_back(std::move(panel));
    }
  }

  void add_skill_panel() {
    auto& panel = figures_.skill;
    panel.name = "spread, error";
    panel.title = "root mean square over all components";
    panel.unit = "normalised";
    panel.from_zero = true;
    panel.times = to_vector(at::tensor(times_, at::kDouble).index_select(0, kept_));
    const auto normalised = [&](const Tensor& x) { return x.defined() ? y_.normalisation.normalise(x) : Tensor(); };
    const Tensor u = normalised(truth_);
    std::string said = add_skill(panel, Role::posterior_mean, figures_.method, normalised(posterior_), u, kept_);
    if (reference_.defined()) {
      const auto other =
          add_skill(panel, Role::reference_mean, figures_.reference_method, normalised(reference_), u, kept_);
      if (!other.empty()) said += "; " + other;
    }
    figures_.skill_caption =
        said.empty() ? "The ensembles’ standard deviation over time."
                     : "Over all times, " + said + "; near 1 is reliable, though one truth’s ratio scatters widely.";
  }

  void add_ranks() {
    for (const auto& scores : case_.scores) {
      if (scores.members < 2) continue;  // there is no rank among one
      if (std::all_of(scores.ranks.begin(), scores.ranks.end(), [](auto n) { return n == 0; })) continue;
      const bool is_reference =
          scores.method == figures_.reference_method && (scores.method != figures_.method || !figures_.ranks.empty());
      figures_.ranks.push_back(rank_bars(scores, is_reference ? Role::reference_mean : Role::posterior_mean));
    }
    if (figures_.ranks.empty()) return;
    figures_.ranks_caption = rank_sentence(figures_.ranks) +
                             "; flat is calibrated, and the grey stripe would hold 95 % of bins if ranks at "
                             "neighbouring times were independent, which they are not.";
  }

  /// Energy of each wavenumber that the grid resolves, over states: of some members, the truth, and the simulator.
  void add_spectrum() {
    constexpr std::int64_t max_members = 32, max_states = 256;
    const auto some = [](const Tensor& x, std::int64_t axis, std::int64_t max) {
      const auto chosen = spread_indices(x.size(axis), std::min(x.size(axis), max));
      return x.index_select(axis, at::tensor(chosen, at::kLong));
    };
    const auto energy = [&](const Tensor& states) {  // (state, resolved)
      const auto spectrum = energy_spectrum(some(states.flatten(0, -4), 0, max_states), y_.layout);
      return spectrum.energy.narrow(1, 1, spectrum.resolved);
    };
    const auto shells = energy_spectrum(posterior_[0][0], y_.layout);
    auto& panel = figures_.spectrum.emplace();
    panel.name = "energy";
    panel.title = "mean over states of members, truth and simulator; 5–95 % of states";
    const auto& layout = y_.layout;
    const bool plain =
        unit_text(layout.variables[0].units) == "dimensionless" && unit_text(layout.space_units) == "dimensionless";
    panel.unit = plain ? "dimensionless" : fmt::format("({})² {}", layout.variables[0].units, layout.space_units);
    figures_.wavenumber_axis =
        fmt::format("wavenumber ({})", plain ? std::string("dimensionless") : "rad / " + layout.space_units);
    panel.times.assign(shells.wavenumbers.begin() + 1, shells.wavenumbers.begin() + 1 + shells.resolved);
    const Tensor ours = energy(some(posterior_, 0, max_members));
    const Tensor simulated = case_.simulated.defined() ? energy(case_.simulated.detach()) : Tensor();
    const Tensor truth = truth_.defined() ? energy(truth_) : Tensor();
    const Tensor reference = simulated.defined() ? simulated : truth;
    if (simulated.defined()) {
      panel.bands.push_back(band(Role::reference_band, "simulator", simulated));
      panel.curves.push_back({Role::reference_mean, "simulator, mean", to_vector(simulated.mean(0)), true});
    }
    panel.bands.push_back(band(Role::posterior_band, figures_.method, ours));
    panel.curves.push_back({Role::posterior_mean, figures_.method + ", mean", to_vector(ours.mean(0)), false});
    if (truth.defined()) panel.curves.push_back({Role::truth, "truth, mean", to_vector(truth.mean(0)), true});
    figures_.spectrum_caption = "Energy spectrum of the velocity, ½ mean square = sum over wavenumbers.";
    if (reference.defined()) {
      const Tensor ratio = ours.mean(0) / reference.mean(0);
      figures_.spectrum_caption +=
          fmt::format(" Over all resolved wavenumbers {} members have {:.2f} to {:.2f} times the energy of the {}.",
                      figures_.method, ratio.min().item<double>(), ratio.max().item<double>(),
                      simulated.defined() ? "simulator’s states" : "truth");
    }
  }

  const ReportCase& case_;
  const Observations& y_;
  Tensor posterior_, reference_, truth_, kept_;
  std::vector<double> times_;
  Figures figures_;
};

}  // namespace

std::string to_string(Role role) {
  switch (role) {
    case Role::members:
      return "members";
    case Role::posterior_band:
      return "posterior-band";
    case Role::posterior_mean:
      return "posterior-mean";
    case Role::reference_band:
      return "reference-band";
    case Role::reference_mean:
      return "reference-mean";
    case Role::truth:
      break;
  }
  return "truth";
}

std::string Panel::axis() const {
  return fmt::format("{} ({})", name, unit);
}

std::pair<double, double> Panel::range() const {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  const auto cover = [&](double value) { low = std::min(low, value), high = std::max(high, value); };
  const auto cover_all = [&](const std::vector<double>& values) { std::for_each(values.begin(), values.end(), cover); };
  for (const auto& line : members) cover_all(line);
  for (const auto& b : bands) cover_all(b.low), cover_all(b.high);
  for (const auto& c : curves) cover_all(c.values);
  for (std::size_t i = 0; i < observations.values.size(); ++i) {
    cover(observations.values[i] - observations.errors[i]), cover(observations.values[i] + observations.errors[i]);
  }
  if (!(low <= high)) return {0, 1};
  if (from_zero) low = 0;
  const double margin = high > low ? 0.05 * (high - low) : std::max(1e-6, 0.05 * std::abs(high));
  return {from_zero ? 0 : low - margin, high + margin};
}

Figures figures_of(const ReportCase& report_case, std::int64_t lines, std::int64_t stride, std::int64_t pixels) {
  check_shapes(report_case);
  const at::NoGradGuard no_grad;
  auto figures = Builder(report_case, lines, stride).build();
  const auto quantities = shown_quantities(report_case.observations.layout);
  for (std::size_t i = 0; i < quantities; ++i) {
    figures.films.push_back(*films_of(report_case, pixels / static_cast<std::int64_t>(quantities), i));
  }
  return figures;
}

std::vector<double> doublings(double first, double last) {
  std::vector<double> marks{first};
  while (2 * marks.back() <= 1.0001 * last) marks.push_back(2 * marks.back());
  return marks;
}

std::pair<double, double> decades(const Panel& panel) {
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (const auto& curve : panel.curves) {
    for (const double value : curve.values) {
      if (value > 0) low = std::min(low, value), high = std::max(high, value);
    }
  }
  if (!(low <= high)) return {0, 1};
  constexpr double max = 12;  // beyond lies rounding
  const double last = std::ceil(std::log10(high) + 0.1);
  return {std::max(std::floor(std::log10(low) - 0.1), last - max), last};
}

std::vector<double> ticks(double low, double high, int count) {
  const double raw = (high - low) / std::max(count, 1);
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double step = power * (raw / power < 1.5 ? 1 : raw / power < 3.5 ? 2 : raw / power < 7.5 ? 5 : 10);
  const auto first = static_cast<std::int64_t>(std::ceil(low / step - 1e-9));
  const auto last = static_cast<std::int64_t>(std::floor(high / step + 1e-9));
  std::vector<double> values;
  for (auto i = first; i <= last; ++i) values.push_back(static_cast<double>(i) * step);
  return values;
}

std::string tick_text(double value, double step) {
  if (std::abs(value) < 1e-9 * step) value = 0;
  if (std::abs(value) >= 1e6 || step < 1e-4) return fmt::format("{:g}", value);
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  return fmt::format("{}{:.{}f}", value < 0 ? "−" : "", std::abs(value), decimals);
}

std::string to_string(const Estimate& estimate) {
  const double size = estimate.standard_error > 0 ? estimate.standard_error : std::abs(estimate.value) / 30;
  const int decimals = size > 0 ? std::clamp(1 - static_cast<int>(std::floor(std::log10(size))), 0, 6) : 2;
  auto text = fmt::format("{}{:.{}f}", estimate.value < 0 ? "−" : "", std::abs(estimate.value), decimals);
  if (estimate.standard_error > 0) text += fmt::format(" ± {:.{}f}", estimate.standard_error, decimals);
  return text;
}

std::vector<std::string> score_columns() {
  return {"method", "members", "W₁", "W₁ floor", "log p(x)", "log p(y | x)", "CRPS", "RMSE", "spread"};
}

std::vector<std::string> score_row(const EnsembleScores& s) {
  const auto number = [](const std::optional<double>& x) { return x ? to_string(Estimate{*x, 0}) : std::string("–"); };
  const auto estimate = [](const std::optional<Estimate>& x) { return x ? to_string(*x) : std::string("–"); };
  return {s.method,
          std::to_string(s.members),
          number(s.wasserstein),
          number(s.wasserstein_floor),
          estimate(s.log_prior),
          estimate(s.log_likelihood),
          estimate(s.crps),
          number(s.rmse),
          number(s.spread)};
}

std::string file_stem(const std::string& name) {
  std::string stem = name.empty() ? "case" : name;
  for (auto& c : stem) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && std::isalnum(byte) == 0 && c != '-' && c != '_' && c != '.') c = '_';
  }
  if (stem.front() == '.') stem.front() = '_';
  return stem;
}

}  // namespace sda::report
