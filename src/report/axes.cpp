/// Round marks (1, 2 and 5 times powers of ten), and values to pixels.
#include "report/axes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>

namespace sda::report {
namespace {

constexpr double tick_length = 4, text_gap = 4, letter_size = 11, name_distance = 34;

/// "100", "0.01"; "10⁻⁷" with the exponent raised beyond what is read at a glance.
std::string power_text(int exponent) {
  if (exponent >= -3 && exponent <= 4) return fmt::format("{:g}", std::pow(10.0, exponent));
  return fmt::format("10<tspan class=\"exponent\" dy=\"-4\">{}{}</tspan>", exponent < 0 ? "−" : "", std::abs(exponent));
}

std::vector<Mark> linear_marks(const Scale& scale, int count) {
  const auto values = ticks(scale.first, scale.last, count);
  const double step = values.size() > 1 ? values[1] - values[0] : 1;
  std::vector<Mark> marks;
  for (const double v : values) marks.push_back({v, tick_text(v, step)});
  return marks;
}

/// 1, 2 and 5 times the powers of ten, for scales that hold hardly two of these.
std::vector<Mark> round_marks(const Scale& scale) {
  std::vector<double> values;
  for (double power = std::pow(10.0, std::floor(std::log10(scale.first))); power <= scale.last; power *= 10) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double value = digit * power;
      if (value >= scale.first * (1 - 1e-9) && value <= scale.last * (1 + 1e-9)) values.push_back(value);
    }
  }
  return marks_at(values);
}

std::vector<Mark> power_marks(const Scale& scale, int count) {
  const int from = static_cast<int>(std::ceil(std::log10(scale.first) - 1e-9));
  const int to = static_cast<int>(std::floor(std::log10(scale.last) + 1e-9));
  if (to - from < 2) return round_marks(scale);
  const int every = std::max(1, (to - from + count - 1) / std::max(count, 1));
  std::vector<Mark> marks;
  for (int exponent = from; exponent <= to; ++exponent) {
    marks.push_back({std::pow(10.0, exponent), (exponent - from) % every == 0 ? power_text(exponent) : ""});
  }
  return marks;
}

std::string moved(char letter, double x, double y) {
  return fmt::format("{}{} {}", letter, length_text(x), length_text(y));
}

std::string grid(const Frame& frame, const std::vector<Mark>& x_marks, const std::vector<Mark>& y_marks) {
  std::string horizontal, vertical;
  for (const auto& m : y_marks) {
    horizontal += fmt::format("M0 {}H{}", length_text(frame.down(m.value)), length_text(frame.width));
  }
  for (const auto& m : x_marks) {
    vertical += fmt::format("M{} 0V{}", length_text(frame.across(m.value)), length_text(frame.height));
  }
  return path_element("grid", horizontal) + path_element("grid x-grid", vertical);
}

}  // namespace

std::vector<double> ticks(double low, double high, int count) {
  const double raw = (high - low) / std::max(count, 1);
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double step = power * (raw / power < 1.5 ? 1 : raw / power < 3.5 ? 2 : raw / power < 7.5 ? 5 : 10);
  const auto first = static_cast<std::int64_t>(std::ceil(low / step - 1e-9));
  const auto last = static_cast<std::int64_t>(std::floor(high / step + 1e-9));
  std::vector<double> values;
  for (auto i = first; i <= last; ++i) values.push_back(static_cast<double>(i) * step);
  return values;
}

std::string tick_text(double value, double step) {
  if (std::abs(value) < 1e-9 * step) value = 0;
  if (std::abs(value) >= 1e6 || step < 1e-4) return fmt::format("{:g}", value);
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  return fmt::format("{}{:.{}f}", value < 0 ? "−" : "", std::abs(value), decimals);
}

double Scale::share(double value) const {
  if (!logarithmic) return (value - first) / (last - first);
  return value > 0 ? std::log(value / first) / std::log(last / first) : std::nan("");
}

std::vector<Mark> marks_of(const Scale& scale, int count) {
  return scale.logarithmic ? power_marks(scale, count) : linear_marks(scale, count);
}

std::vector<Mark> marks_at(const std::vector<double>& values) {
  std::vector<Mark> marks;
  for (const double v : values) marks.push_back({v, fmt::format("{:.4g}", v)});
  return marks;
}

Scale scale_around(double low, double high, bool logarithmic) {
  if (logarithmic) {
    const double first = std::floor(std::log10(low) + 1e-9), last = std::ceil(std::log10(high) - 1e-9);
    return {std::pow(10.0, first), std::pow(10.0, std::max(last, first + 1)), true};
  }
  if (!(high > low)) low -= 0.5 * std::max(1e-6, std::abs(low)), high = low + std::max(1e-6, std::abs(low));
  const auto inner = ticks(low, high, 6);
  const double step = inner.size() > 1 ? inner[1] - inner[0] : high - low;
  return {step * std::floor(low / step + 1e-9), step * std::ceil(high / step - 1e-9)};
}

