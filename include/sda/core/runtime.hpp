/// Threads, signals and memory: what the process is given, asked for once at its start and then passed on.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace sda {

/// Threads to use: `requested` if > 0, else OMP_NUM_THREADS, else SLURM_CPUS_PER_TASK, else the affinity mask.
int choose_threads(int requested = 0);

/// Threads of the whole machine that want a core now, besides the calling one: the least of a few looks within 50 ms.
/// 0 where the system does not say.
int others_running();

/// Sets libtorch's and OpenMP's thread count.
void configure_threads(int threads);

/// What becomes of memory that the program has freed, with glibc.
enum class FreedMemory {
  kept,       ///< by the process: tensors of a few MB come and go at every step of a computation
  given_back  ///< to the system, where a block is large: reading a file must need no more than is held at once
};

/// The same and, where the CPU has it and the user has not said otherwise, libtorch's AVX-512 kernels. Call once,
/// before the first tensor operation; for programs of one's own, not for a host that embeds the library as one of many.
void configure_runtime(int threads, FreedMemory freed = FreedMemory::kept);

/// Asks long work to stop: after SIGINT, SIGTERM or SIGHUP once `install` has run, or when its time is over. Long work
/// polls it between steps.
class StopToken {
 public:
  /// Whether anything asks to stop.
  static bool is_raised() noexcept;
  /// The signal that asked to stop, 0 while none did.
  static int signal() noexcept;
  /// Throws Interrupted if `is_raised`; `saved` says what was kept ("checkpoint in run/last.nc").
  static void throw_if_stopped(const std::string& saved);
  static void install();
  /// The work shall have ended in `seconds` > 0 from now: `is_raised` becomes true while there is time for two steps
  /// as long as the longest between two polls so far, and a second to save. 0 takes the limit away.
  static void limit_time(double seconds) noexcept;
  /// As if `signal` had come, for those who handle signals themselves (0: as if none had). Safe in a signal handler.
  static void request(int signal) noexcept;
};

/// "90", "03:50:00", "2-12:00:00", "90m", "3h" → seconds, as Slurm and `sleep` write them (a number alone is seconds).
/// Throws UsageError.
double parse_duration(const std::string& text, const std::string& where);

/// Gives freed memory back to the system, which configure_runtime has kept for what comes next: for work that goes
/// through more than memory holds, whose pieces would leave ever more of it in splinters.
void release_freed_memory();

/// "512M", "2G", "800000" → bytes. Throws UsageError.
std::int64_t parse_bytes(const std::string& text, const std::string& where);

/// Half of the memory that is free for this process now, at least 256 MiB: the default of --memory.
std::int64_t default_memory_budget();

}  // namespace sda
