/// Truth, observations, mean, spread and a few members of fields on a plane, as levels of colour.
#include "report/films.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/calendar.hpp"
#include "core/torch.hpp"
#include "report/point_observations.hpp"
#include "sda/evaluation/field_scores.hpp"
#include "sda/evaluation/spectrum.hpp"

namespace sda::report {
namespace {

constexpr std::int64_t max_members = 4, max_points = 128, max_films = 4 + max_members;
constexpr std::size_t max_columns = 6;

std::string unit_or_none(const std::string& units) {
  return units.empty() || units == "1" ? "dimensionless" : units;
}

/// Space axes of the layout that are drawn upwards and to the right.
struct DrawnAxes {
  std::size_t up, right;
};
DrawnAxes drawn_axes(const StateLayout& layout) {
  return is_x_first(layout) ? DrawnAxes{1, 0} : DrawnAxes{0, 1};
}

/// Whether coordinates descend, as latitudes do that begin in the north.
bool descends(const StateLayout& layout, std::size_t axis) {
  const auto points = layout.points_along(axis);
  return points.size() > 1 && points.back() < points.front();
}

/// Fields as they are drawn, x to the right and coordinates ascending: (…, y, x).
Tensor upright(const StateLayout& layout, const Tensor& fields) {
  Tensor drawn = is_x_first(layout) ? fields.transpose(-2, -1) : fields;
  const auto [up, right] = drawn_axes(layout);
  if (descends(layout, up)) drawn = drawn.flip(-2);
  if (descends(layout, right)) drawn = drawn.flip(-1);
  return drawn;
}

Axis axis_of(const StateLayout& layout, std::size_t axis) {
  const auto points = layout.points_along(axis);
  const auto [first, last] = std::minmax(points.front(), points.back());
  const double cell = points.size() > 1 ? (last - first) / static_cast<double>(points.size() - 1) : 1;
  const std::string& unit = layout.coordinates.empty() ? layout.space_units : layout.coordinates[axis].units;
  return {fmt::format("{} ({})", layout.space_names[axis], unit_or_none(unit)), first - cell / 2, last + cell / 2};
}

/// Width over height: that of space where both axes measure the same, else that of the grid; neither a ribbon.
double aspect_of(const StateLayout& layout, const Axis& x, const Axis& y) {
  const auto [up, right] = drawn_axes(layout);
  const auto space = layout.space();
  const auto measures = [&](std::size_t axis) {
    const std::string unit = layout.coordinates.empty() ? "" : layout.coordinates[axis].units;
    return unit.substr(0, unit.find('_'));  // degrees of longitude as of latitude
  };
  const double aspect = measures(up) == measures(right)
                            ? (x.to - x.from) / (y.to - y.from)
                            : static_cast<double>(space[right]) / static_cast<double>(space[up]);
  return std::clamp(aspect, 0.25, 4.0);
}

constexpr std::size_t max_quantities = 4;

/// A quantity that is drawn: the vorticity of a velocity, or one variable.
struct Shown {
  bool is_vorticity = false;
  std::int64_t variable = 0;
};

std::vector<Shown> quantities_of(const StateLayout& layout) {
  if (!has_fields(layout)) return {};
  std::vector<Shown> all;
  const bool has_velocity = is_velocity(layout);
  if (has_velocity) all.push_back({.is_vorticity = true});
  const auto variables = layout.channels_are_variables() ? std::ssize(layout.variables) : 1;
  for (std::int64_t v = has_velocity ? 2 : 0; v < variables; ++v) all.push_back({.variable = v});
  return all;
}

/// One variable of states (…, event), on its own: (…, y, x).
Tensor one_variable(const StateLayout& layout, const Tensor& fields, const Shown& shown) {
  return layout.channels_are_variables() ? fields.select(-3, shown.variable) : fields;
}

/// The quantity looked at: (…, event) → (…, y, x), NaN where states have no values.
Tensor looked_at(const StateLayout& layout, const Tensor& states, const Shown& shown) {
  const auto [up, right] = drawn_axes(layout);
  const Tensor fields = upright(layout, states);
  Tensor quantity = shown.is_vorticity ? vorticity(fields, layout.spacing_of(up), layout.spacing_of(right))
                                       : one_variable(layout, fields, shown);
  if (!layout.mask.defined()) return quantity;
  const Tensor nothing = one_variable(layout, upright(layout, layout.mask), shown).logical_not();
  return quantity.masked_fill(nothing, std::numeric_limits<double>::quiet_NaN());
}

const Variable& variable_of(const StateLayout& layout, const Shown& shown) {
  return layout.variables.at(static_cast<std::size_t>(shown.variable));
}

std::string quantity_label(const StateLayout& layout, const Shown& shown) {
  const auto& variable = variable_of(layout, shown);
  if (!shown.is_vorticity) return fmt::format("{} ({})", variable.name, unit_or_none(variable.units));
  const auto velocity = unit_or_none(variable.units), space = unit_or_none(layout.space_units);
  return fmt::format("vorticity ({})", velocity == "dimensionless" ? velocity : velocity + " / " + space);
}

/// ∂v/∂x − ∂u/∂y by central differences of (…, 2, y, x), NaN where a neighbour is.
Tensor local_vorticity(const Tensor& velocity, const StateLayout& layout) {
  const auto [up, right] = drawn_axes(layout);
  const auto difference = [](const Tensor& f, std::int64_t axis, double spacing) {
    return (f.roll(-1, axis) - f.roll(1, axis)) / (2 * spacing);
  };
  return difference(velocity.select(-3, 1), -1, layout.spacing_of(right)) -
         difference(velocity.select(-3, 0), -2, layout.spacing_of(up));
}

/// What was read, as fields (read times, h, w), NaN where nothing was.
struct ReadFields {
  Tensor fields;
  bool as_read = false;  ///< not the quantity looked at, but the operator's own
  std::string of;        ///< what it is then
};

/// Departures at points, each in the frame of the nearest state that is read: of the variable that is shown, in its
/// unit.
std::optional<ReadFields> fields_of_points(const Observations& y, const ObservationPart& part, const Shown& shown) {
  const auto points = point_observations(y, part);
  if (!points) return std::nullopt;
  const auto space = y.layout.space();
  const auto read_at = part.op->times(y.length);
  Tensor fields = at::full({std::ssize(read_at), count(space)}, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
  double* field = fields.data_ptr<double>();
  for (const auto& observation : *points) {
    const auto point = observation.component - shown.variable * count(space);
    if (point < 0 || point >= count(space)) continue;  // of another variable
    const auto state =
        std::lower_bound(read_at.begin(), read_at.end(), std::llround(observation.time)) - read_at.begin();
    field[state * count(space) + point] = observation.value;
  }
  return ReadFields{upright(y.layout, fields.view({-1, space[0], space[1]})), shown.is_vorticity,
                    variable_of(y.layout, shown).name + " where it was read"};
}

/// Departures y = c + span z of an affine operator, where z is normalised and all-ones states have z = 1. On a coarser
/// grid of all variables they are states of that grid. Otherwise they are laid back to where they were read, each
/// weighing as much as it depends on a component: Jᵀ (span z) / Jᵀ span, the value itself of a sample, the mean over
/// the region of an average.
std::optional<ReadFields> read_fields(const Observations& y, const ObservationPart& part, const Shown& shown) {
  if (!part.op->reads_states_alone()) return fields_of_points(y, part, shown);
  const auto& layout = y.layout;
  const auto& event = layout.event;
  const auto observation = part.op->observation_shape(event);
  const auto rank = observation.size();
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const auto as_read = [&]() -> std::optional<ReadFields> {
    const bool is_first = shown.is_vorticity || shown.variable == 0;  // once is enough
    if (!is_first || rank < 2 || observation[rank - 1] < 2 || observation[rank - 2] < 2) return std::nullopt;
    const Tensor fields =
        part.values.to(at::kDouble).reshape({part.values.size(0), -1, observation[rank - 2], observation[rank - 1]});
    return ReadFields{upright(layout, fields.select(1, 0)), true, part.op->describe()};
  };
  if (!part.op->is_affine()) return as_read();
  const auto read = [&](const Tensor& state) { return part.op->read(state.unsqueeze(0))[0]; };
  const Tensor zero = read(at::zeros(event, options));
  const Tensor span = read(at::ones(event, options)) - zero;
  if (span.abs().min().item<double>() <= 1e-9 * span.abs().max().item<double>()) return as_read();
  const Tensor offset = part.values.to(at::kDouble) - zero;

  const auto space = layout.space();
  const bool all_variables = rank == event.size() && (!layout.channels_are_variables() || observation[0] == event[0]);
  if (all_variables && (observation[rank - 2] < space[0] || observation[rank - 1] < space[1])) {
    StateLayout coarse = layout;
    coarse.event = observation;
    coarse.mask = Tensor();
    coarse.spacing = {
        layout.spacing_of(0) * static_cast<double>(space[0]) / static_cast<double>(observation[rank - 2]),
        layout.spacing_of(1) * static_cast<double>(space[1]) / static_cast<double>(observation[rank - 1])};
    // Mean and standard deviation of each variable; the same all over space, or nearly so.
    const auto of_variable = [&](const Tensor& v) {
      return v.to(at::kDouble).expand(event).mean(at::IntArrayRef{-2, -1}, /*keepdim=*/true);
    };
    const Tensor states = of_variable(y.normalisation.mean) + of_variable(y.normalisation.std) * (offset / span);
    return ReadFields{looked_at(coarse, states, shown), false, ""};
  }

  const auto times = part.values.size(0);
  const Tensor origin = at::zeros(prepend({times}, event), options);
  const Tensor weight = part.op->vjp(origin, span.unsqueeze(0).expand_as(offset).contiguous());
  const Tensor laid = part.op->vjp(origin, offset.contiguous()) / weight;
  const Tensor nothing = at::full({}, std::numeric_limits<double>::quiet_NaN(), options);
  const Tensor states = at::where(weight.abs() > 1e-9 * weight.abs().max(), y.normalisation.denormalise(laid), nothing);
  if (!shown.is_vorticity) return ReadFields{looked_at(layout, states, shown), false, ""};
  const Tensor velocity = upright(layout, states), curl = local_vorticity(velocity, layout), u = velocity.select(-3, 0);
  const auto seen = [](const Tensor& field) { return field.isfinite().sum().item<std::int64_t>(); };
  if (4 * seen(curl) >= seen(u)) return ReadFields{curl, false, ""};
  return ReadFields{u, true, "u where it was read"};
}

/// Rounded up to two digits; 1 for nothing.
double round_up(double value) {
  if (!(value > 0) || !std::isfinite(value)) return 1;
  const double step = std::pow(10.0, std::floor(std::log10(value)) - 1);
  return std::ceil(value / step - 1e-9) * step;
}

/// Nearly the largest value: one in five hundred may lie beyond.
double nearly_largest(const Tensor& fields) {
  const Tensor values = fields.masked_select(fields.isfinite());
  if (values.numel() == 0) return 0;
  const auto rank = std::max<std::int64_t>(1, static_cast<std::int64_t>(0.998 * static_cast<double>(values.numel())));
  return std::get<0>(values.kthvalue(rank)).item<double>();
}

/// Colours about zero for what has both signs; from zero, or from the least where that is far from it, for what has
/// one, such as a temperature.
ColourScale scale_of(const Tensor& fields, const std::string& label) {
  const double high = nearly_largest(fields), low = -nearly_largest(-fields);
  if (!(low > 0)) return {ColourMap::diverging, round_up(nearly_largest(fields.abs())), label};
  if (low < 0.5 * high) return {ColourMap::sequential, round_up(high), label};
  const double step = std::pow(10.0, std::floor(std::log10(std::max(high - low, 1e-12 * high)))) / 2;
  const double origin = std::floor(low / step) * step;
  return {ColourMap::sequential, round_up(high - origin), label, origin};
}

/// At most `max_points` along each axis.
Tensor shrunk(const Tensor& fields) {
  const auto ny = fields.size(-2), nx = fields.size(-1);
  if (ny <= max_points && nx <= max_points) return fields;
  return at::adaptive_avg_pool2d(fields, {std::min(ny, max_points), std::min(nx, max_points)});
}

class FilmMaker {
 public:
  FilmMaker(const ReportCase& report_case, std::int64_t pixels, const Shown& shown)
      : case_(report_case), y_(report_case.observations), layout_(y_.layout), shown_(shown) {
    const auto space = layout_.space();
    const auto points = std::min(space[0], max_points) * std::min(space[1], max_points);
    const auto max = std::max<std::int64_t>(2, pixels / (points * max_films));
    const auto stride = (y_.length + max - 1) / max;
    for (std::int64_t i = 0; i < y_.length; i += stride) states_.push_back(i);
    for (const auto i : states_) films_.times.push_back(y_.start_time + static_cast<double>(i) * layout_.dt);
    const auto [up, right] = drawn_axes(layout_);
    films_.y = axis_of(layout_, up);
    films_.x = axis_of(layout_, right);
    films_.aspect = aspect_of(layout_, films_.x, films_.y);
    if (layout_.time_origin.empty()) return;
    for (const double time : films_.times)
      films_.dates.push_back(date_of_time(time, layout_.time_units, layout_.time_origin, layout_.calendar));
  }

  Films make() {
    const Tensor posterior = case_.posterior.members.detach();
    const auto count = posterior.size(0);
    std::vector<Tensor> means, spreads, truths;
    std::vector<std::vector<Tensor>> members(static_cast<std::size_t>(std::min(count, max_members)));
    for (const auto i : states_) {  // one state of all members at a time: ensembles can be large
      const Tensor fields = shrunk(looked_at(layout_, posterior.select(1, i).to(at::kDouble), shown_));
      means.push_back(fields.mean(0));
      if (count > 1) spreads.push_back(fields.std(0));
      for (std::size_t m = 0; m < members.size(); ++m) members[m].push_back(fields[static_cast<std::int64_t>(m)]);
      if (y_.truth.defined())
        truths.push_back(shrunk(looked_at(layout_, y_.truth.select(0, i).to(at::kDouble).unsqueeze(0), shown_))[0]);
    }
    const Tensor mean = at::stack(means);
    const Tensor truth = truths.empty() ? Tensor() : at::stack(truths);
    const auto quantity =
        add_scale(scale_of(truth.defined() ? truth : at::stack(members.front()), quantity_label(layout_, shown_)));
    if (truth.defined()) add("truth", quantity, truth);
    for (const auto& part : y_.parts) add_observations(part, quantity);
    add("mean", quantity, mean);
    if (count > 1) {
      const Tensor spread = at::stack(spreads);
      const std::string label = "standard deviation of the members, of the same";
      add("spread", add_scale({ColourMap::sequential, round_up(nearly_largest(spread)), label}), spread);
    }
    for (std::size_t m = 0; m < members.size(); ++m)
      add(fmt::format("member {}", m + 1), quantity, at::stack(members[m]));
    choose_columns();
    write_caption(count);
    return std::move(films_);
  }

 private:
  std::size_t add_scale(ColourScale scale) {
    films_.scales.push_back(std::move(scale));
    return films_.scales.size() - 1;
  }

  void add(const std::string& name, std::size_t scale, const Tensor& fields) {
    Film film{.name = name, .height = fields.size(1), .width = fields.size(2), .scale = scale, .levels = {}};
    const Tensor values = fields.contiguous();
    const auto* value = values.data_ptr<double>();
    for (std::int64_t i = 0; i < values.numel(); ++i) film.levels.push_back(films_.scales[scale].level(value[i]));
    films_.films.push_back(std::move(film));
  }

  /// Frames of states that were not read stay empty.
  void add_observations(const ObservationPart& part, std::size_t quantity) {
    const auto read = read_fields(y_, part, shown_);
    if (!read || !read->fields.isfinite().any().item<bool>()) return;  // nothing, or of other variables
    const Tensor fields = shrunk(read->fields);
    const auto read_at = part.op->times(y_.length);
    Tensor frames = at::full({std::ssize(states_), fields.size(1), fields.size(2)},
                             std::numeric_limits<double>::quiet_NaN(), fields.options());
    for (std::size_t f = 0; f < states_.size(); ++f) {
      const auto found = std::find(read_at.begin(), read_at.end(), states_[f]);
      if (found == read_at.end()) continue;
      frames[static_cast<std::int64_t>(f)].copy_(fields[found - read_at.begin()]);
      read_frames_.push_back(f);
    }
    const auto scale = read->as_read ? add_scale({ColourMap::diverging, round_up(nearly_largest(fields.abs())),
                                                  "observations, in their own unit: " + read->of})
                                     : quantity;
    add(y_.parts.size() > 1 ? "observations of " + part.name : "observations", scale, frames);
  }

  /// Evenly spread frames, every other one moved to the nearest that has observations, if one is near.
  void choose_columns() {
    const auto frames = states_.size(), columns = std::min(frames, max_columns);
    std::set<std::size_t> chosen;
    for (std::size_t c = 0; c < columns; ++c) {
      const auto frame = columns == 1 ? 0 : c * (frames - 1) / (columns - 1);
      const auto distance = [&](std::size_t f) { return f > frame ? f - frame : frame - f; };
      const auto nearest = std::min_element(read_frames_.begin(), read_frames_.end(),
                                            [&](std::size_t a, std::size_t b) { return distance(a) < distance(b); });
      const bool move = c % 2 == 0 && nearest != read_frames_.end() && 2 * distance(*nearest) * columns < frames;
      chosen.insert(move ? *nearest : frame);
    }
    films_.pictured.assign(chosen.begin(), chosen.end());
  }

  void write_caption(std::int64_t count) {
    films_.caption = fmt::format(
        "{} over the plane: {}. Mean and spread are over {} {}, at each point.",
        shown_.is_vorticity ? "Vorticity" : variable_of(layout_, shown_).name,
        y_.truth.defined() ? "the truth, what was read, and the ensemble" : "what was read, and the ensemble", count,
        count == 1 ? "member" : "members");
    films_.caption +=
        " Grey is where nothing was read, or no values are; values beyond a colour bar take its end’s colour.";
    if (const auto all = quantities_of(layout_).size(); all > max_quantities) {
      films_.caption += fmt::format(" {} of {} quantities are drawn.", max_quantities, all);
    }
    if (std::ssize(states_) < y_.length) {
      films_.caption += fmt::format(" Shown is every {}. state.", states_.size() > 1 ? states_[1] : y_.length);
    }
  }

  const ReportCase& case_;
  const Observations& y_;
  const StateLayout& layout_;
  Shown shown_;
  std::vector<std::int64_t> states_;
  std::vector<std::size_t> read_frames_;
  Films films_;
};

}  // namespace

std::string Films::time_text(std::size_t time) const {
  return dates.empty() ? fmt::format("time {:.4g}", times.at(time)) : dates.at(time);
}

std::size_t shown_quantities(const StateLayout& layout) {
  return std::min(quantities_of(layout).size(), max_quantities);
}

std::optional<Films> films_of(const ReportCase& report_case, std::int64_t pixels, std::size_t quantity) {
  const auto all = quantities_of(report_case.observations.layout);
  if (quantity >= all.size()) return std::nullopt;
  return FilmMaker(report_case, pixels, all[quantity]).make();
}

}  // namespace sda::report
