/// SVG 1.1 elements (W3C Recommendation, second edition), as far as figures need them.
#include "report/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <sstream>

#include "report/base64.hpp"

namespace sda::report {
namespace {

constexpr double line_spacing = 1.5;         // of a paragraph, in sizes of its letters
constexpr double mean_letter_width = 0.585;  // of DejaVu Sans, in sizes of its letters

std::size_t letters(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

void Drawing::place(const Drawing& other, double x, double y) {
  width = std::max(width, x + other.width);
  height = std::max(height, y + other.height);
  if (other.body.empty()) return;
  body += fmt::format("<g transform=\"translate({} {})\">{}</g>\n", length_text(x), length_text(y), other.body);
}

std::string length_text(double value) {
  const auto tenths = std::lround(10 * value);
  return tenths % 10 == 0 ? fmt::format("{}", tenths / 10) : fmt::format("{:.1f}", static_cast<double>(tenths) / 10);
}

std::string path_element(const std::string& style, const std::string& d) {
  return fmt::format("<path class=\"{}\" d=\"{}\"/>", style, d);
}

std::string rectangle(const std::string& style, double x, double y, double width, double height) {
  return fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>", style, length_text(x),
                     length_text(y), length_text(width), length_text(height));
}

std::string text_element(const std::string& style, double x, double y, const std::string& text) {
  return fmt::format("<text class=\"{}\" x=\"{}\" y=\"{}\">{}</text>", style, length_text(x), length_text(y),
                     escaped(text));
}

std::string upward_text(const std::string& style, double x, double y, const std::string& text) {
  return fmt::format("<text class=\"{}\" transform=\"translate({} {}) rotate(-90)\">{}</text>", style, length_text(x),
                     length_text(y), escaped(text));
}

std::string image_window(const std::string& style, const std::string& png, std::int64_t width, std::int64_t height,
                         std::size_t count, double x, double y, double shown_width, double shown_height) {
  return fmt::format(
      "<svg class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" "
      "preserveAspectRatio=\"none\"><image width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" "
      "href=\"data:image/png;base64,{}\"/></svg>",
      style, length_text(x), length_text(y), length_text(shown_width), length_text(shown_height), width, height, width,
      height * static_cast<std::int64_t>(count), base64(png));
}

std::vector<std::string> wrapped(const std::string& text, std::size_t max) {
  std::vector<std::string> lines{""};
  std::size_t length = 0;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const auto characters = letters(word);
    if (length > 0 && length + 1 + characters > max) lines.emplace_back(), length = 0;
    if (length > 0) lines.back() += ' ', ++length;
    lines.back() += word, length += characters;
  }
  return lines;
}

double text_width(const std::string& text, double size) {
  return mean_letter_width * size * static_cast<double>(letters(text));
}

Drawing paragraph(const std::string& style, const std::string& text, double width, double size) {
  Drawing drawing{.width = width};
  if (text.empty()) return drawing;
  for (const auto& line : wrapped(text, static_cast<std::size_t>(width / (mean_letter_width * size)))) {
    drawing.height += line_spacing * size;
    drawing.body += text_element(style, 0, drawing.height - 0.4 * size, line);
  }
  return drawing;
}

std::string inline_svg(const Drawing& drawing, const std::string& label) {
  return fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{}</svg>", length_text(drawing.width),
                     length_text(drawing.height), escaped(label), drawing.body);
}

std::string svg_document(const Drawing& drawing, const std::string& css, double scale) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{2}\" height=\"{3}\" "
      "font-family=\"DejaVu Sans, sans-serif\">"
      "<style>{4}</style><rect class=\"paper\" width=\"{0}\" height=\"{1}\"/>{5}</svg>\n",
      length_text(drawing.width), length_text(drawing.height), std::lround(scale * drawing.width),
      std::lround(scale * drawing.height), css, drawing.body);
}

}  // namespace sda::report
