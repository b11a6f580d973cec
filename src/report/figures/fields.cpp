/// Fields on a plane as pictures of cells, one pixel each, behind windows of their own.
#include "report/figures/fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/axes.hpp"
#include "report/figures/curves.hpp"
#include "report/png.hpp"

namespace sda::report {
namespace {

constexpr double window_gap = 14, name_height = 24, right_margin_of_fields = 12, marks_height = 22, x_axis_height = 40;
constexpr double bar_thickness = 11, letter_of_name = 11;

std::vector<std::array<std::uint8_t, 3>> palette(ColourMap map) {
  std::vector<std::array<std::uint8_t, 3>> colours;
  for (int level = 0; level < 256; ++level) colours.push_back(colour(map, level));
  return colours;
}

/// `count` frames below one another as one picture, y upwards. Each cell is `repeat` pixels wide and high: librsvg
/// smooths what it enlarges.
std::string strip(const FieldFrames& field, ColourMap map, std::size_t first, std::size_t count, std::int64_t repeat) {
  std::vector<std::uint8_t> pixels;
  pixels.reserve(count * static_cast<std::size_t>(field.width * field.height * repeat * repeat));
  for (std::size_t time = first; time < first + count; ++time) {
    for (auto y = field.height * repeat; y-- > 0;) {
      for (std::int64_t x = 0; x < field.width * repeat; ++x) pixels.push_back(field.at(time, y / repeat, x / repeat));
    }
  }
  return indexed_png(field.width * repeat, field.height * static_cast<std::int64_t>(count) * repeat, pixels,
                     palette(map));
}

std::int64_t repeats(std::int64_t cells, double pixels) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(pixels / static_cast<double>(cells))));
}

/// A width of at most `width` at which each cell is as many whole pixels, where there are enough.
double fitted(double width, std::int64_t cells, double scale) {
  const double pixels = std::floor(scale * width / static_cast<double>(cells));
  return pixels >= 1 ? pixels * static_cast<double>(cells) / scale : width;
}

Frame frame_of(const Animation& animation, double left, double top, double width) {
  return {left,
          top,
          width,
          width / animation.aspect,
          {animation.x.from, animation.x.to},
          {animation.y.from, animation.y.to}};
}

std::string window(const Frame& frame, const Animation& animation, const FieldFrames& field, std::size_t first,
                   std::size_t count, double scale) {
  const auto repeat = repeats(field.width, scale * frame.width);
  return image_window("window", strip(field, animation.scales[field.scale].map, first, count, repeat), field.width,
                      field.height, count, frame.left, frame.top, frame.width, frame.height) +
         rectangle("outline", frame.left, frame.top, frame.width, frame.height);
}

/// The name of an axis, where it fits along the axis.
std::string fitting(const std::string& label, double length) {
  return text_width(label, letter_of_name) <= length ? label : "";
}

/// Whether the i-th of n equal axes beside each other bears its name: one that is longer than its axis stands once, in
/// the middle.
std::string name_of(const Axis& axis, double length, std::size_t i, std::size_t n) {
  return !fitting(axis.label, length).empty() || i == n / 2 ? axis.label : "";
}

std::string left_axis(const Frame& frame, const Animation& animation, std::size_t i, std::size_t n) {
  return y_axis(frame, marks_of(frame.y, 3), name_of(animation.y, frame.height, i, n));
}

std::string lower_axis(const Frame& frame, const Animation& animation, std::size_t i, std::size_t n) {
  return x_axis(frame, marks_of(frame.x, 3), name_of(animation.x, frame.width, i, n));
}

/// What colours of a scale mean: its levels over an axis of values.
Drawing colour_bar(const ColourScale& scale, double width) {
  const Frame frame{0, 2, width, bar_thickness, {scale.first(), scale.last()}, {}};
  std::vector<std::uint8_t> levels;
  for (int level = 1; level <= 255; ++level) levels.push_back(static_cast<std::uint8_t>(level));
  return {width, frame.top + frame.height + x_axis_height,
          image_window("colour-bar", indexed_png(255, 1, levels, palette(scale.map)), 255, 1, 1, frame.left, frame.top,
                       frame.width, frame.height) +
              rectangle("outline", frame.left, frame.top, frame.width, frame.height) +
              x_axis(frame, marks_of(frame.x, 6), scale.label)};
}

