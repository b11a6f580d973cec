/// SVG as text: elements, and drawings of a known size that stand beside and below each other. The page shows a drawing
/// as it is; librsvg makes pictures of it (raster.hpp). What elements look like is said once, by their classes, in
/// figure.css.
#pragma once

#include <string>
#include <vector>

namespace sda::report {

/// Text as it stands between tags or quotes, of SVG as of HTML.
std::string escaped(const std::string& text);

/// A part of a picture. Lengths are in pixels of the page, from the upper left corner.
struct Drawing {
  double width = 0, height = 0;
  std::string body{};  ///< elements

  /// Puts another drawing's upper left corner at (x, y), and grows to hold it.
  void place(const Drawing& other, double x, double y);
};

/// A length with at most one decimal, as a reader's screen resolves it: "12.3", "7".
std::string length_text(double value);
std::string path_element(const std::string& style, const std::string& d);
std::string rectangle(const std::string& style, double x, double y, double width, double height);
/// Text whose baseline is at y; where it stands of x says its style.
std::string text_element(const std::string& style, double x, double y, const std::string& text);
/// Text that reads upwards, its middle at (x, y).
std::string upward_text(const std::string& style, double x, double y, const std::string& text);
/// A picture of cells, `count` frames of (width, height) cells below one another, of which the window shows the first.
std::string image_window(const std::string& style, const std::string& png, std::int64_t width, std::int64_t height,
                         std::size_t count, double x, double y, double shown_width, double shown_height);

/// Lines of at most about `max` characters, broken at spaces; one at least.
std::vector<std::string> wrapped(const std::string& text, std::size_t max);
/// About how wide a line of text is in letters of that size.
double text_width(const std::string& text, double size);
/// Text over as many lines as it needs.
Drawing paragraph(const std::string& style, const std::string& text, double width, double size);

/// An element of an HTML page. `label` is what a reader hears who does not see it.
std::string inline_svg(const Drawing& drawing, const std::string& label);
/// A whole file with `css` inside, on white, `scale` times as large.
std::string svg_document(const Drawing& drawing, const std::string& css, double scale);

}  // namespace sda::report
