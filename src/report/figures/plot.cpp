/// Panels of curves beside each other, for studies.
#include "report/figures/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "report/axes.hpp"
#include "report/figures/legend.hpp"
#include "report/raster.hpp"
#include "sda/core/error.hpp"

namespace sda::report {
namespace {

// Sizes in pixels.
constexpr double plot_width = 400, plot_height = 240, plot_left = 66, plot_right = 24, plot_gap = 78, plot_scale = 2;
constexpr double plot_axis = 44, legend_row = 17, plot_margin = 16, title_size = 15, caption_letters = 11.5;
/// Okabe and Ito's, those that are dark enough on white first.
constexpr std::array<const char*, 8> curve_colours{"#0072b2", "#d55e00", "#009e73", "#b0246b",
                                                   "#111417", "#e69f00", "#56b4e9", "#7a6a00"};

void check_curve(const PlotCurve& curve) {
  const auto n = curve.x.size();
  const bool band = !curve.low.empty() || !curve.high.empty();
  if (n > 0 && curve.y.size() == n && (!band || (curve.low.size() == n && curve.high.size() == n))) return;
  throw ValueError({.what = "a curve's lists are not as long as each other",
                    .where = "plot",
                    .found = fmt::format("{} x, {} y of {}", n, curve.y.size(), curve.name)});
}

/// A scale around those values of all curves that it has a place for.
Scale scale_of_values(const std::vector<PlotCurve>& curves, bool logarithmic,
                      const std::vector<std::vector<double> PlotCurve::*>& lists) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const auto& curve : curves) {
    for (const auto list : lists) {
      for (const double v : curve.*list) {
        if (std::isfinite(v) && (v > 0 || !logarithmic)) low = std::min(low, v), high = std::max(high, v);
      }
    }
  }
  if (!(low <= high)) low = 1, high = 10;
  return scale_around(low, high, logarithmic);
}

/// An element in the colour of a curve.
std::string coloured(const std::string& style, const std::string& d, const char* property, const std::string& colour) {
  return fmt::format("<path class=\"{}\" style=\"{}:{}\" d=\"{}\"/>", style, property, colour, d);
}

struct CurveElements {
  std::string band, line, sample;
};

CurveElements elements_of(const PlotCurve& curve, const Frame& frame, const std::string& colour) {
  CurveElements elements;
  if (!curve.low.empty()) {
    elements.band = coloured("area-of-line", area_between(frame, curve.x, curve.low, curve.high), "fill", colour);
  }
  const auto line = line_through(frame, curve.x, curve.y), dots = points_at(frame, curve.x, curve.y);
  if (curve.reference) {
    elements.line = path_element("compared", line);
    elements.sample = path_element("compared", "M1 7H29");
    return elements;
  }
  if (!curve.points) {
    elements.line = coloured("line", line, "stroke", colour);
    elements.sample = coloured("line", "M1 7H29", "stroke", colour);
  }
  elements.line += coloured("dots", dots, "stroke", colour);
  elements.sample += coloured("dots", "M15 7h0", "stroke", colour);
  return elements;
}

/// A panel with its legend below.
Drawing panel_drawing(const PlotPanel& panel) {
  const Frame frame{plot_left,
                    26,
                    plot_width,
                    plot_height,
                    scale_of_values(panel.curves, panel.log_x, {&PlotCurve::x}),
                    scale_of_values(panel.curves, panel.log_y, {&PlotCurve::y, &PlotCurve::low, &PlotCurve::high})};
  std::string bands, lines;
  Drawing key{.width = plot_width};
  std::size_t colour = 0;
  for (const auto& curve : panel.curves) {
    const auto rgb = curve.reference ? "" : curve_colours[colour++ % curve_colours.size()];
    const auto elements = elements_of(curve, frame, rgb);
    bands += elements.band;
    lines += elements.line;
    if (curve.name.empty()) continue;
    const Drawing row{sample_width, legend_row,
                      elements.sample + text_element("entry", sample_width + 8, 11, curve.name)};
    key.place(row, 0, key.height);
  }
  Drawing drawing{
      plot_left + plot_width + plot_right, frame.top + plot_height + plot_axis,
      axes(frame, marks_of(frame.x, 6), marks_of(frame.y, 6),
           {.title = panel.title, .x_name = panel.x_axis, .y_name = panel.y_axis}, bands + lines, "open-area")};
  drawing.place(key, plot_left, drawing.height);
  return drawing;
}

}  // namespace

Drawing plot_drawing(const std::string& title, const std::vector<PlotPanel>& panels, const std::string& caption) {
  Drawing row;
  for (const auto& panel : panels) {
    row.place(panel_drawing(panel), row.width == 0 ? 0 : row.width - plot_left - plot_right + plot_gap, 0);
  }
  const double width = row.width - plot_left - plot_right;
  Drawing page{.width = row.width, .height = plot_margin};
  page.place(paragraph("plot-title", title, width, title_size), plot_left, page.height);
  page.height += 10;
  page.place(row, 0, page.height);
  page.height += 8;
  page.place(paragraph("caption", caption, width, caption_letters), plot_left, page.height);
  page.height += plot_margin;
  return page;
}

}  // namespace sda::report

namespace sda {

void write_plot(const std::string& path, const std::string& title, const std::vector<PlotPanel>& panels,
                const std::string& caption, const Provenance& provenance) {
  if (panels.empty()) throw ValueError({.what = "nothing to draw", .where = path, .expected = "at least one panel"});
  for (const auto& panel : panels) std::for_each(panel.curves.begin(), panel.curves.end(), report::check_curve);
  report::draw_png(report::plot_drawing(title, panels, caption), report::plot_scale, title, provenance, path);
}

}  // namespace sda
