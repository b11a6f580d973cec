#include "sda/core/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace sda {
namespace {

using std::chrono::steady_clock;

constexpr auto redraw_every = std::chrono::milliseconds(100);
constexpr int widest_bar = 30;

int terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// Columns a UTF-8 text takes when each of its characters takes one.
int columns_of(const std::string& text) {
  return static_cast<int>(
      std::count_if(text.begin(), text.end(), [](unsigned char byte) { return (byte & 0xC0) != 0x80; }));
}

/// The first `columns` characters of a UTF-8 text.
std::string cut(const std::string& text, int columns) {
  std::size_t end = 0;
  for (int taken = 0; end < text.size() && taken < columns; ++taken) {
    do ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  }
  return text.substr(0, end);
}

std::string bar(double share, int columns) {
  const int full = static_cast<int>(std::floor(share * columns));
  std::string line;
  for (int column = 0; column < columns; ++column) line += column < full ? "━" : "─";
  return line;
}

std::string rate(double per_second, const std::string& unit) {
  if (per_second >= 100) return fmt::format("{:.0f} {}/s", per_second, unit);
  if (per_second >= 1) return fmt::format("{:.1f} {}/s", per_second, unit);
  return fmt::format("{:.2g} {}/s", per_second, unit);
}

}  // namespace

std::string duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string progress_line(const std::string& label, const std::string& unit, std::int64_t done, std::int64_t total,
                          std::int64_t worked, double seconds, const std::string& note, int columns) {
  const double share = total > 0 ? std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0) : 0.0;
  std::string tail = fmt::format(" {:3.0f} %", std::floor(100 * share));
  if (worked > 0 && seconds > 0) {
    const double per_second = static_cast<double>(worked) / seconds;
    tail += "  " + rate(per_second, unit);
    if (!note.empty()) tail += "  " + note;
    tail += done < total ? fmt::format("  {} left", duration(static_cast<double>(total - done) / per_second))
                         : fmt::format("  {}", duration(seconds));
  } else if (!note.empty()) {
    tail += "  " + note;
  }
  if (columns == 0) return label + ":" + tail;
  const int room = columns - columns_of(label) - 2 - columns_of(tail);
  const int width = std::clamp(room, 0, widest_bar);
  return cut(label + "  " + bar(share, width) + tail, columns);
}

ProgressBar::ProgressBar(std::string label, std::string unit, ProgressStyle style, steady_clock::duration between_lines)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      style_(style),
      between_lines_(between_lines),
      start_(steady_clock::now()),
      last_draw_(start_) {}

ProgressBar::~ProgressBar() {
  if (drawn_ && style_ == ProgressStyle::bar) std::fputs("\n", stderr);
}

void ProgressBar::update(std::int64_t done, std::int64_t total, const std::string& note) {
  if (style_ == ProgressStyle::none) return;
  const auto now = steady_clock::now();
  if (first_done_ < 0) first_done_ = std::max<std::int64_t>(0, done - 1);
  const bool is_bar = style_ == ProgressStyle::bar;
  if (is_bar ? drawn_ && done < total && now - last_draw_ < redraw_every : now - last_draw_ < between_lines_) return;
  last_draw_ = now;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const std::string line =
      progress_line(label_, unit_, done, total, done - first_done_, seconds, note, is_bar ? terminal_columns() - 1 : 0);
  std::fputs((is_bar ? "\r" + line + "\x1b[K" : line + "\n").c_str(), stderr);
  std::fflush(stderr);
}

ProgressCallback ProgressBar::callback() {
  return [this](std::int64_t done, std::int64_t total, const std::string& note) { update(done, total, note); };
}

ProgressStyle ProgressBar::style_of_stderr() {
  return isatty(STDERR_FILENO) == 1 ? ProgressStyle::bar : ProgressStyle::lines;
}

}  // namespace sda
