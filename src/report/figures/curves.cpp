/// Panels of curves, bars and scores as drawings.
#include "report/figures/curves.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/axes.hpp"
#include "report/figures/legend.hpp"

namespace sda::report {
namespace {

constexpr double title_height = 24, panel_height = 130, half_height = 200, mark_height = 22, axis_height = 40;
constexpr double right_margin = 12;

std::string curve_path(const Frame& frame, const Panel& panel, const Curve& curve) {
  return path_element(to_string(curve.role) + (curve.dashed ? " dashed" : ""),
                      line_through(frame, panel.times, curve.values));
}

/// A reference is an area; the posterior's band its two edges, since members lie between.
std::string band_path(const Frame& frame, const Panel& panel, const Band& band) {
  const bool is_area = band.role == Role::reference_band;
  return path_element(to_string(band.role), is_area ? area_between(frame, panel.times, band.low, band.high)
                                                    : line_through(frame, panel.times, band.low) +
                                                          line_through(frame, panel.times, band.high));
}

std::string observation_paths(const Frame& frame, const ObservedValues& observed) {
  if (observed.times.empty()) return "";
  return path_element("error-bars", bars_at(frame, observed.times, observed.values, observed.errors)) +
         path_element("points", points_at(frame, observed.times, observed.values));
}

/// Title, subtitle and legend above the axes of a figure that stands beside others.
Drawing heading_of(const std::string& title, const std::string& subtitle, const std::vector<LegendEntry>& entries,
                   double width) {
  constexpr double title_size = 12.5, gap = 8, line = 18;
  const double room = width - axis_width, after_title = text_width(title, title_size) + gap;
  Drawing heading{room, title_height, text_element("title", 0, 14, title)};
  const bool is_beside = after_title + text_width(subtitle, title_size) <= room;
  if (!is_beside) heading.height += line;
  heading.body += text_element("subtitle", is_beside ? after_title : 0, heading.height - title_height + 14, subtitle);
  heading.place(legend(entries, room), 0, heading.height);
  return heading;
}

/// The frame of a figure that stands beside others: below its heading.
Frame frame_below(const Drawing& heading, double width, const Scale& x, const Scale& y) {
  return {axis_width, heading.height + 6, width - axis_width - right_margin, half_height, x, y};
}

Drawing under(const Drawing& heading, const Frame& frame, double width, const std::string& axes_and_curves) {
  Drawing drawing{width, frame.top + frame.height + axis_height, axes_and_curves};
  drawing.place(heading, frame.left, 0);
  drawing.width = width;
  return drawing;
}

std::string bar_paths(const Frame& frame, const RankBars& bars, std::size_t place, std::size_t count) {
  const double bin = 1.0 / static_cast<double>(bars.ratio.size()), width = 0.84 * bin / static_cast<double>(count);
  std::string d;
  for (std::size_t b = 0; b < bars.ratio.size(); ++b) {
    const double left = (static_cast<double>(b) + 0.08) * bin + static_cast<double>(place) * width;
    d += fmt::format("M{} {}V{}H{}V{}Z", length_text(frame.across(left)), length_text(frame.down(0)),
                     length_text(frame.down(bars.ratio[b])), length_text(frame.across(left + 0.94 * width)),
                     length_text(frame.down(0)));
  }
  return path_element("bar " + to_string(bars.role), d);
}

}  // namespace

Drawing panel_over_time(const Panel& panel, const CaseStatistics& statistics, const std::string& time_axis) {
  const auto [low, high] = panel.range();
  const Frame frame{axis_width,
                    title_height,
                    page_width - axis_width - right_margin,
                    panel_height,
                    {statistics.first_time, statistics.last_time},
                    {low, high}};
  std::string curves;
  for (const auto& band : panel.bands) {
    if (band.role == Role::reference_band) curves += band_path(frame, panel, band);
  }
  for (const auto& line : panel.members) curves += path_element("members", line_through(frame, panel.times, line));
  for (const auto& band : panel.bands) {
    if (band.role != Role::reference_band) curves += band_path(frame, panel, band);
  }
  for (const auto& curve : panel.curves) curves += curve_path(frame, panel, curve);
  curves += observation_paths(frame, panel.observations);
  return {page_width, frame.top + frame.height + (time_axis.empty() ? mark_height : axis_height),
          axes(frame, marks_of(frame.x, 8), marks_of(frame.y, 5),
               {.title = panel.name, .subtitle = panel.title, .x_name = time_axis, .y_name = panel.axis()}, curves)};
}

Drawing skill_drawing(const CaseStatistics& statistics, double width) {
  const auto& panel = statistics.skill;
  const auto heading = heading_of(panel.name, panel.title, series_of(panel), width);
  const auto frame =
      frame_below(heading, width, {statistics.first_time, statistics.last_time}, {0, panel.range().second});
  std::string curves;
  for (const auto& curve : panel.curves) curves += curve_path(frame, panel, curve);
  return under(heading, frame, width,
               axes(frame, marks_of(frame.x, 5), marks_of(frame.y, 5),
                    {.title = "", .x_name = statistics.time_axis, .y_name = panel.axis()}, curves));
}

Drawing spectrum_drawing(const Panel& panel, const std::string& wavenumber_axis, double width) {
  const auto heading = heading_of("energy spectrum", "", series_of(panel), width);
  const auto [low, high] = decades(panel);
  const double first = panel.times.front(), last = std::max(panel.times.back(), first * (1 + 1e-9));
  const auto frame =
      frame_below(heading, width, {first, last, true}, {std::pow(10.0, low), std::pow(10.0, high), true});
  std::string curves;
  for (const auto& band : panel.bands) curves += band_path(frame, panel, band);
  for (const auto& curve : panel.curves) curves += curve_path(frame, panel, curve);
  return under(heading, frame, width,
               axes(frame, marks_at(doublings(first, last)), marks_of(frame.y, 8),
                    {.title = "", .x_name = wavenumber_axis, .y_name = panel.axis()}, curves));
}

Drawing ranks_drawing(const std::vector<RankBars>& all, double width) {
  std::vector<LegendEntry> entries;
  double high = 2;
  std::size_t bins = 0;
  for (const auto& bars : all) {
    entries.push_back({"", bar_sample("bar " + to_string(bars.role)), bars.method});
    high = std::max(high, 1.08 * *std::max_element(bars.ratio.begin(), bars.ratio.end()));
    bins = std::max(bins, bars.ratio.size());
  }
  entries.push_back({"", line_sample("uniform"), "uniform"});
  const auto heading =
      heading_of("ranks of the truth", fmt::format("{} values in {} bins", all.front().values, bins), entries, width);
  const auto frame = frame_below(heading, width, {0, 1}, {0, high});
  const auto across = [&](double value) {
    return fmt::format("M0 {}H{}", length_text(frame.down(value)), length_text(frame.width));
  };
  const double tolerance = all.front().tolerance;
  std::string bars =
      path_element("stripe", across(1 + tolerance) + fmt::format("V{}H0Z", length_text(frame.down(1 - tolerance))));
  for (std::size_t i = 0; i < all.size(); ++i) bars += bar_paths(frame, all[i], i, all.size());
  bars += path_element("uniform", across(1));
  return under(
      heading, frame, width,
      axes(frame, marks_of(frame.x, 5), marks_of(frame.y, 4),
           {.title = "",
            .x_name = width < half_width ? "share of members below" : "rank among the members (share of members below)",
            .y_name = "count / uniform"},
           bars));
}

Drawing scores_drawing(const std::vector<EnsembleScores>& scores) {
  constexpr double row_height = 20;
  constexpr std::array<double, 9> ends{0, 270, 340, 412, 520, 635, 770, 850, 926};  // right edges of the columns
  Drawing drawing{.width = page_width};
  const auto row = [&](const std::vector<std::string>& cells, const char* style) {
    drawing.height += row_height;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      drawing.body += text_element(fmt::format("{}{}", style, c == 0 ? "" : " end"), axis_width + ends.at(c),
                                   drawing.height - 6, cells[c]);
    }
  };
  row(score_columns(), "name");
  drawing.body += path_element("rule", fmt::format("M{} {}H{}", axis_width, drawing.height, axis_width + ends.back()));
  for (const auto& s : scores) row(score_row(s), "cell");
  return drawing;
}

}  // namespace sda::report