std::string line_through(const Frame& frame, const std::vector<double>& x, const std::vector<double>& y) {
  std::string d;
  bool drawing = false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double right = frame.across(x[i]), down = frame.down(y[i]);
    const bool has_place = std::isfinite(right) && std::isfinite(down);
    if (has_place) d += moved(drawing ? 'L' : 'M', right, down);
    drawing = has_place;
  }
  return d;
}

std::string area_between(const Frame& frame, const std::vector<double>& x, const std::vector<double>& low,
                         const std::vector<double>& high) {
  std::string d;
  const auto add = [&](double at, double value) {
    const double right = frame.across(at), down = frame.down(value);
    if (std::isfinite(right) && std::isfinite(down)) d += moved(d.empty() ? 'M' : 'L', right, down);
  };
  for (std::size_t i = 0; i < x.size(); ++i) add(x[i], low[i]);
  for (std::size_t i = x.size(); i-- > 0;) add(x[i], high[i]);
  return d.empty() ? d : d + "Z";
}

std::string points_at(const Frame& frame, const std::vector<double>& x, const std::vector<double>& y) {
  std::string d;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double right = frame.across(x[i]), down = frame.down(y[i]);
    if (std::isfinite(right) && std::isfinite(down)) d += moved('M', right, down) + "h0";
  }
  return d;
}

std::string bars_at(const Frame& frame, const std::vector<double>& x, const std::vector<double>& y,
                    const std::vector<double>& errors) {
  std::string d;
  for (std::size_t i = 0; i < x.size(); ++i) {
    d += moved('M', frame.across(x[i]), frame.down(y[i] - errors[i])) + "V" + length_text(frame.down(y[i] + errors[i]));
  }
  return d;
}

std::string x_axis(const Frame& frame, const std::vector<Mark>& marks, const std::string& name) {
  const double bottom = frame.top + frame.height;
  std::string strokes, texts;
  for (const auto& m : marks) {
    const double at = frame.left + frame.across(m.value);
    strokes += fmt::format("M{} {}v{}", length_text(at), length_text(bottom), length_text(tick_length));
    if (m.text.empty()) continue;
    texts += fmt::format("<text class=\"mark middle\" x=\"{}\" y=\"{}\">{}</text>", length_text(at),
                         length_text(bottom + tick_length + text_gap + 0.75 * letter_size), m.text);
  }
  std::string svg = "<g class=\"x-marks\">" + path_element("tick", strokes) + texts + "</g>";
  if (!name.empty()) svg += text_element("name middle", frame.left + frame.width / 2, bottom + name_distance, name);
  return svg;
}

std::string y_axis(const Frame& frame, const std::vector<Mark>& marks, const std::string& name) {
  std::string strokes, texts;
  for (const auto& m : marks) {
    const double at = frame.top + frame.down(m.value);
    strokes += fmt::format("M{} {}h{}", length_text(frame.left), length_text(at), length_text(-tick_length));
    if (m.text.empty()) continue;
    texts +=
        fmt::format("<text class=\"mark end\" x=\"{}\" y=\"{}\">{}</text>",
                    length_text(frame.left - tick_length - text_gap), length_text(at + 0.35 * letter_size), m.text);
  }
  std::string svg = path_element("tick", strokes) + texts;
  if (!name.empty()) svg += upward_text("name middle", letter_size, frame.top + frame.height / 2, name);
  return svg;
}

std::string axes(const Frame& frame, const std::vector<Mark>& x_marks, const std::vector<Mark>& y_marks,
                 const AxesText& text, const std::string& inside, const std::string& style) {
  std::string svg;
  if (!text.title.empty()) {
    svg +=
        fmt::format("<text class=\"title\" x=\"{}\" y=\"{}\">{}<tspan class=\"subtitle\" dx=\"8\">{}</tspan></text>",
                    length_text(frame.left), length_text(frame.top - 8), escaped(text.title), escaped(text.subtitle));
  }
  svg += rectangle("paper-of-area", frame.left, frame.top, frame.width, frame.height);
  svg += fmt::format(
      "<svg class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" "
      "preserveAspectRatio=\"none\">",
      style, length_text(frame.left), length_text(frame.top), length_text(frame.width), length_text(frame.height),
      length_text(frame.width), length_text(frame.height));
  svg += grid(frame, x_marks, y_marks) + inside + "</svg>";
  svg += path_element("frame-line", fmt::format("M{} {}v{}h{}", length_text(frame.left), length_text(frame.top),
                                                length_text(frame.height), length_text(frame.width)));
  return svg + y_axis(frame, y_marks, text.y_name) + x_axis(frame, x_marks, text.x_name);
}

}  // namespace sda::report
