/// The page's figures as one picture, and its fields frame by frame.
#include "report/picture.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "report/figures/curves.hpp"
#include "report/figures/fields.hpp"
#include "report/figures/legend.hpp"
#include "report/files.hpp"
#include "report/gif.hpp"
#include "report/raster.hpp"
#include "sda/data/formats/atomic_file.hpp"

namespace sda::report {
namespace {

constexpr double picture_scale = 2, margin = 18, figure_gap = 22, caption_size = 11.5;

void place_below(Drawing& page, const Drawing& figure, double left = 0) {
  page.place(figure, left, page.height);
}

void place_caption(Drawing& page, const std::string& caption, double width) {
  place_below(page, paragraph("caption", caption, width - axis_width - 12, caption_size), axis_width);
}

Drawing with_caption(Drawing figure, const std::string& caption) {
  place_caption(figure, caption, figure.width);
  return figure;
}

/// Panels below one another; means stay off, since a panel shows where the members are.
Drawing stacked(const std::vector<Panel>& panels, const CaseStatistics& statistics, const std::string& caption) {
  Drawing stack;
  for (const auto& panel : panels) {
    const bool is_last = &panel == &panels.back();
    place_below(stack, panel_over_time(panel, statistics, is_last ? statistics.time_axis : ""));
  }
  stack.body = "<g class=\"without-means\">" + stack.body + "</g>";
  return with_caption(std::move(stack), caption);
}

/// The legend without what `stacked` leaves off.
Drawing legend_of(const CaseStatistics& statistics) {
  auto entries = series_of(statistics);
  std::erase_if(entries, [](const LegendEntry& e) { return e.series.ends_with("-mean"); });
  return legend(entries, page_width - axis_width);
}

/// Spectrum, skill and ranks, as far as there are any, beside each other.
Drawing row_below(const CaseStatistics& all) {
  const int count = (all.spectrum ? 1 : 0) + (all.skill.curves.empty() ? 0 : 1) + (all.ranks.empty() ? 0 : 1);
  const double width = count > 2 ? third_width : half_width;
  const double gap = (page_width - count * width) / std::max(1, count - 1);
  Drawing row;
  const auto add = [&](const Drawing& figure, const std::string& caption) {
    const double left = row.width == 0 ? 0 : row.width + gap;
    row.place(with_caption(figure, caption), left, 0);
  };
  if (all.spectrum) add(spectrum_drawing(*all.spectrum, all.wavenumber_axis, width), all.spectrum_caption);
  if (!all.skill.curves.empty()) add(skill_drawing(all, width), all.skill_caption);
  if (!all.ranks.empty()) add(ranks_drawing(all.ranks, width), all.ranks_caption);
  return row;
}

}  // namespace

Drawing picture_of(const CaseStatistics& statistics, double scale) {
  Drawing page{.width = page_width, .height = margin};
  page.body = text_element("heading", axis_width, margin + 18, "Observations: " + statistics.name);
  page.height += 28;
  place_caption(page, statistics.observed, page_width);
  page.height += figure_gap / 2;
  for (const auto& animation : statistics.animations) {
    place_below(page, with_caption(fields_drawing(animation, scale), animation.caption));
    page.height += figure_gap;
  }
  place_below(page, legend_of(statistics), axis_width);
  page.height += figure_gap / 2;
  place_below(page, stacked(statistics.states, statistics, statistics.states_caption));
  page.height += figure_gap;
  if (!statistics.observations.empty()) {
    place_below(page, stacked(statistics.observations, statistics, statistics.observations_caption));
    page.height += figure_gap;
  }
  place_below(page, row_below(statistics));
  page.height += figure_gap;
  if (!statistics.scores.empty()) place_below(page, scores_drawing(statistics.scores));
  page.width = page_width;
  page.height += margin;
  return page;
}

void draw_picture(const CaseStatistics& statistics, const Provenance& provenance, const std::string& path) {
  draw_png(picture_of(statistics, picture_scale), picture_scale, statistics.name, provenance, path);
}

void draw_animation(const CaseStatistics& statistics, const std::string& path) {
  constexpr std::size_t max_frames = 32;
  constexpr int delay = 15;  // hundredths of a second
  constexpr double scale = 1;
  const auto& animation = statistics.animations.front();
  const auto times = animation.times.size(), stride = (times + max_frames - 1) / max_frames;
  const auto frame = [&](std::size_t i) {
    const auto time = i * stride;
    Drawing page{.width = page_width, .height = 2 * margin + 6};
    page.body = text_element("heading", axis_width, margin + 12,
                             fmt::format("{}, {}", statistics.name, animation.time_text(time)));
    place_below(page, animation_drawing(animation, time, 1, scale));
    return rendered(page, scale);
  };
  write_file(path, animated_gif((times + stride - 1) / stride, frame, delay, colours_of(animation)));
}

}  // namespace sda::report
