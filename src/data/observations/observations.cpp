/// Departures → a row of the link `points` each: where and when they lie among the states, which are left out, and why.
#include "data/observations/observations.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/data/observations.hpp"

namespace sda {

using namespace io;

namespace {

/// Of a place or a time from the nearest point or state, in points or states, that is taken for none.
constexpr double rounding_of_places = 1e-6;
/// States beyond which a window can only be a mistake of units.
constexpr double longest_window = 1e6;

double snapped(double place) {
  const double whole = std::round(place);
  return std::abs(place - whole) < rounding_of_places ? whole : place;
}

/// The points of one axis of space. Its domain reaches half a cell beyond the outermost points, whose value is taken
/// there.
class AxisOfPlaces {
 public:
  AxisOfPlaces(const StateLayout& layout, std::size_t axis)
      : name_(layout.space_names[axis]), points_(layout.points_along(axis)) {
    units_ = axis < layout.coordinates.size() ? layout.coordinates[axis].units : layout.space_units;
    for (const std::string east : {"degrees_east", "degree_east", "degrees_E", "degree_E"})
      turns_ = turns_ || units_ == east;
    descends_ = points_.size() > 1 && points_.back() < points_.front();
    if (descends_) std::reverse(points_.begin(), points_.end());
    if (std::adjacent_find(points_.begin(), points_.end(), std::greater_equal<>()) != points_.end()) {
      throw UnsupportedError(
          {.what = "coordinates neither ascend nor descend, so that no observation has a place among them",
           .where = "axis " + name_});
    }
    const auto n = points_.size();
    min_ = points_.front() - (n > 1 ? (points_[1] - points_[0]) / 2 : 0);
    max_ = points_.back() + (n > 1 ? (points_[n - 1] - points_[n - 2]) / 2 : 0);
  }

  /// In points from the first one; nothing outside the domain. Longitudes are the same after a turn.
  std::optional<double> place_of(double coordinate) const {
    const double slack = 1e-9 * (max_ - min_);
    if (turns_) coordinate -= 360 * std::floor((coordinate - min_ + slack) / 360);
    if (!(coordinate >= min_ - slack && coordinate <= max_ + slack)) return std::nullopt;
    const auto last = static_cast<double>(points_.size() - 1);
    double place = 0;
    if (coordinate >= points_.back()) {
      place = last;
    } else if (coordinate > points_.front()) {
      const auto above = std::upper_bound(points_.begin(), points_.end(), coordinate);
      const auto i = above - points_.begin() - 1;
      place = static_cast<double>(i) + (coordinate - *(above - 1)) / (*above - *(above - 1));
    }
    return snapped(descends_ ? last - place : place);
  }

  const std::string& name() const { return name_; }
  std::string domain() const {
    return fmt::format("{} from {:.6g} to {:.6g}{}", name_, min_, max_, units_ == "1" ? "" : " " + units_);
  }

 private:
  std::string name_, units_;
  std::vector<double> points_;
  double min_ = 0, max_ = 0;
  bool descends_ = false, turns_ = false;
};

enum class LeftOut { flagged, missing, outside_domain, outside_window, masked };
constexpr std::size_t reasons = 5;

/// Rows that are left out for one reason; of the first few is said which they are.
struct RowsLeftOut {
  std::int64_t count = 0;
  std::vector<std::int64_t> first{};
};

struct Extent {
  double min = std::numeric_limits<double>::infinity(), max = -min;
  void take(double value) {
    min = std::min(min, value);
    max = std::max(max, value);
  }
};

class ObservationScreen {
 public:
  ObservationScreen(const ObservationTable& table, const ExpectedObservations& expected,
                    const Normalisation& normalisation, const AssimilationWindow& window)
      : table_(table),
        layout_(expected.layout),
        normalisation_(normalisation),
        parameters_(expected.parameters),
        observables_(expected.observables),
        window_(window) {
    for (std::size_t a = 0; a < layout_.space_names.size(); ++a) axes_.emplace_back(layout_, a);
    if (layout_.mask.defined()) mask_ = layout_.mask.reshape({-1, count(layout_.space())}).contiguous();
  }

  Observations make() {
    if (table_.rows() == 0) {
      throw FileError(
          {.what = "there are no observations", .where = table_.path, .expected = "a row for each observation"});
    }
    keep_good_rows();
    keep_rows_in_domain();
    set_window();
    keep_rows_in_window();
    if (used_.empty()) refuse_all();
    for (const auto row : used_) require_error(row);
    require_distinct();
    return observations();
  }

