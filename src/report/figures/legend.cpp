/// Samples of line and area styles.
#include "report/figures/legend.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sda::report {

std::string line_sample(const std::string& style) {
  return path_element(style, "M1 7H29");
}

std::string band_sample(Role role) {
  return path_element(to_string(role), role == Role::reference_band ? "M1 2H29V12H1Z" : "M1 3H29M1 11H29");
}

std::string bar_sample(const std::string& style) {
  return path_element(style, "M8 1H22V13H8Z");
}

std::vector<LegendEntry> series_of(const CaseStatistics& statistics) {
  std::vector<LegendEntry> entries;
  const auto add = [&](const std::string& series, const std::string& sample, const std::string& label) {
    entries.push_back({series, sample, label});
  };
  add("members", path_element("members", "M1 4L15 6L29 3M1 9L15 8L29 11"),
      fmt::format("{} {} members", statistics.members, statistics.method));
  add("posterior-band", band_sample(Role::posterior_band), statistics.method + " 5–95 %");
  add("posterior-mean", line_sample("posterior-mean dashed"), statistics.method + " mean");
  if (!statistics.reference_method.empty()) {
    add("reference-band", band_sample(Role::reference_band), statistics.reference_method + " 5–95 %");
    add("reference-mean", line_sample("reference-mean dashed"), statistics.reference_method + " mean");
  }
  const auto& curves = statistics.states.front().curves;
  if (std::any_of(curves.begin(), curves.end(), [](const Curve& c) { return c.role == Role::truth; })) {
    add("truth", line_sample("truth"), "truth");
  }
  const auto has_observations = [](const Panel& p) { return !p.observations.values.empty(); };
  if (std::any_of(statistics.states.begin(), statistics.states.end(), has_observations) ||
      !statistics.observations.empty()) {
    add("observations", path_element("error-bars", "M15 1V13") + path_element("points", "M15 7h0"),
        "observations ± 1 standard deviation");
  }
  return entries;
}

std::vector<LegendEntry> series_of(const Panel& panel) {
  std::vector<LegendEntry> entries;
  for (const auto& band : panel.bands) entries.push_back({to_string(band.role), band_sample(band.role), band.label});
  for (const auto& curve : panel.curves) {
    const auto style = to_string(curve.role);
    entries.push_back({style, line_sample(style + (curve.dashed ? " dashed" : "")), curve.label});
  }
  return entries;
}

Drawing legend(const std::vector<LegendEntry>& entries, double width) {
  constexpr double letter_size = 11, row_height = 18, gap = 18, between = 6;
  Drawing drawing{.width = width};
  double x = 0, y = 0;
  for (const auto& entry : entries) {
    const double needed = sample_width + between + text_width(entry.label, letter_size);
    if (x > 0 && x + needed > width) x = 0, y += row_height;
    const Drawing sample{sample_width, sample_height,
                         entry.sample + text_element("entry", sample_width + between, 11, entry.label)};
    drawing.place(sample, x, y);
    x += needed + gap;
  }
  drawing.height = entries.empty() ? 0 : y + row_height;
  drawing.width = width;
  return drawing;
}

}  // namespace sda::report
