/// How the benchmarks' C++ sides time work.
#pragma once

#include <time.h>

#include <functional>
#include <vector>

namespace sda::benchmark {

/// Of the wall, or of all threads' processors: what a busy machine does not change.
enum class Clock : clockid_t { wall = CLOCK_MONOTONIC, processor = CLOCK_PROCESS_CPUTIME_ID };

inline double seconds_of(const std::function<void()>& work, Clock clock = Clock::wall) {
  const auto now = [&] {
    timespec time{};
    clock_gettime(static_cast<clockid_t>(clock), &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  work();
  return now() - start;
}

/// Repetitions after a first that is not counted, for about `seconds` in all.
inline std::vector<double> time_of(const std::function<void()>& work, double seconds, Clock clock = Clock::wall) {
  work();
  std::vector<double> durations;
  double total = 0;
  while (durations.empty() || total < seconds) total += durations.emplace_back(seconds_of(work, clock));
  return durations;
}

}  // namespace sda::benchmark