 private:
  void leave_out(std::size_t row, LeftOut why) {
    constexpr std::size_t max_named = 5;
    auto& rows = left_out_[static_cast<std::size_t>(why)];
    ++rows.count;
    if (rows.first.size() < max_named) rows.first.push_back(table_.origin[row]);
  }

  void keep_good_rows() {
    for (std::size_t row = 0; row < table_.rows(); ++row) {
      if (table_.flagged[row]) {
        leave_out(row, LeftOut::flagged);
      } else if (std::isnan(table_.value[row])) {
        leave_out(row, LeftOut::missing);
      } else {
        used_.push_back(row);
      }
    }
  }

  void keep_rows_in_domain() {
    const bool any = !used_.empty();
    const std::size_t first = any ? used_.front() : 0;
    std::vector<Extent> found(axes_.size());
    std::vector<std::size_t> inside(axes_.size(), 0), kept;
    for (const auto row : used_) {
      std::vector<double> places;
      for (std::size_t a = 0; a < axes_.size(); ++a) {
        found[a].take(table_.place[a][row]);
        const auto place = axes_[a].place_of(table_.place[a][row]);
        if (!place) continue;
        ++inside[a];
        places.push_back(parameters_.space == "nearest" ? std::round(*place) : *place);
      }
      if (places.size() < axes_.size()) {
        leave_out(row, LeftOut::outside_domain);
      } else if (is_masked(table_.variable[row], places)) {
        leave_out(row, LeftOut::masked);
      } else {
        kept.push_back(row);
        places_.insert(places_.end(), places.begin(), places.end());
      }
    }
    used_ = std::move(kept);
    for (std::size_t a = 0; any && a < axes_.size(); ++a) {
      if (inside[a] > 0) continue;
      throw FileError({.what = "no observation lies within the domain",
                       .where = table_.where(first, axes_[a].name()),
                       .found = fmt::format("{} from {:.6g} to {:.6g}", axes_[a].name(), found[a].min, found[a].max),
                       .expected = axes_[a].domain(),
                       .hint = "give coordinates in the data's own units"});
    }
  }

  /// Whether a point that the observation depends on has no values. A formula may depend on all variables.
  bool is_masked(std::size_t observable, const std::vector<double>& places) const {
    if (!mask_.defined()) return false;
    const bool is_formula = !observables_[observable].formula.empty();
    const auto first = is_formula ? 0 : static_cast<std::int64_t>(observable), variables = mask_.size(0);
    for (auto v = first; v < (is_formula ? variables : first + 1); ++v) {
      if (is_masked(mask_.data_ptr<bool>() + v * mask_.size(1), places)) return true;
    }
    return false;
  }
  bool is_masked(const bool* there, const std::vector<double>& places) const {
    const Shape space = layout_.space();
    for (std::size_t corner = 0; corner < std::size_t{1} << places.size(); ++corner) {
      std::int64_t index = 0;
      bool weighs = true;
      for (std::size_t a = 0; a < places.size(); ++a) {
        const bool upper = (corner >> a & 1U) != 0;
        const auto lower = static_cast<std::int64_t>(places[a]);
        weighs = weighs && (!upper || places[a] > static_cast<double>(lower));
        index = index * space[a] + lower + (upper ? 1 : 0);
      }
      if (weighs && !there[index]) return true;
    }
    return false;
  }

  double given_time(const std::string& flag, const std::string& text) const {
    try {
      return parse_time(text, layout_);
    } catch (const ValueError& error) {
      Fault fault = error.fault();
      fault.where = flag;
      throw UsageError(fault);
    }
  }

  /// The first state at or before the first observation, the last at or after the last, unless others are given.
  void set_window() {
    const double dt = layout_.dt;
    Extent times;
    for (const auto row : used_) times.take(table_.time[row]);
    if (!window_.begin.empty()) {
      start_ = given_time("--begin", window_.begin);
    } else if (!used_.empty()) {
      const double origin = window_.state_at.value_or(0);
      start_ = origin + std::floor(snapped((times.min - origin) / dt)) * dt;
    }
    double last = 0;
    if (!window_.end.empty()) {
      last = std::floor(snapped((given_time("--end", window_.end) - start_) / dt));
      if (last < 0) {
        throw UsageError({.what = "the window ends before it begins",
                          .where = "--end",
                          .found = window_.end,
                          .expected = fmt::format("a time at or after {:.9g}", start_)});
      }
    } else if (!used_.empty()) {
      last = std::max(0.0, std::ceil(snapped((times.max - start_) / dt)));
    }
    if (last > longest_window) {
      throw FileError(
          {.what = "the observations' times are too far apart for one trajectory",
           .where = table_.path,
           .found = fmt::format("times from {:.9g} to {:.9g}, {:.3g} states", times.min, times.max, last + 1),
           .expected = fmt::format("times in {}, of states {:.6g} apart", time_units_of(layout_), dt),
           .hint = "give times in the data's own units, or a part of them by --begin and --end"});
    }
    length_ = std::max(window_.min_length, static_cast<std::int64_t>(last) + 1);
  }

