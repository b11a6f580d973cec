/// gnuplot: scripts with their data inside, and running them.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "report/files.hpp"
#include "sda/core/provenance.hpp"

namespace sda::report {

/// Text between gnuplot's single quotes (the terminal is not enhanced: no character is special).
std::string quoted(const std::string& text);

/// Lines of at most about `most` characters, broken at spaces; one at least.
std::vector<std::string> wrapped(const std::string& text, std::size_t max);

/// Appends to a gnuplot script; places are pixels from the top left of a page.
class Script {
 public:
  Script(int page_width, int page_height) : width_(page_width), height_(page_height) {}

  template <class... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Arguments>(arguments)...);
    text_ += '\n';
  }
  double across(int pixels) const { return static_cast<double>(pixels) / width_; }
  double up(int pixels) const { return 1 - static_cast<double>(pixels) / height_; }

  /// The axes of the next plot.
  void frame(int left, int right, int top, int bottom) {
    line("set lmargin at screen {:.5f}\nset rmargin at screen {:.5f}", across(left), across(right));
    line("set tmargin at screen {:.5f}\nset bmargin at screen {:.5f}", up(top), up(bottom));
  }
  void text_at(int x, int y, const std::string& text, const char* how) {
    line("set label {} at screen {:.5f}, {:.5f} {}", quoted(text), across(x), up(y), how);
  }
  /// A data block of columns, NaN where a value is not; returns its name.
  std::string block(const std::vector<const std::vector<double>*>& columns) {
    auto name = fmt::format("$data{}", ++blocks_);
    line("{} << EOD", name);
    for (std::size_t i = 0; i < columns.front()->size(); ++i) {
      for (const auto* column : columns) put((*column)[i], 9);
      text_ += '\n';
    }
    line("EOD");
    return name;
  }
  /// A data block of rows; returns its name.
  std::string rows(const std::vector<std::vector<double>>& all) {
    auto name = fmt::format("$data{}", ++blocks_);
    line("{} << EOD", name);
    for (const auto& row : all) {
      for (const double value : row) put(value, 6);
      text_ += '\n';
    }
    line("EOD");
    return name;
  }
  void plot(const std::vector<std::string>& clauses);
  std::string text() && { return std::move(text_); }

 private:
  void put(double value, int digits) {
    text_ += std::isnan(value) ? std::string("NaN ") : fmt::format("{:.{}g} ", value, digits);
  }

  int width_, height_;
  int blocks_ = 0;
  std::string text_;
};

/// Runs gnuplot on a script that writes `output`. Throws FileError naming `path` if gnuplot is missing or fails.
void run_gnuplot(const std::string& script, const TemporaryFile& output, const std::string& path);

/// Draws into `path` what `script_into` writes for the name of a PNG, with title and provenance as text inside, by way
/// of a temporary file beside it. Throws FileError as `run_gnuplot`, or if the file cannot be written.
void draw_png(const std::function<std::string(const std::string& png)>& script_into, const std::string& title,
              const Provenance& provenance, const std::string& path);

}  // namespace sda::report
