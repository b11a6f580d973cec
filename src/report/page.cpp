/// Writes the report's HTML: curves as SVG in a view box of 10000 × 1000, everything with text as HTML around it, so
/// that it prints sharply, follows the reader's colours, and reads without the script (page.js adds zoom, read-out and
/// switches).
#include "report/page.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "report/assets.hpp"
#include "report/png.hpp"

namespace sda::report {
namespace {

constexpr double view_width = 10000, view_height = 1000;

/// From a panel's time and value to the view box; whole numbers, finer than a screen.
struct View {
  double first_time, last_time, low, high;

  long x(double time) const { return std::lround((time - first_time) / (last_time - first_time) * view_width); }
  long y(double value) const { return std::lround((high - value) / (high - low) * view_height); }
};

std::string polyline(const View& view, const std::vector<double>& times, const std::vector<double>& values) {
  std::string d;
  for (std::size_t i = 0; i < times.size(); ++i) {
    fmt::format_to(std::back_inserter(d), "{}{} {}",
                   i == 0   ? "M"
                   : i == 1 ? "L"
                            : " ",
                   view.x(times[i]), view.y(values[i]));
  }
  return d;
}

/// Along the low side and back along the high one.
std::string outline(const View& view, const std::vector<double>& times, const Band& band) {
  std::vector<double> t(times), v(band.low);
  t.insert(t.end(), times.rbegin(), times.rend());
  v.insert(v.end(), band.high.rbegin(), band.high.rend());
  return polyline(view, t, v) + "Z";
}

std::string path(const std::string& style, const std::string& d) {
  return fmt::format("<path class=\"{}\" d=\"{}\"/>", style, d);
}

std::string svg_open(const std::string& description) {
  return fmt::format("<svg viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
                     view_width, view_height, escape_html(description));
}

std::string y_ticks(const View& view, const std::vector<double>& values) {
  const double step = values.size() > 1 ? values[1] - values[0] : 1;
  std::string spans;
  for (const double v : values) {
    fmt::format_to(std::back_inserter(spans), "<span style=\"top:{:.2f}%\">{}</span>",
                   100 * (view.high - v) / (view.high - view.low), tick_text(v, step));
  }
  return "<div class=\"y-ticks\">" + spans + "</div>";
}

std::string x_ticks(double first, double last, const std::vector<double>& values) {
  const double step = values.size() > 1 ? values[1] - values[0] : 1;
  std::string spans;
  for (const double v : values) {
    fmt::format_to(std::back_inserter(spans), "<span style=\"left:{:.2f}%\">{}</span>",
                   100 * (v - first) / (last - first), tick_text(v, step));
  }
  return "<div class=\"x-ticks\">" + spans + "</div>";
}

std::string panel_html(const Panel& panel, const Figures& figures, bool name_time) {
  const auto [low, high] = panel.range();
  const View view{figures.first_time, figures.last_time, low, high};
  const auto times = ticks(view.first_time, view.last_time, 8);
  const auto values = ticks(low, high, 5);

  std::string svg = svg_open(fmt::format("{} over time: {}", panel.axis(), panel.title));
  std::string horizontal, vertical;
  for (const double v : values) horizontal += fmt::format("M0 {}H{}", view.y(v), view_width);
  for (const double t : times) vertical += fmt::format("M{} 0V{}", view.x(t), view_height);
  svg += path("grid", horizontal) + path("grid x-grid", vertical);
  for (const auto& band : panel.bands) {
    if (band.role == Role::reference_band) svg += path(to_string(band.role), outline(view, panel.times, band));
  }
  for (const auto& line : panel.members) svg += path("members", polyline(view, panel.times, line));
  for (const auto& band : panel.bands) {
    if (band.role != Role::posterior_band) continue;
    svg += path("posterior-band", polyline(view, panel.times, band.low) + polyline(view, panel.times, band.high));
  }
  for (const auto& curve : panel.curves) {
    svg += path(to_string(curve.role) + (curve.dashed ? " dashed" : ""), polyline(view, panel.times, curve.values));
  }
  std::string bars, points;
  for (std::size_t i = 0; i < panel.observations.times.size(); ++i) {
    const auto x = view.x(panel.observations.times[i]);
    const double value = panel.observations.values[i], error = panel.observations.errors[i];
    bars += fmt::format("M{} {}V{}", x, view.y(value - error), view.y(value + error));
    points += fmt::format("M{} {}h0", x, view.y(value));
  }
  if (!points.empty()) svg += path("error-bars", bars) + path("points", points);
  svg += "</svg>";

  return fmt::format(
      "<div class=\"panel\"><p class=\"panel-title\">{} <span>{}</span></p><div class=\"frame\">"
      "<div class=\"y-name\">{}</div>{}<div class=\"plot timed\" tabindex=\"0\" role=\"group\" aria-label=\"{} over "
      "time; arrow keys move the read-out, + and − zoom, Escape shows all\">{}<div class=\"cursor\"></div>"
      "<div class=\"selection\"></div><div class=\"tip\" role=\"status\"></div></div>{}{}</div></div>\n",
      escape_html(panel.name), escape_html(panel.title), escape_html(panel.axis()), y_ticks(view, values),
      escape_html(panel.name), svg, x_ticks(view.first_time, view.last_time, times),
      name_time ? "<div class=\"x-name\">" + escape_html(figures.time_axis) + "</div>" : "");
}

std::string base64(const std::string& bytes) {
  constexpr const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const auto left = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8U | (j < left ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) text += j <= left ? digits[group >> (18 - 6 * j) & 63U] : '=';
  }
  return text;
}

std::vector<std::array<std::uint8_t, 3>> palette(ColourMap map) {
  std::vector<std::array<std::uint8_t, 3>> colours;
  for (int level = 0; level < 256; ++level) colours.push_back(colour(map, level));
  return colours;
}

/// All times of a film below one another in one picture, of which the page shows one; y goes up.
std::string film_strip(const Film& film, std::size_t times, ColourMap map) {
  std::vector<std::uint8_t> pixels;
  pixels.reserve(film.levels.size());
  for (std::size_t time = 0; time < times; ++time) {
    for (auto y = film.height; y-- > 0;) {
      for (std::int64_t x = 0; x < film.width; ++x) pixels.push_back(film.at(time, y, x));
    }
  }
  return indexed_png(film.width, film.height * static_cast<std::int64_t>(times), pixels, palette(map));
}

std::string film_html(const Film& film, const Films& films) {
  const View y{0, 1, films.y.from, films.y.to};
  return fmt::format(
      "<div class=\"film\"><p class=\"panel-title\">{0}</p><div class=\"frame\"><div class=\"y-name\">{1}</div>{2}"
      "<div class=\"window\" style=\"aspect-ratio:{3:.6g}\"><img alt=\"{0} over {4} and {1}\" width=\"{5}\" "
      "height=\"{6}\" style=\"--frames:{7}\" src=\"data:image/png;base64,{8}\"></div>{9}"
      "<div class=\"x-name\">{4}</div></div></div>\n",
      escape_html(film.name), escape_html(films.y.label), y_ticks(y, ticks(films.y.from, films.y.to, 4)), films.aspect,
      escape_html(films.x.label), film.width, film.height * static_cast<std::int64_t>(films.times.size()),
      films.times.size(), base64(film_strip(film, films.times.size(), films.scales[film.scale].map)),
      x_ticks(films.x.from, films.x.to, ticks(films.x.from, films.x.to, 4)));
}

std::string bar_html(const ColourScale& scale) {
  const double first = scale.first(), last = scale.last();
  std::vector<std::string> stops;
  for (int level = 1; level <= 255; level += 127 / 8) stops.push_back(colour_text(scale.map, level));
  return fmt::format(
      "<div class=\"bar-of-colours\"><div class=\"colours\" style=\"background:linear-gradient(to right,{})\"></div>{}"
      "<div class=\"x-name\">{}</div></div>\n",
      fmt::join(stops, ","), x_ticks(first, last, ticks(first, last, 6)), escape_html(scale.label));
}

std::string films_html(const Films& films, const std::string& time_axis) {
  std::string html = fmt::format(
      "<div class=\"player\"><button type=\"button\">Play</button><input type=\"range\" min=\"0\" max=\"{}\" "
      "value=\"0\" "
      "aria-label=\"{}\"><output>{}</output></div>\n<div class=\"films-grid\">\n",
      films.times.size() - 1, escape_html(time_axis), escape_html(films.time_text(0)));
  for (const auto& film : films.films) html += film_html(film, films);
  html += "</div>\n<div class=\"bars\">\n";
  for (const auto& scale : films.scales) html += bar_html(scale);
  return html + "</div>\n<div class=\"tip\" role=\"status\"></div>\n";
}

/// Energy over wavenumber on logarithms: powers of ten up, of two times the smallest across.
std::string spectrum_html(const Panel& panel, const std::string& wavenumber_axis) {
  const auto [low, high] = decades(panel);
  const auto logs = [](std::vector<double> values, double min) {
    for (auto& v : values) v = std::max(std::log10(std::max(v, 1e-300)), min);
    return values;
  };
  const auto k = logs(panel.times, -300);
  const View view{k.front(), std::max(k.back(), k.front() + 1e-9), low, high};
  std::string horizontal, vertical, y_marks, x_marks;
  const double every = std::max(1.0, std::ceil((high - low) / 8));
  const auto marks = static_cast<int>((high - low) / every + 1e-9);
  for (int mark = 0; mark <= marks; ++mark) {
    const double e = low + mark * every;
    horizontal += fmt::format("M0 {}H{}", view.y(e), view_width);
    y_marks += fmt::format("<span style=\"top:{:.2f}%\">10<sup>{}</sup></span>", 100 * (high - e) / (high - low),
                           tick_text(e, 1));
  }
  for (const double at : doublings(panel.times.front(), panel.times.back())) {
    const double x = std::log10(at);
    vertical += fmt::format("M{} 0V{}", view.x(x), view_height);
    x_marks += fmt::format("<span style=\"left:{:.2f}%\">{:.4g}</span>", view.x(x) / (view_width / 100), at);
  }
  std::string svg = svg_open("Energy spectrum of the velocity over wavenumber");
  svg += path("grid", horizontal + vertical);
  for (const auto& band : panel.bands) {
    const Band drawn{band.role, band.label, logs(band.low, low - 1), logs(band.high, low - 1)};
    svg += band.role == Role::reference_band
               ? path("reference-band", outline(view, k, drawn))
               : path("posterior-band", polyline(view, k, drawn.low) + polyline(view, k, drawn.high));
  }
  for (const auto& curve : panel.curves) {
    svg +=
        path(to_string(curve.role) + (curve.dashed ? " dashed" : ""), polyline(view, k, logs(curve.values, low - 1)));
  }
  return fmt::format(
      "<div class=\"panel\"><p class=\"panel-title\">energy spectrum <span>{}</span></p><div class=\"frame\">"
      "<div class=\"y-name\">{}</div><div class=\"y-ticks\">{}</div><div class=\"plot tall\">{}</svg></div>"
      "<div class=\"x-ticks\">{}</div><div class=\"x-name\">{}</div></div></div>\n",
      escape_html(panel.title), escape_html(panel.axis()), y_marks, svg, x_marks, escape_html(wavenumber_axis));
}

std::string ranks_html(const std::vector<RankBars>& all) {
  double high = 2;
  std::size_t bins = 0;
  for (const auto& bars : all) {
    high = std::max(high, 1.08 * *std::max_element(bars.ratio.begin(), bars.ratio.end()));
    bins = std::max(bins, bars.ratio.size());
  }
  const View view{0, 1, 0, high};
  const auto values = ticks(0, high, 4);
  std::string svg = svg_open("Histogram of the truth’s rank among the members, over a uniform one");
  std::string grid;
  for (const double v : values) grid += fmt::format("M0 {}H{}", view.y(v), view_width);
  svg += path("grid", grid);
  const double tolerance = all.front().tolerance;
  svg += path("stripe", fmt::format("M0 {}H{}V{}H0Z", view.y(1 + tolerance), view_width, view.y(1 - tolerance)));
  for (std::size_t m = 0; m < all.size(); ++m) {
    const double bin = 1.0 / static_cast<double>(all[m].ratio.size());
    const double width = 0.84 * bin / static_cast<double>(all.size());
    std::string d;
    for (std::size_t b = 0; b < all[m].ratio.size(); ++b) {
      const double left = (static_cast<double>(b) + 0.08) * bin + static_cast<double>(m) * width;
      d += fmt::format("M{} {}V{}H{}V{}Z", view.x(left), view.y(0), view.y(all[m].ratio[b]),
                       view.x(left + 0.94 * width), view.y(0));
    }
    svg += path("bar " + to_string(all[m].role), d);
  }
  svg += path("uniform", fmt::format("M0 {}H{}", view.y(1), view_width)) + "</svg>";
  return fmt::format(
      "<div class=\"panel\"><p class=\"panel-title\">ranks of the truth <span>{} values in {} bins</span></p>"
      "<div class=\"frame\"><div class=\"y-name\">count / uniform</div>{}<div class=\"plot\">{}</div>{}"
      "<div class=\"x-name\">rank among the members (share of members below)</div></div></div>\n",
      all.front().values, bins, y_ticks(view, values), svg, x_ticks(0, 1, ticks(0, 1, 5)));
}

/// A switch with the series' line beside it.
std::string control(const std::string& style, const std::string& label, const std::string& sample, bool on) {
  return fmt::format(
      "<label><input type=\"checkbox\" value=\"{}\"{}><svg viewBox=\"0 0 30 14\" "
      "aria-hidden=\"true\">{}</svg>{}</label>",
      style, on ? " checked" : "", sample, escape_html(label));
}

std::string controls_html(const Figures& figures) {
  const auto line = [](const char* style) { return path(style, "M1 7H29"); };
  std::string html = "<div class=\"controls\">";
  html += control("members", fmt::format("{} {} members", figures.members, figures.method),
                  "<path class=\"members\" d=\"M1 4L15 6L29 3M1 9L15 8L29 11\"/>", true);
  html += control("posterior-band", figures.method + " 5–95 %", path("posterior-band", "M1 3H29M1 11H29"), true);
  html += control("posterior-mean", figures.method + " mean", line("posterior-mean dashed"), false);
  if (!figures.reference_method.empty()) {
    html +=
        control("reference-band", figures.reference_method + " 5–95 %", path("reference-band", "M1 2H29V12H1Z"), true);
    html += control("reference-mean", figures.reference_method + " mean", line("reference-mean dashed"), false);
  }
  const auto& curves = figures.states.front().curves;
  if (std::any_of(curves.begin(), curves.end(), [](const Curve& c) { return c.role == Role::truth; })) {
    html += control("truth", "truth", line("truth"), true);
  }
  const auto has_observations = [](const Panel& p) { return !p.observations.values.empty(); };
  if (std::any_of(figures.states.begin(), figures.states.end(), has_observations) || !figures.observations.empty()) {
    html += control("observations", "observations ± 1 standard deviation",
                    path("error-bars", "M15 1V13") + path("points", "M15 7h0"), true);
  }
  return html +
         "<button type=\"button\" disabled>Show all times</button></div>\n<p class=\"hint\">Point at a panel to read "
         "values; drag across it to zoom in time; double-click to see all again.</p>\n";
}

std::string skill_legend(const Panel& panel) {
  std::string html = "<div class=\"controls\">";
  for (const auto& band : panel.bands) {
    const bool area = band.role == Role::reference_band;
    html +=
        fmt::format("<label><svg viewBox=\"0 0 30 14\" aria-hidden=\"true\">{}</svg>{}</label>",
                    path(to_string(band.role), area ? "M1 2H29V12H1Z" : "M1 3H29M1 11H29"), escape_html(band.label));
  }
  for (const auto& curve : panel.curves) {
    html +=
        fmt::format("<label><svg viewBox=\"0 0 30 14\" aria-hidden=\"true\">{}</svg>{}</label>",
                    path(to_string(curve.role) + (curve.dashed ? " dashed" : ""), "M1 7H29"), escape_html(curve.label));
  }
  return html + "</div>";
}

std::string ranks_legend(const std::vector<RankBars>& all) {
  std::string html = "<div class=\"controls\">";
  for (const auto& bars : all) {
    html += fmt::format("<label><svg viewBox=\"0 0 30 14\" aria-hidden=\"true\">{}</svg>{}</label>",
                        path("bar " + to_string(bars.role), "M8 1H22V13H8Z"), escape_html(bars.method));
  }
  return html +
         "<label><svg viewBox=\"0 0 30 14\" aria-hidden=\"true\"><path class=\"uniform\" d=\"M1 7H29\"/></svg>"
         "uniform</label></div>";
}

/// To 4 significant digits, so that the page stays small.
nlohmann::json rounded(const std::vector<double>& values) {
  auto list = nlohmann::json::array();
  for (const double v : values) list.push_back(std::stod(fmt::format("{:.4g}", v)));
  return list;
}

/// Times keep the digits that tell one from the next.
nlohmann::json exact(const std::vector<double>& values) {
  auto list = nlohmann::json::array();
  for (const double v : values) list.push_back(std::stod(fmt::format("{:.9g}", v)));
  return list;
}

nlohmann::json panel_json(const Panel& panel) {
  nlohmann::json json;
  json["times"] = exact(panel.times);
  json["series"] = nlohmann::json::array();
  for (const auto& curve : panel.curves) {
    json["series"].push_back(
        {{"style", to_string(curve.role)}, {"label", curve.label}, {"values", rounded(curve.values)}});
  }
  for (const auto& band : panel.bands) {
    json["series"].push_back({{"style", to_string(band.role)},
                              {"label", band.label},
                              {"low", rounded(band.low)},
                              {"high", rounded(band.high)}});
  }
  json["observations"] = nlohmann::json::array();
  for (std::size_t i = 0; i < panel.observations.times.size(); ++i) {
    auto observation = exact({panel.observations.times[i]});
    for (const auto& part : rounded({panel.observations.values[i], panel.observations.errors[i]}))
      observation.push_back(part);
    json["observations"].push_back(std::move(observation));
  }
  return json;
}

/// JSON that no text in it can end early, whatever its characters.
std::string script_json(const nlohmann::json& json) {
  std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  for (auto at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) text.replace(at, 1, "\\u003c");
  return text;
}

std::string scores_table(const std::vector<const Figures*>& cases) {
  const bool name_case = cases.size() > 1;
  std::string html = "<div class=\"scroll\"><table class=\"scores\"><thead><tr>";
  if (name_case) html += "<th class=\"name\" scope=\"col\">case</th>";
  bool first = true;
  for (const auto& column : score_columns()) {
    html += fmt::format("<th scope=\"col\"{}>{}</th>", first ? " class=\"name\"" : "", escape_html(column));
    first = false;
  }
  html += "</tr></thead><tbody>\n";
  for (const auto* figures : cases) {
    for (const auto& scores : figures->scores) {
      html += "<tr>";
      if (name_case) html += "<td class=\"name\">" + escape_html(figures->name) + "</td>";
      first = true;
      for (const auto& cell : score_row(scores)) {
        html += first ? "<th class=\"name\" scope=\"row\">" + escape_html(cell) + "</th>"
                      : "<td>" + escape_html(cell) + "</td>";
        first = false;
      }
      html += "</tr>\n";
    }
  }
  return html +
         "</tbody></table></div>\n<p class=\"muted\">W₁: earth mover’s distance over whole trajectories to as many "
         "reference members, in the state’s units; its floor is the distance between two samples of the "
         "reference of that size (of two filters, where a second one was given). log p(x), log p(y | x): expected "
         "log-densities of the members under the dynamics and "
         "the observations. CRPS, RMSE and spread are in normalised units; less is better for W₁, CRPS and RMSE. "
         "± is one standard error.</p>\n";
}

std::string figure_html(int& number, const std::string& style, const std::string& body, const std::string& caption) {
  return fmt::format("<figure class=\"{}\">{}<figcaption><b>Figure {}.</b> {}</figcaption></figure>\n", style, body,
                     ++number, escape_html(caption));
}

/// What the script needs of films: times, lengths of the axes, what levels stand for, and colours to find levels by.
nlohmann::json films_json(const Films& films) {
  nlohmann::json json{{"times", nlohmann::json::array()},
                      {"x", {{"from", films.x.from}, {"to", films.x.to}}},
                      {"y", {{"from", films.y.from}, {"to", films.y.to}}}};
  for (std::size_t i = 0; i < films.times.size(); ++i) json["times"].push_back(films.time_text(i));
  json["films"] = nlohmann::json::array();
  for (const auto& film : films.films) {
    json["films"].push_back(
        {{"name", film.name}, {"width", film.width}, {"height", film.height}, {"scale", film.scale}});
  }
  for (const auto& scale : films.scales) {
    std::string colours;
    for (int level = 1; level < 256; ++level) colours += colour_text(scale.map, level).substr(1);
    json["scales"].push_back({{"first", scale.first()}, {"last", scale.last()}, {"colours", colours}});
  }
  return json;
}

std::string case_html(const Figures& figures, int& number) {
  std::string html =
      fmt::format("<section class=\"case\" id=\"case-{0}\">\n<h2>Observations: {1}</h2>\n<p>Observed: {2}.</p>\n",
                  escape_html(file_stem(figures.name)), escape_html(figures.name), escape_html(figures.observed));
  if (figures.stride > 1) {
    html += fmt::format("<p class=\"muted\">Curves are drawn through every {}. state, to keep this page small.</p>\n",
                        figures.stride);
  }
  nlohmann::json data{{"first", figures.first_time}, {"last", figures.last_time}, {"time", "time"}};
  data["films"] = nlohmann::json::array();
  for (const auto& films : figures.films) {
    html += figure_html(number, "films", films_html(films, figures.time_axis), films.caption);
    data["films"].push_back(films_json(films));
  }
  html += controls_html(figures);

  data["panels"] = nlohmann::json::array();
  const auto stack = [&](const std::vector<Panel>& panels) {
    std::string body;
    for (const auto& panel : panels) {
      body += panel_html(panel, figures, &panel == &panels.back());
      data["panels"].push_back(panel_json(panel));
    }
    return body;
  };
  html += figure_html(number, "states", stack(figures.states), figures.states_caption);
  if (!figures.observations.empty()) {
    html += figure_html(number, "states", stack(figures.observations), figures.observations_caption);
  }
  if (figures.spectrum) {
    html += figure_html(number, "spectrum",
                        skill_legend(*figures.spectrum) + spectrum_html(*figures.spectrum, figures.wavenumber_axis),
                        figures.spectrum_caption);
  }
  html += "<div class=\"pair\">\n";
  if (!figures.skill.curves.empty()) {
    const auto body = skill_legend(figures.skill) + stack({figures.skill});
    html += figure_html(number, "skill", body, figures.skill_caption);
  }
  if (!figures.ranks.empty()) {
    html +=
        figure_html(number, "ranks", ranks_legend(figures.ranks) + ranks_html(figures.ranks), figures.ranks_caption);
  }
  html += "</div>\n";
  return html + "<script type=\"application/json\">" + script_json(data) + "</script>\n</section>\n";
}

std::string facts_html(const Provenance& p) {
  return fmt::format(
      "<section id=\"run\">\n<h2>What was run</h2>\n<dl class=\"facts\"><dt>Command</dt><dd><code>{}</code></dd>"
      "<dt>Seed</dt><dd>{}</dd><dt>Version</dt><dd>sda {}</dd><dt>Written</dt><dd>{}</dd></dl>\n"
      "<details><summary>Configuration</summary><pre>{}</pre></details>\n</section>\n",
      escape_html(p.command), p.seed, escape_html(p.version), escape_html(p.created), escape_html(p.config));
}

}  // namespace