  void keep_rows_in_window() {
    std::vector<std::size_t> kept;
    std::vector<double> places;
    const auto width = axes_.size();
    Extent found;
    for (std::size_t i = 0; i < used_.size(); ++i) {
      const auto row = used_[i];
      found.take(table_.time[row]);
      const double state = snapped((table_.time[row] - start_) / layout_.dt);
      if (!(state >= 0 && state <= static_cast<double>(length_ - 1))) {
        leave_out(row, LeftOut::outside_window);
        continue;
      }
      kept.push_back(row);
      states_.push_back(parameters_.time == "nearest" ? std::round(state) : state);
      const auto first = places_.begin() + static_cast<std::ptrdiff_t>(i * width);
      places.insert(places.end(), first, first + static_cast<std::ptrdiff_t>(width));
    }
    if (kept.empty() && !used_.empty()) {
      throw FileError({.what = "no observation lies within the window of time",
                       .where = table_.where(used_.front(), "time"),
                       .found = fmt::format("times from {:.9g} to {:.9g}", found.min, found.max),
                       .expected = fmt::format("{} in {}", window_in_words(), time_units_of(layout_))});
    }
    used_ = std::move(kept);
    places_ = std::move(places);
  }

  std::string window_in_words() const {
    return fmt::format("times from {:.9g} to {:.9g}", start_, start_ + layout_.dt * static_cast<double>(length_ - 1));
  }

  [[noreturn]] void refuse_all() const {
    throw FileError({.what = "no observation is left",
                     .where = table_.path,
                     .found = fmt::format("{} rows: {}", table_.rows(), fmt::join(sentences_left_out(), "; ")),
                     .expected = "at least one good observation"});
  }

  double error_of(std::size_t row) const {
    if (!std::isnan(table_.error[row]) || parameters_.error.empty()) return table_.error[row];
    return parameters_.error.size() == 1 ? parameters_.error.front() : parameters_.error[table_.variable[row]];
  }

  void require_error(std::size_t row) const {
    const double error = error_of(row);
    if (error > 0 && std::isfinite(error)) return;
    throw FileError({.what = "an observation's error is no standard deviation",
                     .where = table_.where(row, "error"),
                     .found = std::isnan(error) ? "none" : fmt::format("{}", error),
                     .expected = "a number > 0",
                     .hint = error == 0          ? "no observation is exact: give what its last digit leaves open"
                             : std::isnan(error) ? "or give one for all: --error 0.1, say"
                                                 : ""});
  }

  /// One observation of a variable at one place and time: two would say which of them to believe.
  void require_distinct() const {
    const auto width = axes_.size();
    const auto key_less = [&](std::size_t a, std::size_t b) {
      const auto ra = used_[a], rb = used_[b];
      if (states_[a] != states_[b]) return states_[a] < states_[b];
      if (table_.time[ra] != table_.time[rb]) return table_.time[ra] < table_.time[rb];
      if (table_.variable[ra] != table_.variable[rb]) return table_.variable[ra] < table_.variable[rb];
      for (std::size_t axis = 0; axis < width; ++axis) {
        const double pa = table_.place[axis][ra], pb = table_.place[axis][rb];
        if (pa != pb) return pa < pb;
      }
      return false;
    };
    std::vector<std::size_t> order(used_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), key_less);
    std::size_t worst = order.size();  // the pair that comes first in the file
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (!key_less(order[i - 1], order[i]) && (worst == order.size() || order[i] < order[worst])) worst = i;
    }
    if (worst == order.size()) return;
    const auto first = used_[order[worst - 1]], second = used_[order[worst]];
    throw FileError(
        {.what = "two observations of one variable at the same time and place",
         .where = table_.where(second, "time"),
         .found = fmt::format("{:.9g}, as in {} {}", table_.time[second], table_.counted, table_.origin[first]),
         .expected = "one",
         .hint = "keep one of them, or their mean with its error; flag the other"});
  }