/// The bars of all scales beside each other.
Drawing colour_bars(const std::vector<ColourScale>& scales, double width) {
  constexpr double gap = 40;
  const double pitch = (width + gap) / static_cast<double>(std::max<std::size_t>(2, scales.size()));
  Drawing drawing;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    drawing.place(colour_bar(scales[i], pitch - gap), static_cast<double>(i) * pitch, 0);
  }
  drawing.width = width;
  return drawing;
}

}  // namespace

Drawing animation_drawing(const Animation& animation, std::size_t first, std::size_t count, double scale) {
  constexpr std::size_t columns = 4;
  const double room = page_width - axis_width - right_margin_of_fields;
  const double width = fitted((room - (columns - 1) * window_gap) / columns, animation.fields.front().width, scale);
  const auto n = animation.fields.size(), rows = (n + columns - 1) / columns;
  Drawing drawing{.width = page_width};
  double top = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const bool is_last = row + 1 == rows;
    for (std::size_t column = 0; column < columns && row * columns + column < n; ++column) {
      const auto& field = animation.fields[row * columns + column];
      const auto frame = frame_of(animation, axis_width + static_cast<double>(column) * (width + window_gap),
                                  top + name_height, width);
      drawing.body += text_element("column", frame.left + width / 2, frame.top - 8, field.name);
      drawing.body += window(frame, animation, field, first, count, scale);
      if (column == 0) drawing.body += left_axis(frame, animation, row, 1);
      const bool has_none_below = row * columns + column + columns >= n;
      if (has_none_below) drawing.body += x_axis(frame, marks_of(frame.x, 3), is_last ? animation.x.label : "");
    }
    top += name_height + width / animation.aspect + (is_last ? x_axis_height : 0);
  }
  drawing.height = top;
  drawing.place(colour_bars(animation.scales, room), axis_width, top + 8);
  drawing.width = page_width;
  return drawing;
}

Drawing fields_drawing(const Animation& animation, double scale) {
  constexpr std::size_t max_rows = 6;
  constexpr double widest = 155, names_width = 104, gap = 8;
  const auto rows = std::min(animation.fields.size(), max_rows), columns = animation.pictured.size();
  const double left = axis_width + names_width, room = page_width - left - right_margin_of_fields;
  const double width = fitted(std::min(widest, (room + gap) / static_cast<double>(columns) - gap),
                              animation.fields.front().width, scale);
  const double height = width / animation.aspect;
  Drawing drawing{.width = page_width};
  for (std::size_t row = 0; row < rows; ++row) {
    const auto& field = animation.fields[row];
    const double top = name_height + static_cast<double>(row) * (height + gap);
    for (std::size_t column = 0; column < columns; ++column) {
      auto frame = frame_of(animation, left + static_cast<double>(column) * (width + gap), top, width);
      const auto time = animation.pictured[column];
      if (row == 0) {
        drawing.body += text_element("column", frame.left + width / 2, top - 8, animation.time_text(time));
      }
      drawing.body += window(frame, animation, field, time, 1, scale);
      if (row + 1 == rows) drawing.body += lower_axis(frame, animation, column, columns);
    }
    Drawing marks{.body = left_axis(frame_of(animation, axis_width, 0, width), animation, row, rows)};
    drawing.place(marks, names_width, top);
    drawing.body += text_element("title", 10, top + height / 2, field.name);
  }
  drawing.height = name_height + static_cast<double>(rows) * (height + gap) - gap + x_axis_height;
  drawing.place(colour_bars(animation.scales, room), left, drawing.height + 8);
  drawing.width = page_width;
  return drawing;
}

std::vector<std::array<std::uint8_t, 3>> colours_of(const Animation& animation) {
  std::vector<std::array<std::uint8_t, 3>> colours{colour(ColourMap::diverging, 0)};
  for (const auto map : {ColourMap::diverging, ColourMap::sequential}) {
    const auto& scales = animation.scales;
    if (std::none_of(scales.begin(), scales.end(), [&](const ColourScale& s) { return s.map == map; })) continue;
    for (int level = 1; level < 256; ++level) colours.push_back(colour(map, level));
  }
  return colours;
}

}  // namespace sda::report
