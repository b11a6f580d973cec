/// Files that appear whole or not at all.
#pragma once

#include <string>

namespace sda::report {

/// A name beside `path` for writing; removed at the end of its scope if still there.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& path);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }
  /// Throws FileError.
  void rename_to(const std::string& path) const;

 private:
  std::string path_;
};

/// The whole file; writes it. Both throw FileError naming `for_whom`.
std::string read_text(const std::string& path, const std::string& for_whom);
void write_text(const std::string& path, const std::string& text, const std::string& for_whom);

}  // namespace sda::report
