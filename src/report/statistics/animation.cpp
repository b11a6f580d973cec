/// Truth, observations, mean, spread and a few members of fields on a plane, as levels of colour.
#include "report/statistics/animation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/calendar.hpp"
#include "core/torch.hpp"
#include "report/statistics/case_data.hpp"
#include "report/statistics/observed_fields.hpp"
#include "sda/evaluation/field_scores.hpp"
#include "sda/evaluation/spectrum.hpp"

namespace sda::report {
namespace {

constexpr std::int64_t shown_members = 4, max_points = 128, max_fields = 4 + shown_members;
constexpr std::size_t max_columns = 6, max_quantities = 4;

Axis axis_of(const StateLayout& layout, std::size_t axis) {
  const auto points = layout.points_along(axis);
  const auto [first, last] = std::minmax(points.front(), points.back());
  const double cell = points.size() > 1 ? (last - first) / static_cast<double>(points.size() - 1) : 1;
  const std::string& unit = layout.coordinates.empty() ? layout.space_units : layout.coordinates[axis].units;
  return {fmt::format("{} ({})", layout.space_names[axis], unit_text(unit)), first - cell / 2, last + cell / 2};
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

class AnimationMaker {
 public:
  AnimationMaker(const ReportCase& report_case, std::int64_t pixels, const Shown& shown)
      : case_(report_case), y_(report_case.observations), layout_(y_.layout), shown_(shown) {
    const auto space = layout_.space();
    const auto points = std::min(space[0], max_points) * std::min(space[1], max_points);
    const auto max = std::max<std::int64_t>(2, pixels / (points * max_fields));
    const auto stride = (y_.length + max - 1) / max;
    for (std::int64_t i = 0; i < y_.length; i += stride) states_.push_back(i);
    for (const auto i : states_) animation_.times.push_back(y_.start_time + static_cast<double>(i) * layout_.dt);
    const auto [up, right] = drawn_axes(layout_);
    animation_.y = axis_of(layout_, up);
    animation_.x = axis_of(layout_, right);
    animation_.aspect = aspect_of(layout_, animation_.x, animation_.y);
    if (layout_.time_origin.empty()) return;
    for (const double time : animation_.times)
      animation_.dates.push_back(date_of_time(time, layout_.time_units, layout_.time_origin, layout_.calendar));
  }

  Animation make() {
    const Tensor posterior = case_.posterior.members.detach();
    const auto count = posterior.size(0);
    std::vector<Tensor> means, spreads, truths;
    std::vector<std::vector<Tensor>> members(static_cast<std::size_t>(std::min(count, shown_members)));
    for (const auto i : states_) {  // one state of all members at a time: ensembles can be large
      const Tensor fields = drawn(looked_at(layout_, posterior.select(1, i).to(at::kDouble), shown_));
      means.push_back(fields.mean(0));
      if (count > 1) spreads.push_back(fields.std(0));
      for (std::size_t m = 0; m < members.size(); ++m) members[m].push_back(fields[static_cast<std::int64_t>(m)]);
      if (y_.truth.defined())
        truths.push_back(drawn(looked_at(layout_, y_.truth.select(0, i).to(at::kDouble).unsqueeze(0), shown_))[0]);
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
    return std::move(animation_);
  }

 private:
  Tensor drawn(const Tensor& fields) const { return shrunk(at_equal_steps(layout_, fields)); }

  std::size_t add_scale(ColourScale scale) {
    animation_.scales.push_back(std::move(scale));
    return animation_.scales.size() - 1;
  }

  void add(const std::string& name, std::size_t scale, const Tensor& fields) {
    FieldFrames frames{.name = name, .height = fields.size(1), .width = fields.size(2), .scale = scale, .levels = {}};
    const Tensor values = fields.contiguous();
    const auto* value = values.data_ptr<double>();
    for (std::int64_t i = 0; i < values.numel(); ++i) frames.levels.push_back(animation_.scales[scale].level(value[i]));
    animation_.fields.push_back(std::move(frames));
  }

  /// Frames of states that were not read stay empty.
  void add_observations(const ObservationPart& part, std::size_t quantity) {
    const auto read = read_fields(y_, part, shown_);
    if (!read || !read->fields.isfinite().any().item<bool>()) return;  // nothing, or of other variables
    const Tensor fields = drawn(read->fields);
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
    animation_.pictured.assign(chosen.begin(), chosen.end());
  }

  void write_caption(std::int64_t count) {
    animation_.caption = fmt::format(
        "{} over the plane: {}. Mean and spread are over {} {}, at each point.",
        shown_.is_vorticity ? "Vorticity" : variable_of(layout_, shown_).name,
        y_.truth.defined() ? "the truth, what was read, and the ensemble" : "what was read, and the ensemble", count,
        count == 1 ? "member" : "members");
    animation_.caption +=
        " Grey is where nothing was read, or no values are; values beyond a colour bar take its end’s colour.";
    if (const auto all = quantities_of(layout_).size(); all > max_quantities) {
      animation_.caption += fmt::format(" {} of {} quantities are drawn.", max_quantities, all);
    }
    if (std::ssize(states_) < y_.length) {
      animation_.caption += fmt::format(" Shown is every {}. state.", states_.size() > 1 ? states_[1] : y_.length);
    }
  }

  const ReportCase& case_;
  const Observations& y_;
  const StateLayout& layout_;
  Shown shown_;
  std::vector<std::int64_t> states_;
  std::vector<std::size_t> read_frames_;
  Animation animation_;
};

}  // namespace

std::string Animation::time_text(std::size_t time) const {
  return dates.empty() ? fmt::format("time {:.4g}", times.at(time)) : dates.at(time);
}

std::size_t shown_quantities(const StateLayout& layout) {
  return std::min(quantities_of(layout).size(), max_quantities);
}

std::optional<Animation> animation_of(const ReportCase& report_case, std::int64_t pixels, std::size_t quantity) {
  const auto all = quantities_of(report_case.observations.layout);
  if (quantity >= all.size()) return std::nullopt;
  return AnimationMaker(report_case, pixels, all[quantity]).make();
}

}  // namespace sda::report
