/// OpenMP's threads wait for each other busily: fast alone, ten times slower beside other work on the same cores. GCC's
/// OpenMP reads how long it may spin (GOMP_SPINCOUNT) when it is loaded, so the program starts itself again with it
/// set.
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <new>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which are not awake yet when this runs

namespace {

/// Turns of an empty loop before a waiting thread sleeps: about as long as waking it takes. libgomp's own is 30 times
/// that.
char spin_count[] = "GOMP_SPINCOUNT=10000";

bool names(const char* entry, const char* variable) {
  const std::size_t length = std::strlen(variable);
  return std::strncmp(entry, variable, length) == 0 && entry[length] == '=';
}

/// Returns where the environment says how to wait, which it does the second time, or where the system does not start
/// the program again.
void sleep_when_waiting(int /*count*/, char** arguments, char** environment) {
  std::size_t entries = 0;
  for (; environment[entries] != nullptr; ++entries) {
    if (names(environment[entries], "GOMP_SPINCOUNT") || names(environment[entries], "OMP_WAIT_POLICY")) return;
  }
  // By its own name, so that ps and pgrep go on knowing it.
  std::array<char, 4096> program{};
  if (readlink("/proc/self/exe", program.data(), program.size() - 1) < 0) return;
  auto** const with_spin_count = new (std::nothrow) char*[entries + 2];
  if (with_spin_count == nullptr) return;
  std::memcpy(with_spin_count, environment, entries * sizeof(char*));
  with_spin_count[entries] = spin_count;
  with_spin_count[entries + 1] = nullptr;
  execve(program.data(), arguments, with_spin_count);
  delete[] with_spin_count;
}

/// Before libraries start: a process that is replaced has then done nothing but load them, 0.1 s in place of 0.4 s.
[[gnu::used, gnu::section(".preinit_array")]] void (*const before_libraries)(int, char**, char**) = sleep_when_waiting;

}  // namespace

#endif
