/// The program as a process: what it makes of its environment before anything else.
#include <gtest/gtest.h>

#include "scratch_folder.hpp"
#include "tools.hpp"

namespace sda::test {
namespace {

// Under sanitizers the program leaves its environment as it is.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

/// What a library that starts before all others sees of the process, whose environment has `environment` set:
/// "GOMP_SPINCOUNT's value/the process's name/its last argument".
std::string process_under(const std::string& environment) {
  const ScratchFolder folder;
  write_bytes(folder.file("see.c"), R"(
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void see(int count, char** arguments) {
  char name[64] = "";
  FILE* comm = fopen("/proc/self/comm", "r");
  if (comm) fscanf(comm, "%63s", name), fclose(comm);
  const char* spin = getenv("GOMP_SPINCOUNT");
  fprintf(stderr, "<%s/%s/%s>", spin ? spin : "unset", name, arguments[count - 1]);
})");
  const auto library = folder.file("see.so");
  const auto built = run("gcc -w -shared -fPIC -o " + library + " " + folder.file("see.c"));
  EXPECT_EQ(built.status, 0) << built.output;
  const auto seen = run("env -u GOMP_SPINCOUNT -u OMP_WAIT_POLICY " + environment + " LD_PRELOAD=" + library +
                        " " SDA_PROGRAM " inspect 'two words'");
  const auto open = seen.output.find('<'), close = seen.output.find('>');
  if (open == std::string::npos || close == std::string::npos) return "nothing seen: " + seen.output;
  // The first process ended before its libraries began.
  EXPECT_EQ(seen.output.find('<', close), std::string::npos) << seen.output;
  return seen.output.substr(open + 1, close - open - 1);
}

TEST(Process, ThreadsWaitAsleepUnlessTheEnvironmentSaysOtherwise) {
  EXPECT_EQ(process_under(""), "10000/sda/two words");
  EXPECT_EQ(process_under("GOMP_SPINCOUNT=77"), "77/sda/two words");
  EXPECT_EQ(process_under("GOMP_SPINCOUNT="), "/sda/two words");
  EXPECT_EQ(process_under("OMP_WAIT_POLICY=active"), "unset/sda/two words");
}

#endif

}  // namespace
}  // namespace sda::test
