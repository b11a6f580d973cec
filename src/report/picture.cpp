/// One case as PNG or GIF: writes a gnuplot script with its data inside, runs gnuplot on it, renames the result into
/// place.
#include "report/picture.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "report/files.hpp"
#include "report/gnuplot.hpp"

namespace sda::report {
namespace {

// Sizes in pixels.
constexpr int width = 2000, left_edge = 150, right_edge = width - 50;
constexpr int header = 240, state_height = 320, state_gap = 90, lower_height = 380, score_line = 40;
constexpr int axis_height = 105;  // from a plot's lower edge to its caption
constexpr int figure_gap = 75;    // from a caption to the next plot's upper edge
constexpr int caption_line = 32;
constexpr std::size_t line_characters = 165;  // of a caption over the whole width

// Colours of page.css on white.
constexpr const char* posterior_colour = "#0072b2";
constexpr const char* member_colour = "#a00072b2";  // the first two digits are gnuplot's transparency
constexpr const char* reference_colour = "#b86e00";
constexpr const char* reference_fill = "#e69f00";
constexpr const char* observation_colour = "#b0246b";
constexpr const char* truth_colour = "#111417";

std::string lines_style(const Curve& curve) {
  const char* colour = curve.role == Role::truth            ? truth_colour
                       : curve.role == Role::reference_mean ? reference_colour
                                                            : posterior_colour;
  return fmt::format("with lines lc rgb '{}' lw 2.5 dt {}", colour, curve.dashed ? 3 : 1);
}

// Styles of the series, for the plots and for the legend.
const std::string members_style = fmt::format("with lines lc rgb '{}' lw 1.2", member_colour);
const std::string posterior_style = fmt::format("with lines lc rgb '{}' lw 2.2 dt 2", posterior_colour);
const std::string reference_style =
    fmt::format("with filledcurves fc rgb '{}' fs transparent solid 0.35 noborder", reference_fill);
const std::string edge_style = fmt::format("with lines lc rgb '{}' lw 1.2", reference_colour);
const std::string truth_style = fmt::format("with lines lc rgb '{}' lw 2.8", truth_colour);
const std::string points_style = fmt::format("with yerrorbars lc rgb '{}' pt 7 ps 1.4 lw 2", observation_colour);

/// One component or observation: reference band, members, posterior band, truth, observations, from back to front.
std::vector<std::string> state_clauses(Script& script, const Panel& panel) {
  std::vector<std::string> back, middle, front;
  for (const auto& band : panel.bands) {
    const auto data = script.block({&panel.times, &band.low, &band.high});
    const bool reference = band.role == Role::reference_band;
    if (reference) back.push_back(data + " using 1:2:3 " + reference_style);
    for (const char* column : {" using 1:2 ", " using 1:3 "}) {
      (reference ? back : front).push_back(data + column + (reference ? edge_style : posterior_style));
    }
  }
  for (const auto& member : panel.members) {
    middle.push_back(script.block({&panel.times, &member}) + " using 1:2 " + members_style);
  }
  for (const auto& curve : panel.curves) {  // means stay off: a panel shows where the members are
    if (curve.role != Role::truth) continue;
    front.push_back(script.block({&panel.times, &curve.values}) + " using 1:2 " + truth_style);
  }
  if (const auto& r = panel.observations; !r.times.empty()) {
    front.push_back(script.block({&r.times, &r.values, &r.errors}) + " using 1:2:3 " + points_style);
  }
  back.insert(back.end(), middle.begin(), middle.end());
  back.insert(back.end(), front.begin(), front.end());
  return back;
}

std::vector<std::string> legend(const Figures& figures) {
  const auto entry = [](const std::string& style, const std::string& title) {
    return "keyentry " + style + " title " + quoted(title);
  };
  std::vector<std::string> entries;
  entries.push_back(entry(members_style, fmt::format("{} {} members", figures.members, figures.method)));
  entries.push_back(entry(posterior_style, figures.method + " 5–95 %"));
  if (!figures.reference_method.empty()) {
    entries.push_back(entry(reference_style, figures.reference_method + " 5–95 %"));
  }
  const auto has = [&](const auto& test) {
    return std::any_of(figures.states.begin(), figures.states.end(), test) ||
           std::any_of(figures.observations.begin(), figures.observations.end(), test);
  };
  if (has([](const Panel& p) { return !p.curves.empty() && p.curves.back().role == Role::truth; })) {
    entries.push_back(entry(truth_style, "truth"));
  }
  if (has([](const Panel& p) { return !p.observations.times.empty(); })) {
    entries.push_back(entry(points_style, "observations ± 1 sd"));
  }
  return entries;
}

void name_axes(Script& script, const std::string& title, const std::string& x, const std::string& y) {
  script.line("unset label");
  script.line("set label {} at graph 0, 1 offset 0, 0.9 left font ',17'", quoted(title));
  script.line("set xlabel {} offset 0, 0.2", quoted(x));
  script.line("set ylabel {}", quoted(y));
}

int caption_height(const std::string& text, double share) {
  return caption_line * static_cast<int>(wrapped(text, static_cast<std::size_t>(share * line_characters)).size());
}

/// A caption below axes whose plot ends at `bottom`, as wide as a share of the page; drawn with the next plot.
void write_caption(Script& script, const std::string& text, int left, int bottom, double share) {
  int y = bottom + axis_height;
  for (const auto& line : wrapped(text, static_cast<std::size_t>(share * line_characters))) {
    script.text_at(left, y, line, "left font ',15' textcolor rgb '#57606a'");
    y += caption_line;
  }
}

/// Panels below one another; moves `top` to where the next figure may begin.
void draw_states(Script& script, const Figures& figures, const std::vector<Panel>& panels, const std::string& caption,
                 bool with_legend, int& top) {
  for (const auto& panel : panels) {
    const bool last = &panel == &panels.back();
    auto clauses = state_clauses(script, panel);
    if (with_legend && &panel == &panels.front()) {
      script.line("set key at screen 0.5, {:.5f} center center horizontal Left reverse samplen 3 width 2 font ',17'",
                  script.up(top - 90));
      const auto entries = legend(figures);
      clauses.insert(clauses.end(), entries.begin(), entries.end());
    } else {
      script.line("unset key");
    }
    const auto [low, high] = panel.range();
    script.frame(left_edge, right_edge, top, top + state_height - state_gap);
    name_axes(script, panel.name + (panel.title.empty() ? "" : ":  " + panel.title), last ? figures.time_axis : "",
              panel.axis());
    script.line("set xrange [{}:{}]\nset yrange [{}:{}]", figures.first_time, figures.last_time, low, high);
    if (last) write_caption(script, caption, left_edge, top + state_height - state_gap, 1);
    script.plot(clauses);
    script.line("unset key");
    top += state_height;
  }
  top += axis_height - state_gap + caption_height(caption, 1) + figure_gap;
}

double share(int left, int right) {
  return static_cast<double>(right - left) / (right_edge - left_edge);
}

void draw_skill(Script& script, const Figures& figures, int left, int right, int top) {
  script.frame(left, right, top, top + lower_height);
  const bool narrow = share(left, right) < 0.4;
  name_axes(script, std::string("spread and error") + (narrow ? "" : ", " + figures.skill.title), figures.time_axis,
            figures.skill.axis());
  script.line("set xrange [{}:{}]\nset yrange [0:{}]", figures.first_time, figures.last_time,
              1.6 * figures.skill.range().second);
  write_caption(script, figures.skill_caption, left, top + lower_height, share(left, right));
  script.line("set key inside top right vertical Left reverse samplen 3 font ',15'");
  std::vector<std::string> clauses;
  for (const auto& curve : figures.skill.curves) {
    clauses.push_back(script.block({&figures.skill.times, &curve.values}) + " using 1:2 " + lines_style(curve) +
                      " title " + quoted(curve.label));
  }
  script.plot(clauses);
}

void draw_ranks(Script& script, const Figures& figures, int left, int right, int top) {
  const auto& first = figures.ranks.front();
  double high = 2;
  for (const auto& bars : figures.ranks) high = std::max(high, *std::max_element(bars.ratio.begin(), bars.ratio.end()));
  script.frame(left, right, top, top + lower_height);
  name_axes(script, fmt::format("ranks of the truth, {} values in {} bins", first.values, first.ratio.size()),
            "rank among the members (share of members below)", "count / uniform");
  script.line("set xrange [0:1]\nset yrange [0:{}]", 1.3 * high);
  write_caption(script, figures.ranks_caption, left, top + lower_height, share(left, right));
  script.line("set object 1 rectangle from 0, {} to 1, {} behind fc rgb '#8a939c' fs solid 0.25 noborder",
              1 - first.tolerance, 1 + first.tolerance);
  script.line("set key inside top right vertical Left reverse samplen 3 font ',15'");
  std::vector<std::string> clauses;
  for (std::size_t m = 0; m < figures.ranks.size(); ++m) {
    const auto& bars = figures.ranks[m];
    const double bin = 1.0 / static_cast<double>(bars.ratio.size());
    const double bar = 0.84 * bin / static_cast<double>(figures.ranks.size());
    std::vector<double> from, to, zero(bars.ratio.size(), 0.0);
    for (std::size_t b = 0; b < bars.ratio.size(); ++b) {
      from.push_back((static_cast<double>(b) + 0.08) * bin + static_cast<double>(m) * bar);
      to.push_back(from.back() + 0.94 * bar);
    }
    clauses.push_back(fmt::format("{} using 1:4:1:2:3:4 with boxxyerror fc rgb '{}' fs solid 1 noborder title {}",
                                  script.block({&from, &to, &zero, &bars.ratio}),
                                  bars.role == Role::reference_mean ? reference_fill : posterior_colour,
                                  quoted(bars.method)));
  }
  clauses.push_back(fmt::format("1 with lines lc rgb '{}' lw 2 title 'uniform'", truth_colour));
  script.plot(clauses);
  script.line("unset object 1");
}

/// Energy over wavenumber, both on logarithms.
void draw_spectrum(Script& script, const Figures& figures, int left, int right, int top) {
  const auto& panel = *figures.spectrum;
  const auto [low, high] = decades(panel);
  script.frame(left, right, top, top + lower_height);
  name_axes(script, "energy spectrum", figures.wavenumber_axis, panel.axis());
  script.line("set logscale xy\nset format y '1e%T'\nset xrange [{:.9g}:{:.9g}]\nset yrange [1e{}:1e{}]",
              panel.times.front(), panel.times.back(), low, high);
  std::vector<std::string> marks;
  for (const double k : doublings(panel.times.front(), panel.times.back())) marks.push_back(fmt::format("{:.4g}", k));
  script.line("set xtics ({})", fmt::join(marks, ", "));
  write_caption(script, figures.spectrum_caption, left, top + lower_height, share(left, right));
  script.line("set key inside bottom left vertical Left reverse samplen 3 font ',15'");
  std::vector<std::string> clauses;
  for (const auto& band : panel.bands) {
    const bool reference = band.role == Role::reference_band;
    const auto data = script.block({&panel.times, &band.low, &band.high});
    if (reference)
      clauses.push_back(data + " using 1:2:3 " + reference_style + " title " + quoted(band.label));
    else {
      clauses.push_back(data + " using 1:2 " + posterior_style + " title " + quoted(band.label));
      clauses.push_back(data + " using 1:3 " + posterior_style);
    }
  }
  for (const auto& curve : panel.curves) {
    clauses.push_back(script.block({&panel.times, &curve.values}) + " using 1:2 " + lines_style(curve) + " title " +
                      quoted(curve.label));
  }
  script.plot(clauses);
  script.line("unset logscale\nset format y '% h'\nset xtics autofreq");
}

/// Where films stand on a page.
struct FilmPlaces {
  int left, panel_width, panel_height, gap;
};

/// Where the levels of a map begin in the one palette of both: GIF has no room for two.
constexpr int palette_place(ColourMap map) {
  return map == ColourMap::diverging ? 0 : 300;
}

/// Both maps' levels behind one another, with room between for the palette's own steps.
void set_palette(Script& script) {
  std::vector<std::string> stops;
  for (const auto map : {ColourMap::diverging, ColourMap::sequential}) {
    const int place = palette_place(map);
    if (place > 0) stops.push_back(fmt::format("{} '{}'", place - 20, colour_text(map, 1)));
    for (int level = 1; level <= 255; level += 2) {
      stops.push_back(fmt::format("{} '{}'", place + level, colour_text(map, level)));
    }
    stops.push_back(fmt::format("{} '{}'", place + 275, colour_text(map, 255)));
  }
  script.line("set palette defined ({})\nset cbrange [1:575]\nunset colorbox", fmt::join(stops, ", "));
}

/// The bar of a scale: its levels as a picture of their own, over an axis of values.
void draw_bar(Script& script, const ColourScale& scale, int left, int right, int top, int thickness) {
  const double first = scale.first(), step = (scale.last() - first) / 254;
  const auto marks = ticks(first, scale.last(), 6);
  std::vector<double> levels;
  for (int level = 1; level <= 255; ++level) levels.push_back(palette_place(scale.map) + level);
  script.frame(left, right, top, top + thickness);
  script.line("unset label\nset xrange [{:.9g}:{:.9g}]\nset yrange [-0.5:1.5]", first, scale.last());
  script.line("unset ytics\nset xtics {:.9g}\nset format x '% h'\nset ylabel ''\nset xlabel {} offset 0, 0.2",
              marks[1] - marks[0], quoted(scale.label));
  script.plot(
      {fmt::format("{} matrix using ($1*{:.9g}+{:.9g}):2:3 with image", script.rows({levels, levels}), step, first)});
}

/// The bars of all scales beside each other, each followed by a gap.
void draw_bars(Script& script, const Films& films, int left, int right, int gap, int top, int thickness) {
  const int pitch = std::min((right - left) / static_cast<int>(films.scales.size()), (right - left) / 2);
  for (std::size_t i = 0; i < films.scales.size(); ++i) {
    const int from = left + static_cast<int>(i) * pitch;
    draw_bar(script, films.scales[i], from, from + pitch - gap, top, thickness);
  }
}

std::vector<std::vector<double>> frame_rows(const Film& film, ColourMap map, std::size_t time) {
  std::vector<std::vector<double>> rows(static_cast<std::size_t>(film.height));
  for (std::int64_t y = 0; y < film.height; ++y) {
    for (std::int64_t x = 0; x < film.width; ++x) {
      const int level = film.at(time, y, x);
      rows[static_cast<std::size_t>(y)].push_back(level == 0 ? std::nan("") : palette_place(map) + level);
    }
  }
  return rows;
}

/// One time of a film, its upper left corner at (left, top).
void draw_frame(Script& script, const Films& films, const Film& film, std::size_t time, const FilmPlaces& places,
                int left, int top) {
  script.frame(left, left + places.panel_width, top, top + places.panel_height);
  script.line("set xrange [{:.9g}:{:.9g}]\nset yrange [{:.9g}:{:.9g}]", films.x.from, films.x.to, films.y.from,
              films.y.to);
  const auto cell = [](const Axis& axis, std::int64_t cells) {
    return (axis.to - axis.from) / static_cast<double>(cells);
  };
  script.plot({fmt::format("{} matrix using ({:.9g}+($1+0.5)*{:.9g}):({:.9g}+($2+0.5)*{:.9g}):3 with image",
                           script.rows(frame_rows(film, films.scales[film.scale].map, time)), films.x.from,
                           cell(films.x, film.width), films.y.from, cell(films.y, film.height))});
}

/// Grey behind what has no value, an outline, no grid.
void begin_films(Script& script, const Films& films) {
  const auto grey = colour_text(ColourMap::diverging, 0);
  set_palette(script);
  script.line(
      "unset grid\nset border 15 lc rgb '#57606a' lw 1\nset object 9 rectangle from graph 0, 0 to "
      "graph 1, 1 "
      "behind fc rgb '{}' fs solid 1 noborder",
      grey);
  const auto step = [](const Axis& axis) {
    const auto marks = ticks(axis.from, axis.to, 3);
    return marks.size() > 1 ? marks[1] - marks[0] : axis.to - axis.from;
  };
  script.line("set xtics nomirror out {:.9g}\nset ytics nomirror out {:.9g}", step(films.x), step(films.y));
}

void end_films(Script& script) {
  script.line(
      "unset object 9\nset xtics autofreq\nset ytics nomirror out autofreq\nset format x '% h'\nset format y '% h'");
  script.line(
      "unset xlabel\nunset ylabel\nunset label\nset border 3 lc rgb '#57606a' lw 1\nset grid lc rgb '#e0e3e6' lt 1 lw "
      "1");
}

constexpr std::size_t max_rows = 6;
constexpr int films_lift = 60, bar_thickness = 22, bar_height = 120, films_name = 110;

std::size_t film_rows(const Films& films) {
  return std::min(films.films.size(), max_rows);
}

FilmPlaces picture_places(const Films& films) {
  constexpr int left = left_edge + films_name, gap = 16, widest = 300;
  const auto columns = static_cast<int>(films.pictured.size());
  const int panel = std::min(widest, (right_edge - left - (columns - 1) * gap) / columns);
  return {left, panel, static_cast<int>(panel / films.aspect), gap};
}

int films_height(const Films& films) {
  const auto places = picture_places(films);
  return -films_lift + static_cast<int>(film_rows(films)) * (places.panel_height + places.gap) + axis_height - 35 +
         bar_height + caption_height(films.caption, 1) + figure_gap + 60;
}

/// Whether the i-th of n equal axes beside each other bears its name: one that is longer than its axis stands once, in
/// the middle.
bool is_named(const Axis& axis, int length, std::size_t i, std::size_t n) {
  constexpr int of_character = 12;
  return of_character * static_cast<int>(axis.label.size()) <= length || i == n / 2;
}

/// A row for each film, a column for each of a few times, a bar for each scale below.
void draw_films(Script& script, const Films& films, int from) {
  const auto places = picture_places(films);
  const auto rows = film_rows(films);
  const int films_top = from - films_lift;
  const int bars_top = films_top + static_cast<int>(rows) * (places.panel_height + places.gap) + axis_height - 35;
  begin_films(script, films);
  for (std::size_t row = 0; row < rows; ++row) {
    const Film& film = films.films[row];
    const int top = films_top + static_cast<int>(row) * (places.panel_height + places.gap);
    for (std::size_t column = 0; column < films.pictured.size(); ++column) {
      const int left = places.left + static_cast<int>(column) * (places.panel_width + places.gap);
      script.line("unset label");
      if (row == 0) {
        script.text_at(left + places.panel_width / 2, top - 22, films.time_text(films.pictured[column]),
                       "center font ',17'");
      }
      if (column == 0) {
        script.text_at(30, top + places.panel_height / 2, film.name, "left font ',18'");
      }
      script.line("set format y '{}'\nset format x '{}'", column == 0 ? "% h" : "", row + 1 == rows ? "% h" : "");
      const bool is_first = column == 0 && is_named(films.y, places.panel_height, row, rows);
      const bool is_last = row + 1 == rows && is_named(films.x, places.panel_width, column, films.pictured.size());
      script.line("set ylabel {} offset 1, 0\nset xlabel {} offset 0, 0.2", quoted(is_first ? films.y.label : ""),
                  quoted(is_last ? films.x.label : ""));
      if (row + 1 == rows && column == 0) {
        write_caption(script, films.caption, left_edge, bars_top + bar_height - axis_height, 1);
      }
      draw_frame(script, films, film, films.pictured[column], places, left, top);
    }
  }
  draw_bars(script, films, places.left, right_edge, 60, bars_top, bar_thickness);
  end_films(script);
}

/// Left and right edge of the i-th of n plots beside each other.
std::pair<int, int> lower_column(int i, int n) {
  if (n == 1) return {left_edge, right_edge};
  if (n == 2) return i == 0 ? std::pair(left_edge, width / 2 - 40) : std::pair(width / 2 + 110, right_edge);
  constexpr int gap = 160;
  const int plot = (right_edge - left_edge - (n - 1) * gap) / n;
  return {left_edge + i * (plot + gap), left_edge + i * (plot + gap) + plot};
}

/// The scores as a table of labels; drawn with the page's head, once.
void write_scores(Script& script, const Figures& figures, int top) {
  const std::vector<int> ends{0, 590, 740, 890, 1110, 1340, 1610, 1760, 1910};  // right edges of the columns
  const auto row = [&](const std::vector<std::string>& cells, int y, const char* font) {
    for (std::size_t c = 0; c < cells.size(); ++c) {
      script.text_at(c == 0 ? left_edge : ends[c], y, cells[c],
                     fmt::format("{} font '{}'", c == 0 ? "left" : "right", font).c_str());
    }
  };
  row(score_columns(), top, ",17");
  script.line("set arrow from screen {:.5f}, {:.5f} to screen {:.5f}, {:.5f} nohead lc rgb '#8a939c' lw 1",
              script.across(left_edge), script.up(top + score_line / 2), script.across(ends.back()),
              script.up(top + score_line / 2));
  for (const auto& scores : figures.scores) row(score_row(scores), top += score_line, ",16");
}

}  // namespace

std::string picture_script(const Figures& figures, const std::string& png) {
  // What stands beside each other below the curves over time.
  struct Lower {
    void (*draw)(Script&, const Figures&, int, int, int);
    const std::string& caption;
  };
  std::vector<Lower> lower;
  if (figures.spectrum) lower.push_back({draw_spectrum, figures.spectrum_caption});
  if (!figures.skill.curves.empty()) lower.push_back({draw_skill, figures.skill_caption});
  if (!figures.ranks.empty()) lower.push_back({draw_ranks, figures.ranks_caption});
  const auto place = [&](std::size_t i) { return lower_column(static_cast<int>(i), static_cast<int>(lower.size())); };
  const auto stack_height = [](const std::vector<Panel>& panels, const std::string& caption) {
    if (panels.empty()) return 0;
    return static_cast<int>(panels.size()) * state_height - state_gap + axis_height + caption_height(caption, 1) +
           figure_gap;
  };
  const int body = header + caption_height(figures.observed, 1) - caption_line;  // below the page's own lines
  int height = body + stack_height(figures.states, figures.states_caption) +
               stack_height(figures.observations, figures.observations_caption);
  for (const auto& films : figures.films) height += films_height(films);
  int captions = 0;
  for (std::size_t i = 0; i < lower.size(); ++i) {
    captions = std::max(captions, caption_height(lower[i].caption, share(place(i).first, place(i).second)));
  }
  if (!lower.empty()) height += lower_height + axis_height + figure_gap + captions;
  const int scores_top = height;
  if (!figures.scores.empty()) height += (static_cast<int>(figures.scores.size()) + 1) * score_line;

  Script script(width, height);
  script.line("set terminal pngcairo noenhanced size {},{} font 'sans,16' background rgb 'white'", width, height);
  script.line("set output {}\nset encoding utf8\nset minussign", quoted(png));
  script.line("set grid lc rgb '#e0e3e6' lt 1 lw 1\nset key noautotitle\nset multiplot");
  // gnuplot draws labels with a plot; the first, an empty one, carries those of the page.
  script.text_at(left_edge, 45, "Observations: " + figures.name, "left font ',28'");
  write_caption(script, figures.observed, left_edge, 88 - axis_height, 1);
  if (!figures.scores.empty()) write_scores(script, figures, scores_top);
  int top = body;
  script.frame(left_edge, right_edge, top, top + 1);
  script.line("unset border\nunset tics\nset xrange [0:1]\nset yrange [0:1]\nplot NaN");
  script.line("unset arrow\nset border 3 lc rgb '#57606a'");
  script.line("set xtics nomirror out textcolor rgb '#1a1d21'\nset ytics nomirror out textcolor rgb '#1a1d21'");

  for (const auto& films : figures.films) draw_films(script, films, top), top += films_height(films);
  draw_states(script, figures, figures.states, figures.states_caption, true, top);
  if (!figures.observations.empty()) {
    draw_states(script, figures, figures.observations, figures.observations_caption, false, top);
  }
  for (std::size_t i = 0; i < lower.size(); ++i) lower[i].draw(script, figures, place(i).first, place(i).second, top);
  script.line("unset multiplot\nunset output");
  return std::move(script).text();
}

std::string animation_script(const Figures& figures, const std::string& gif) {
  constexpr std::size_t columns = 4, max_frames = 32;
  constexpr int page_width = 960, left = 70, head = 90, gap = 18, title = 30, delay = 15;  // hundredths of a second
  const Films& films = figures.films.front();
  const auto shown = std::min(films.films.size(), 2 * columns);
  const auto across = std::min(shown, columns), rows = (shown + columns - 1) / columns;
  const int panel = (page_width - left - 20 - static_cast<int>(columns - 1) * gap) / static_cast<int>(columns);
  const FilmPlaces places{left, panel, static_cast<int>(panel / films.aspect), gap};
  const int bars_top = head + static_cast<int>(rows) * (places.panel_height + title) + 35, height = bars_top + 75;
  const auto stride = (films.times.size() + max_frames - 1) / max_frames;

  Script script(page_width, height);
  script.line(
      "set terminal gif animate delay {} loop 0 optimize noenhanced size {},{} font 'sans,11' background rgb 'white'",
      delay, page_width, height);
  script.line(
      "set output {}\nset encoding utf8\nset minussign\nset key noautotitle\nset xtics nomirror out\nset ytics "
      "nomirror out",
      quoted(gif));
  for (std::size_t time = 0; time < films.times.size(); time += stride) {
    script.line("set multiplot");
    begin_films(script, films);
    for (std::size_t i = 0; i < shown; ++i) {
      const Film& film = films.films[i];
      const auto row = static_cast<int>(i / across), column = static_cast<int>(i % across);
      const int x = left + column * (panel + gap), y = head + row * (places.panel_height + title);
      const bool last_row = i + across >= shown;
      script.line("unset label");
      if (i == 0) {
        script.text_at(left, 30, fmt::format("{}, {}", figures.name, films.time_text(time)), "left font ',15'");
      }
      script.text_at(x + panel / 2, y - 14, film.name, "center font ',12'");
      script.line("set format y '{}'\nset format x '{}'", column == 0 ? "% h" : "", last_row ? "% h" : "");
      script.line("set ylabel {} offset 1, 0\nset xlabel {} offset 0, 0.5", quoted(column == 0 ? films.y.label : ""),
                  quoted(""));
      draw_frame(script, films, film, time, places, x, y);
    }
    draw_bars(script, films, left, page_width, 40, bars_top, 12);
    script.line("unset multiplot");
  }
  script.line("unset output");
  return std::move(script).text();
}

void draw_animation(const Figures& figures, const std::string& path) {
  const TemporaryFile gif(path);
  run_gnuplot(animation_script(figures, gif.path()), gif, path);
  gif.rename_to(path);
}

void draw_picture(const Figures& figures, const Provenance& provenance, const std::string& path) {
  draw_png([&](const std::string& png) { return picture_script(figures, png); }, figures.name, provenance, path);
}

}  // namespace sda::report
