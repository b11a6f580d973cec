/// Programs of others that read our files: what they print, and whether they are there.
#pragma once

#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <string>

namespace sda::test {

struct Outcome {
  int status = -1;
  std::string output;  ///< stdout and stderr together
};

inline Outcome run(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return {};
  Outcome outcome;
  std::array<char, 4096> part{};
  while (const std::size_t size = std::fread(part.data(), 1, part.size(), pipe))
    outcome.output.append(part.data(), size);
  outcome.status = ::pclose(pipe);
  return outcome;
}

inline bool is_installed(const std::string& check) {
  return run(check).status == 0;
}

/// CDO's complaints that do not say "warning".
inline auto is_quiet() {
  using testing::HasSubstr;
  using testing::Not;
  return testing::AllOf(Not(HasSubstr("Warning")), Not(HasSubstr("Error")), Not(HasSubstr("Unsupported")),
                        Not(HasSubstr("unsupported")), Not(HasSubstr("Abort")), Not(HasSubstr("nconsistent")));
}

}  // namespace sda::test