  Observations observations() const {
    Observations y{.layout = layout_, .normalisation = normalisation_, .length = length_, .parts = {}};
    y.start_time = start_;
    std::vector<std::vector<std::size_t>> used_of(observables_.size());  // indices among the rows used
    for (std::size_t i = 0; i < used_.size(); ++i) {
      const auto observable = table_.variable[used_[i]];
      used_of[observables_[observable].formula.empty() ? 0 : observable].push_back(i);
    }
    for (std::size_t o = 0; o < used_of.size(); ++o) {
      if (!used_of[o].empty()) y.parts.push_back(part(o, used_of[o]));
    }
    if (y.parts.size() == 1) y.parts.front().name.clear();
    y.account = account();
    y.check();
    return y;
  }

  /// Departures of variables of the state make one part, those of a formula one each.
  ObservationPart part(std::size_t observable, const std::vector<std::size_t>& some) const {
    const auto& [name, text] = observables_[observable];
    std::map<std::string, std::vector<double>> columns;  // as TOML orders them
    std::vector<double> values, sigma;
    for (const auto i : some) {
      columns["time"].push_back(states_[i]);
      for (std::size_t a = 0; a < axes_.size(); ++a) columns[axes_[a].name()].push_back(places_[i * axes_.size() + a]);
      if (text.empty() && layout_.channels_are_variables()) {
        columns["variable"].push_back(static_cast<double>(table_.variable[used_[i]]));
      }
      values.push_back(table_.value[used_[i]]);
      sigma.push_back(error_of(used_[i]));
    }
    OperatorLink points{"points", {}};
    for (const auto& [column, numbers] : columns) {
      points.names.push_back(column);
      points.numbers.insert(points.numbers.end(), numbers.begin(), numbers.end());
    }
    ObservationPart part{
        .name = text.empty() ? "state" : name, .chain = {{"physical", {}}}, .noise = Noise(sigma, parameters_.noise)};
    if (!text.empty()) {
      part.chain.push_back({"expression", {}});
      part.chain.back().text = text;
    }
    part.chain.push_back(std::move(points));
    part.op = make_operator(part.chain, layout_, normalisation_);
    part.values = at::tensor(values, at::kDouble).unsqueeze(0);
    return part;
  }

  std::vector<std::string> sentences_left_out() const {
    const std::array<std::string, reasons> why{
        fmt::format("with a quality flag above {}", parameters_.max_flag), "without a value", "outside the domain",
        fmt::format("outside the window, {}", window_in_words()), "under the mask or beside it"};
    std::vector<std::string> sentences;
    for (std::size_t i = 0; i < reasons; ++i) {
      const auto& [count, first] = left_out_[i];
      if (count == 0) continue;
      const bool all = count == std::ssize(first);
      sentences.push_back(fmt::format("{} {} ({}{} {}{})", count, why[i], table_.counted, count == 1 ? "" : "s",
                                      fmt::join(first, ", "), all ? "" : ", …"));
    }
    return sentences;
  }

  /// One line for what was used, and one for each reason why others were not.
  std::string account() const {
    std::vector<std::int64_t> of_variable(observables_.size(), 0);
    Extent times;
    for (const auto row : used_) {
      ++of_variable[table_.variable[row]];
      times.take(table_.time[row]);
    }
    std::vector<std::string> each;
    for (std::size_t v = 0; v < of_variable.size(); ++v) {
      if (of_variable[v] > 0) each.push_back(fmt::format("{} of {}", of_variable[v], observables_[v].name));
    }
    std::string text = fmt::format(
        "{}: {} of {} observations used: {}, at times from {:.9g} to {:.9g} in {}; {} states from {:.9g} on",
        table_.path, used_.size(), table_.rows(), fmt::join(each, ", "), times.min, times.max, time_units_of(layout_),
        length_, start_);
    for (const auto& sentence : sentences_left_out()) text += "\n  left out: " + sentence;
    for (const auto& sentence : far_from_data()) text += "\n  note: " + sentence;
    for (const auto& remark : table_.remarks) text += "\n  note: " + remark;
    return text;
  }

