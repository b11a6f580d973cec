/// Panels of curves beside each other, by gnuplot.
#include "sda/report/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "report/gnuplot.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

// Sizes in pixels.
constexpr int plot_width = 780, plot_height = 460, plot_left = 120, plot_right = 60, plot_gap = 150, plot_axis = 110;
constexpr int legend_line = 30, text_line = 30, text_character = 11, title_line = 40, title_character = 17;
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

/// Values that the axes have a place for.
PlotCurve drawable(const PlotCurve& curve, const PlotPanel& panel) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  PlotCurve kept = curve;
  for (std::size_t i = 0; i < kept.x.size(); ++i) {
    if ((panel.log_y && !(kept.y[i] > 0)) || (panel.log_x && !(kept.x[i] > 0))) kept.y[i] = none;
    if (panel.log_y && !kept.low.empty() && !(kept.low[i] > 0)) kept.low[i] = none;
  }
  return kept;
}

void draw_panel(report::Script& script, const PlotPanel& panel, int left, int top, int legend_top) {
  using report::quoted;
  script.frame(left, left + plot_width, top, top + plot_height);
  script.line("unset label\nset label {} at graph 0, 1 offset 0, 1 left font ',18'", quoted(panel.title));
  script.line("set xlabel {}\nset ylabel {} offset 1, 0", quoted(panel.x_axis), quoted(panel.y_axis));
  script.line("{} logscale x\n{} logscale y", panel.log_x ? "set" : "unset", panel.log_y ? "set" : "unset");
  script.line("set format y '{0}'\nset format x '{1}'\nset autoscale", panel.log_y ? "%g" : "% h",
              panel.log_x ? "%g" : "% h");
  script.line("set key at screen {:.5f}, {:.5f} left top reverse Left samplen 2 font ',16'", script.across(left),
              script.up(legend_top));
  std::vector<std::string> bands, lines;
  std::size_t colour = 0;
  for (const auto& each : panel.curves) {
    const PlotCurve curve = drawable(each, panel);
    const char* rgb = curve.reference ? "#8a939c" : curve_colours[colour++ % curve_colours.size()];
    if (!curve.low.empty()) {
      bands.push_back(
          fmt::format("{} using 1:2:3 with filledcurves fc rgb '{}' fs transparent solid 0.2 noborder notitle",
                      script.block({&curve.x, &curve.low, &curve.high}), rgb));
    }
    const std::string style = curve.reference ? fmt::format("with lines lc rgb '{}' lw 2 dt 2", rgb)
                              : curve.points  ? fmt::format("with points lc rgb '{}' pt 7 ps 1.2", rgb)
                                              : fmt::format("with linespoints lc rgb '{}' lw 2.5 pt 7 ps 0.9", rgb);
    lines.push_back(fmt::format("{} using 1:2 {} {}", script.block({&curve.x, &curve.y}), style,
                                curve.name.empty() ? "notitle" : "title " + quoted(curve.name)));
  }
  bands.insert(bands.end(), lines.begin(), lines.end());
  script.plot(bands);
}

std::string plot_script(const std::string& title, const std::vector<PlotPanel>& panels, const std::string& caption,
                        const std::string& png) {
  const auto n = static_cast<int>(panels.size());
  const int page_width = plot_left + n * plot_width + (n - 1) * plot_gap + plot_right;
  const auto lines_of = [&](const std::string& text, int character) {
    return report::wrapped(text, static_cast<std::size_t>((page_width - plot_left - plot_right) / character));
  };
  const auto titles = lines_of(title, title_character), lines = lines_of(caption, text_character);
  std::size_t legend = 0;
  for (const auto& panel : panels) {
    const auto named =
        std::count_if(panel.curves.begin(), panel.curves.end(), [](const auto& c) { return !c.name.empty(); });
    legend = std::max(legend, static_cast<std::size_t>(named));
  }
  const int plot_top = 110 + static_cast<int>(titles.size()) * title_line;
  const int legend_top = plot_top + plot_height + plot_axis;
  const int caption_top = legend_top + static_cast<int>(legend) * legend_line + 30;
  const int page_height = caption_top + static_cast<int>(lines.size()) * text_line + 20;
  report::Script script(page_width, page_height);
  script.line("set terminal pngcairo noenhanced size {},{} font 'sans,16' background rgb 'white'", page_width,
              page_height);
  script.line("set output {}\nset encoding utf8\nset minussign\nset grid lc rgb '#e0e3e6' lt 1 lw 1\nset multiplot",
              report::quoted(png));
  // gnuplot draws labels with a plot; the first, an empty one, carries those of the page.
  for (std::size_t i = 0; i < titles.size(); ++i) {
    script.text_at(plot_left, 50 + static_cast<int>(i) * title_line, titles[i], "left font ',24'");
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    script.text_at(plot_left, caption_top + static_cast<int>(i) * text_line, lines[i],
                   "left font ',16' textcolor rgb '#57606a'");
  }
  script.frame(plot_left, page_width - plot_right, plot_top, plot_top + 1);
  script.line("unset border\nunset tics\nset xrange [0:1]\nset yrange [0:1]\nplot NaN notitle");
  script.line("unset label\nset border 3 lc rgb '#57606a'\nset xtics nomirror out\nset ytics nomirror out");
  for (int i = 0; i < n; ++i) {
    draw_panel(script, panels[static_cast<std::size_t>(i)], plot_left + i * (plot_width + plot_gap), plot_top,
               legend_top);
  }
  script.line("unset multiplot\nunset output");
  return std::move(script).text();
}

}  // namespace

void write_plot(const std::string& path, const std::string& title, const std::vector<PlotPanel>& panels,
                const std::string& caption, const Provenance& provenance) {
  if (panels.empty()) throw ValueError({.what = "nothing to draw", .where = path, .expected = "at least one panel"});
  for (const auto& panel : panels) std::for_each(panel.curves.begin(), panel.curves.end(), check_curve);
  report::draw_png([&](const std::string& png) { return plot_script(title, panels, caption, png); }, title, provenance,
                   path);
}

}  // namespace sda
