/// Files that are programs. A TorchScript module can do what its user can, read and write files among it; so what holds
/// or names one is refused unless its user says that it may run.
#pragma once

#include <string>

namespace sda {

/// Files may hold code in this thread, for as long as one of these lives: `--allow-code`, allow_code=True in Python.
class AllowCode {
 public:
  AllowCode() noexcept;
  ~AllowCode();
  AllowCode(const AllowCode&) = delete;
  AllowCode& operator=(const AllowCode&) = delete;
  static bool given() noexcept;
};

/// Throws FileError where none lives: the file `path` holds or names the module `module`.
void require_code_allowed(const std::string& path, const std::string& module);

}  // namespace sda