  /// Variables whose observations lie so far from the data that they may be in another unit.
  std::vector<std::string> far_from_data() const {
    constexpr double far = 10;
    const auto variables = layout_.variables.size();
    std::vector<double> sum(observables_.size(), 0), number(observables_.size(), 0);
    const Tensor mean = normalisation_.mean.to(at::kDouble), std = normalisation_.std.to(at::kDouble);
    std::vector<std::string> sentences;
    for (const auto row : used_) {
      sum[table_.variable[row]] += table_.value[row];
      number[table_.variable[row]] += 1;
    }
    for (std::size_t v = 0; v < variables; ++v) {
      const auto of_variable = [&](const Tensor& all) {
        return (layout_.channels_are_variables() ? all.select(0, static_cast<std::int64_t>(v)) : all)
            .mean()
            .item<double>();
      };
      const double distance = std::abs(sum[v] / number[v] - of_variable(mean)) / of_variable(std);
      if (!(distance > far)) continue;
      const auto& variable = layout_.variables[v];
      sentences.push_back(fmt::format(
          "observations of {} have a mean of {:.6g}, {:.0f} standard deviations from the data's "
          "{:.6g} {}; are they in another unit?",
          variable.name, sum[v] / number[v], distance, of_variable(mean), variable.units == "1" ? "" : variable.units));
    }
    return sentences;
  }

  const ObservationTable& table_;
  const StateLayout& layout_;
  const Normalisation& normalisation_;
  const ObservationFileParameters& parameters_;
  const std::vector<Observable>& observables_;
  const AssimilationWindow& window_;
  std::vector<AxisOfPlaces> axes_;
  Tensor mask_;
  std::vector<std::size_t> used_;        ///< rows
  std::vector<double> places_, states_;  ///< of each row used: place along each axis, and time in states
  std::array<RowsLeftOut, reasons> left_out_{};
  double start_ = 0;
  std::int64_t length_ = 1;
};

}  // namespace

Observations read_observations(const std::string& path, const StateLayout& layout, const Normalisation& normalisation,
                               const ObservationFileParameters& parameters, const AssimilationWindow& window) {
  const auto observables = observables_of(layout, parameters);
  const auto errors = parameters.error.size();
  if (errors > 1 && errors != observables.size()) {
    throw UsageError({.what = "errors do not fit the variables",
                      .where = "observation_file.error",
                      .found = fmt::format("{} numbers", errors),
                      .expected = fmt::format("1 or {}, one for each variable", observables.size())});
  }
  const ExpectedObservations expected{layout, parameters, observables};
  const ObservationTable table =
      is_netcdf(path) ? read_netcdf_observations(path, expected) : read_csv_observations(path, expected);
  return ObservationScreen(table, expected, normalisation, window).make();
}

namespace io {

std::vector<Observable> observables_of(const StateLayout& layout, const ObservationFileParameters& parameters) {
  std::vector<Observable> all;
  for (const auto& variable : layout.variables) all.push_back({variable.name});
  for (const auto& definition : parameters.define) {
    const auto equals = definition.find('=');
    auto name = definition.substr(0, equals);
    name.erase(name.find_last_not_of(' ') + 1);
    const auto refuse = [&](const std::string& what) {
      throw UsageError(
          {.what = what, .where = "observation_file.define", .found = definition, .expected = "NAME = FORMULA"});
    };
    const auto formula = equals == std::string::npos ? equals : definition.find_first_not_of(' ', equals + 1);
    if (formula == std::string::npos || name.empty()) refuse("not a definition");
    const bool known = std::any_of(all.begin(), all.end(), [&](const auto& other) { return other.name == name; });
    if (known || name == "state") refuse("a name that is taken");
    all.push_back({name, definition.substr(formula)});
  }
  return all;
}

void ObservationTable::append_empty(std::int64_t from, bool is_flagged) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  for (auto* column : {&time, &value, &error}) column->push_back(none);
  for (auto& column : place) column.push_back(none);
  variable.push_back(0);
  flagged.push_back(is_flagged);
  origin.push_back(from);
}

std::vector<std::string> ExpectedObservations::names() const {
  std::vector<std::string> names;
  for (const auto& observable : observables) names.push_back(observable.name);
  return names;
}

std::optional<std::size_t> ExpectedObservations::find(std::string_view name) const {
  const auto found =
      std::find_if(observables.begin(), observables.end(), [&](const auto& o) { return o.name == name; });
  if (found == observables.end()) return std::nullopt;
  return static_cast<std::size_t>(found - observables.begin());
}

}  // namespace io

}  // namespace sda