std::string escape_html(const std::string& text) {
  std::string html;
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

std::string page(const std::string& title, const std::vector<Figures>& cases, const std::string& table,
                 const Provenance& provenance) {
  std::string sections, links;
  std::vector<const Figures*> scored;
  int number = 0;
  for (const auto& figures : cases) {
    sections += case_html(figures, number);
    links +=
        fmt::format("<a href=\"#case-{}\">{}</a>", escape_html(file_stem(figures.name)), escape_html(figures.name));
    if (!figures.scores.empty()) scored.push_back(&figures);
  }
  std::string scores;
  if (!scored.empty() || !table.empty()) scores = "<section id=\"scores\">\n<h2>Scores</h2>\n";
  if (!scored.empty()) scores += scores_table(scored);
  if (!table.empty()) scores += "<pre>" + escape_html(table) + "</pre>\n";
  if (!scores.empty()) scores += "</section>\n", links = "<a href=\"#scores\">Scores</a>" + links;

  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>{0}</title>\n<style>\n{1}</style>\n</head>\n<body>\n<header>\n"
      "<h1>{0}</h1>\n<p class=\"muted\">Posterior trajectories given observations, by score-based data assimilation; "
      "sda {2}, {3}.</p>\n<nav aria-label=\"Sections\">{4}<a href=\"#run\">What was run</a></nav>\n</header>\n<main>\n"
      "{5}{6}{7}</main>\n<script>\n{8}</script>\n</body>\n</html>\n",
      escape_html(title), page_css, escape_html(provenance.version), escape_html(provenance.created), links, scores,
      sections, facts_html(provenance), page_js);
}

}  // namespace sda::report
