#include "sda/core/runtime.hpp"

#include <malloc.h>
#include <omp.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <string_view>
#include <thread>
#include <utility>

#include "core/torch.hpp"
#include "sda/core/code.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

constexpr std::int64_t MiB = std::int64_t{1} << 20;

/// AllowCode's that live in this thread: who loads a file says so, and nobody else is asked.
thread_local int code_allowances = 0;

std::atomic<int> stop_signal{0};

/// When the work shall have ended, and how long a step takes. Threads may poll it together.
class TimeLimit {
 public:
  void set(double seconds) noexcept {
    longest_ = 0;
    last_poll_ = now();
    deadline_ = seconds > 0 ? now() + static_cast<std::int64_t>(seconds * 1e9) : none;
  }
  bool is_near() noexcept {
    if (deadline_ == none) return false;
    const std::int64_t time = now(), step = time - last_poll_.exchange(time);
    if (step > longest_) longest_ = step;
    constexpr std::int64_t to_save = 1'000'000'000;
    return time + 2 * longest_ + to_save > deadline_;
  }

 private:
  static constexpr std::int64_t none = std::numeric_limits<std::int64_t>::max();
  static std::int64_t now() noexcept {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
  std::atomic<std::int64_t> deadline_{none}, last_poll_{0}, longest_{0};
};
TimeLimit time_limit;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

extern "C" void note_stop_signal(int signal) {
  stop_signal.store(signal, std::memory_order_relaxed);
}

/// The first number of an environment variable ("4" or OpenMP's "4,2"); 0 if it is unset or no positive number.
int environment_count(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return 0;
  int value = 0;
  std::from_chars(text, text + std::strlen(text), value);
  return std::max(value, 0);
}

int affinity_count() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  return std::max(1, CPU_COUNT(&mask));
}

/// What libtorch's AVX-512 kernels are compiled for.
bool cpu_has_avx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

/// One number from a small kernel file; −1 if there is none ("max").
std::int64_t read_number(const std::string& path) {
  std::ifstream file(path);
  std::int64_t value = -1;
  return file >> value ? value : -1;
}

/// MemAvailable of /proc/meminfo, in bytes.
std::int64_t available_on_machine() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    std::int64_t kibibytes = 0;
    if (words >> name >> kibibytes && name == "MemAvailable:") return kibibytes * 1024;
  }
  return sysconf(_SC_AVPHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

/// What the control group (a container, a batch job) leaves; as much as the machine has if it sets no limit.
std::int64_t available_in_group(std::int64_t on_machine) {
  const std::int64_t limit = read_number("/sys/fs/cgroup/memory.max");
  const std::int64_t used = read_number("/sys/fs/cgroup/memory.current");
  return limit < 0 || used < 0 ? on_machine : std::max<std::int64_t>(0, limit - used);
}

}  // namespace

int choose_threads(int requested) {
  if (requested > 0) return requested;
  if (const int threads = environment_count("OMP_NUM_THREADS")) return threads;
  if (const int threads = environment_count("SLURM_CPUS_PER_TASK")) return threads;
  return affinity_count();
}

int others_running() {
  constexpr int looks = 5;
  int min = std::numeric_limits<int>::max();
  for (int i = 0; i < looks && min > 0; ++i) {
    if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(12));
    std::ifstream file("/proc/loadavg");
    std::string averages;
    int running = 1;  // "0.20 0.18 0.12 1/80 11206": the fourth number
    for (int skipped = 0; skipped < 3; ++skipped) file >> averages;
    file >> running;
    min = std::min(min, std::max(0, running - 1));
  }
  return min;
}

void configure_threads(int threads) {
  omp_set_num_threads(threads);
  at::set_num_threads(threads);
}

void configure_runtime(int threads, FreedMemory freed) {
  // libtorch reads this once, at its first operation, and takes AVX2 if nobody asks for more.
  if (cpu_has_avx512()) setenv("ATEN_CPU_CAPABILITY", "avx512", /*overwrite=*/0);
#if defined(__GLIBC__)
  if (freed == FreedMemory::kept) {
    // Taking pages of tensors from the kernel and giving them back each time costs more than the operation itself.
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, -1);
  } else {
    // Set, or else glibc raises it to the size of what is freed, and large blocks end in splinters of the heap.
    constexpr int large_block = 1 << 20;
    mallopt(M_MMAP_THRESHOLD, large_block);
  }
#endif
  configure_threads(threads);
}

void release_freed_memory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

int StopToken::signal() noexcept {
  return stop_signal.load(std::memory_order_relaxed);
}

