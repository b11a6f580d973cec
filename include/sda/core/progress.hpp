/// Progress of long work: a bar on a terminal's stderr, nothing elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace sda {

/// What long work calls after each unit: (done, total, note). Empty functions are allowed.
using ProgressCallback = std::function<void(std::int64_t done, std::int64_t total, const std::string& note)>;

/// One line of a bar: "train  ━━━━━━╸    62 %  1234 epochs/s  loss 0.0312  12 s left", cut to `columns` by shortening
/// the bar first. `worked` of the `done` units took `seconds`.
std::string progress_line(const std::string& label, const std::string& unit, std::int64_t done, std::int64_t total,
                          std::int64_t worked, double seconds, const std::string& note, int columns);

/// "8 s", "3 min 05 s", "2 h 07 min".
std::string duration(double seconds);

/// A bar with rate and time left, redrawn at most ten times a second; erased by a newline at the end.
class ProgressBar {
 public:
  /// `enabled` false draws nothing. `unit` names what is counted ("steps").
  ProgressBar(std::string label, std::string unit, bool enabled);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void update(std::int64_t done, std::int64_t total, const std::string& note = "");
  ProgressCallback callback();
  /// True when stderr is a terminal.
  static bool stderr_is_terminal();

 private:
  std::string label_, unit_;
  bool enabled_;
  bool drawn_ = false;
  std::int64_t first_done_ = -1;  ///< done before the first update: resumed work says nothing about the rate
  std::chrono::steady_clock::time_point start_, last_draw_;
};

}  // namespace sda
