/// Progress of long work on stderr: a bar on a terminal, a line now and then in a log.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace sda {

/// What long work calls after each unit: (done, total, note). Empty functions are allowed.
using ProgressCallback = std::function<void(std::int64_t done, std::int64_t total, const std::string& note)>;

/// One line of a bar: "train  ━━━━━━╸    62 %  1234 epochs/s  loss 0.0312  12 s left", cut to `columns` by shortening
/// the bar first; without a bar if `columns` is 0. `worked` of the `done` units took `seconds`.
std::string progress_line(const std::string& label, const std::string& unit, std::int64_t done, std::int64_t total,
                          std::int64_t worked, double seconds, const std::string& note, int columns);

/// "8 s", "3 min 05 s", "2 h 07 min".
std::string duration(double seconds);

/// Seconds since it was made.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

enum class ProgressStyle {
  none,
  bar,   ///< redrawn at most ten times a second; ended by a newline
  lines  ///< for files: after each minute of work a line of its own, none of work that is shorter
};

/// Share done, rate and time left.
class ProgressBar {
 public:
  /// `unit` names what is counted ("steps").
  ProgressBar(std::string label, std::string unit, ProgressStyle style,
              std::chrono::steady_clock::duration between_lines = std::chrono::minutes(1));
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void update(std::int64_t done, std::int64_t total, const std::string& note = "");
  ProgressCallback callback();
  /// A bar where stderr is a terminal, else lines.
  static ProgressStyle style_of_stderr();

 private:
  std::string label_, unit_;
  ProgressStyle style_;
  std::chrono::steady_clock::duration between_lines_;
  bool drawn_ = false;
  std::int64_t first_done_ = -1;  ///< done before the first update: resumed work says nothing about the rate
  std::chrono::steady_clock::time_point start_, last_draw_;
};

}  // namespace sda
