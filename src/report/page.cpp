/// Fills the page's template (page.html, in Mustache) with the figures as SVG. They print sharply, follow the reader's
/// colours, and are read without the script; page.js adds zoom, read-out and switches.
#include "report/page.hpp"

#include <fmt/format.h>

#include <kainjow/mustache.hpp>

#include "report/assets.hpp"
#include "report/figures/curves.hpp"
#include "report/figures/fields.hpp"
#include "report/figures/legend.hpp"
#include "report/files.hpp"
#include "report/page_data.hpp"

namespace sda::report {
namespace {

// What the template is filled with.
using Value = kainjow::mustache::data;
using Values = kainjow::mustache::list;
using Named = kainjow::mustache::object;
using kainjow::mustache::partial;

constexpr const char* caption_template = "<figcaption><b>Figure {{number}}.</b> {{caption}}</figcaption>";
constexpr const char* timed_plot_template =
    "<div class=\"plot timed\" tabindex=\"0\" role=\"group\" aria-label=\"{{label}} over time; arrow keys move the "
    "read-out, + and − zoom, Escape shows all\">{{{svg}}}<div class=\"tip\" role=\"status\"></div></div>\n";

Value cell(const std::string& text, bool names) {
  return Named{{"text", text}, {"names", names}};
}

/// The scores of all cases; the case's name in front where there are several.
Value scores_table(const std::vector<CaseStatistics>& cases) {
  Values columns, rows;
  if (cases.size() > 1) columns.push_back(cell("case", true));
  for (const auto& column : score_columns()) columns.push_back(cell(column, column == score_columns().front()));
  for (const auto& statistics : cases) {
    for (const auto& scores : statistics.scores) {
      Values cells;
      if (cases.size() > 1) cells.push_back(cell(statistics.name, true));
      const auto row = score_row(scores);
      for (std::size_t c = 0; c < row.size(); ++c) cells.push_back(cell(row[c], c == 0));
      rows.push_back(Named{{"cells", cells}});
    }
  }
  return Named{{"columns", columns}, {"rows", rows}};
}

/// Numbers the figures of a page as they come.
class FigureData {
 public:
  explicit FigureData(int& number) : number_(number) {}

  Named captioned(const std::string& caption) { return {{"number", std::to_string(++number_)}, {"caption", caption}}; }
  Value animation(const Animation& animation, const std::string& time_axis) {
    auto figure = captioned(animation.caption);
    figure["last"] = std::to_string(animation.times.size() - 1);
    figure["time_axis"] = time_axis;
    figure["first_time"] = animation.time_text(0);
    const auto names =
        fmt::format("{} over {} and {}", animation.scales.front().label, animation.x.label, animation.y.label);
    figure["svg"] = inline_svg(animation_drawing(animation, 0, animation.times.size(), 0), names);
    return figure;
  }
  Value stack(const std::vector<Panel>& panels, const CaseStatistics& statistics, const std::string& caption) {
    auto figure = captioned(caption);
    Values plots;
    for (const auto& panel : panels) {
      const bool is_last = &panel == &panels.back();
      plots.push_back(timed(panel, panel_over_time(panel, statistics, is_last ? statistics.time_axis : "")));
    }
    figure["plots"] = plots;
    return figure;
  }
  Value timed_half(const Panel& panel, const Drawing& drawing, const std::string& caption) {
    auto figure = captioned(caption);
    figure["plot"] = timed(panel, drawing);
    return figure;
  }
  Value half(const Drawing& drawing, const std::string& label, const std::string& caption) {
    auto figure = captioned(caption);
    figure["svg"] = inline_svg(drawing, label);
    return figure;
  }

 private:
  static Value timed(const Panel& panel, const Drawing& drawing) {
    return Named{{"label", panel.name},
                 {"svg", inline_svg(drawing, fmt::format("{} over time: {}", panel.axis(), panel.title))}};
  }

  int& number_;
};

Value switches(const CaseStatistics& statistics) {
  Values series;
  for (const auto& entry : series_of(statistics)) {
    series.push_back(Named{{"style", entry.series},
                           {"sample", entry.sample},
                           {"label", entry.label},
                           {"is_on", !entry.series.ends_with("-mean")}});
  }
  return series;
}

std::string id_of(const CaseStatistics& statistics) {
  return "case-" + file_stem(statistics.name);
}

Value case_data(const CaseStatistics& statistics, int& number) {
  FigureData make(number);
  Named one{{"id", id_of(statistics)}, {"name", statistics.name}, {"observed", statistics.observed}};
  if (statistics.stride > 1) one["stride"] = std::to_string(statistics.stride);
  Values animations, stacks, halves;
  for (const auto& animation : statistics.animations)
    animations.push_back(make.animation(animation, statistics.time_axis));
  stacks.push_back(make.stack(statistics.states, statistics, statistics.states_caption));
  if (!statistics.observations.empty()) {
    stacks.push_back(make.stack(statistics.observations, statistics, statistics.observations_caption));
  }
  if (statistics.spectrum) {
    halves.push_back(make.half(spectrum_drawing(*statistics.spectrum, statistics.wavenumber_axis, half_width),
                               "energy over wavenumber on logarithms", statistics.spectrum_caption));
  }
  if (!statistics.skill.curves.empty()) {
    halves.push_back(
        make.timed_half(statistics.skill, skill_drawing(statistics, half_width), statistics.skill_caption));
  }
  if (!statistics.ranks.empty()) {
    halves.push_back(make.half(ranks_drawing(statistics.ranks, half_width),
                               "histogram of the truth’s rank among the members, over a uniform one",
                               statistics.ranks_caption));
  }
  one["animations"] = animations, one["stacks"] = stacks, one["halves"] = halves;
  one["series"] = switches(statistics);
  one["data"] = page_data(statistics);
  return one;
}

Value link(const std::string& id, const std::string& name) {
  return Named{{"id", id}, {"name", name}};
}

}  // namespace

std::string page(const std::string& title, const std::vector<CaseStatistics>& cases, const std::string& table,
                 const Provenance& provenance) {
  Values sections, links;
  bool has_scores = false;
  int number = 0;
  for (const auto& statistics : cases) {
    sections.push_back(case_data(statistics, number));
    has_scores = has_scores || !statistics.scores.empty();
  }
  Named whole{{"title", title},
              {"figure_style", std::string(figure_css)},
              {"page_style", std::string(page_css)},
              {"script", std::string(page_js)},
              {"version", provenance.version},
              {"created", provenance.created},
              {"command", provenance.command},
              {"seed", std::to_string(provenance.seed)},
              {"config", provenance.config},
              {"cases", sections},
              {"figure_caption", partial([] { return caption_template; })},
              {"timed_plot", partial([] { return timed_plot_template; })}};
  if (has_scores || !table.empty()) {
    Named scores;
    if (has_scores) scores["table"] = scores_table(cases);
    if (!table.empty()) scores["text"] = Named{{"text", table}};
    whole["scores"] = scores;
    links.push_back(link("scores", "Scores"));
  }
  for (const auto& statistics : cases) links.push_back(link(id_of(statistics), statistics.name));
  whole["links"] = links;
  kainjow::mustache::mustache page_template{std::string(page_html)};
  return page_template.render(whole);
}

}  // namespace sda::report