bool StopToken::is_raised() noexcept {
  return signal() != 0 || time_limit.is_near();
}

void StopToken::limit_time(double seconds) noexcept {
  time_limit.set(seconds);
}

void StopToken::throw_if_stopped(const std::string& saved) {
  const int number = signal();
  if (number == 0 && time_limit.is_near()) throw Interrupted::by_time_limit(saved);
  if (number == 0) return;
  const char* name = sigabbrev_np(number);
  throw Interrupted({.what = std::string("stopped by SIG") + (name == nullptr ? "?" : name), .hint = saved}, number);
}

void StopToken::install() {
  struct sigaction action {};
  action.sa_handler = note_stop_signal;
  sigemptyset(&action.sa_mask);
  // SA_RESETHAND: a second signal ends the process at once. SA_RESTART: a file being written is not cut short.
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGHUP, &action, nullptr);
}

void StopToken::request(int signal) noexcept {
  stop_signal.store(signal, std::memory_order_relaxed);
}

double parse_duration(const std::string& text, const std::string& where) {
  const UsageError fault(
      {.what = "not a length of time",
       .where = where,
       .found = "\"" + text + "\"",
       .expected = "[DAYS-]HOURS:MINUTES:SECONDS, or a number with s, m, h or d, such as 03:50:00 or 90m"});
  const auto number = [&](std::string_view digits) {
    double value = 0;
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (status != std::errc{} || end != digits.data() + digits.size() || !(value >= 0) || value > 1e9) throw fault;
    return value;
  };
  std::string_view rest = text;
  double seconds = 0;
  if (rest.find(':') == std::string_view::npos) {
    constexpr std::array<std::pair<char, double>, 4> units{{{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}}};
    double unit = 1;
    for (const auto& [letter, size] : units) {
      if (rest.empty() || rest.back() != letter) continue;
      unit = size;
      rest.remove_suffix(1);
      break;
    }
    seconds = number(rest) * unit;
  } else {
    if (const auto dash = rest.find('-'); dash != std::string_view::npos) {
      seconds = 86400 * number(rest.substr(0, dash));
      rest.remove_prefix(dash + 1);
    }
    double clock = 0;
    int parts = 0;
    for (bool more = true; more; ++parts) {
      const auto colon = rest.find(':');
      more = colon != std::string_view::npos;
      clock = 60 * clock + number(rest.substr(0, colon));
      if (more) rest.remove_prefix(colon + 1);
    }
    if (parts > 3) throw fault;
    seconds += clock;  // MINUTES:SECONDS, or with hours before
  }
  if (!(seconds > 0)) throw fault;
  return seconds;
}

std::int64_t parse_bytes(const std::string& text, const std::string& where) {
  const Fault fault{.what = "not an amount of memory",
                    .where = where,
                    .found = "\"" + text + "\"",
                    .expected = "bytes with K, M, G or T after them, such as 512M or 2G"};
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, status] = std::from_chars(text.data(), end, number);
  if (status != std::errc{} || !(number > 0)) throw UsageError(fault);
  std::string suffix(rest, end);
  for (const char* tail : {"iB", "B"}) {
    if (suffix.ends_with(tail)) {
      suffix.resize(suffix.size() - std::strlen(tail));
      break;
    }
  }
  static const std::string units = "KMGT";
  double scale = 1;
  if (!suffix.empty()) {
    const auto power = units.find(static_cast<char>(std::toupper(static_cast<unsigned char>(suffix[0]))));
    if (suffix.size() != 1 || power == std::string::npos) throw UsageError(fault);
    scale = static_cast<double>(std::int64_t{1} << (10 * (power + 1)));
  }
  const double bytes = number * scale;
  if (!(bytes >= 1 && bytes < 9e18)) throw UsageError(fault);
  return static_cast<std::int64_t>(bytes);
}

std::int64_t default_memory_budget() {
  const std::int64_t on_machine = available_on_machine();
  return std::max(256 * MiB, std::min(on_machine, available_in_group(on_machine)) / 2);
}

AllowCode::AllowCode() noexcept {
  ++code_allowances;
}
AllowCode::~AllowCode() {
  --code_allowances;
}
bool AllowCode::given() noexcept {
  return code_allowances > 0;
}

void require_code_allowed(const std::string& path, const std::string& module) {
  if (AllowCode::given()) return;
  throw FileError({.what = "a TorchScript module would be run, which can do all that you can",
                   .where = path,
                   .found = module,
                   .hint = "if you trust who made it, say --allow-code (allow_code=True in Python)"});
}

}  // namespace sda
