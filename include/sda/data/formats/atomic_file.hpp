/// Files that appear whole or not at all: a temporary name beside the file, fsync, then rename (POSIX rename(2) is
/// atomic).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sda {

/// Throws FileError where no file can be written at `path`: there is no folder, no permission, or a folder or device
/// has that name. It makes and removes an empty file beside it. To be called before long work whose result goes there.
void require_writable(const std::string& path);

/// Removes what killed processes left of files that were to be `path`, ".NAME.PROCESS.part": no process of that number
/// is here, and none anywhere holds a lock on it.
void remove_leftovers(const std::string& path);

/// Throws FileError: `path` cannot be written because of the system's `error`.
[[noreturn]] void refuse_to_write(const std::string& path, int error);

/// A name beside `target` to write to: ".NAME.PROCESS.part". The file is removed at the end of the scope unless it was
/// renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& target);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }
  /// Takes the name of `target`, on the disk too; behind a symbolic link, of the file that it points to. Throws
  /// FileError.
  void rename_to(const std::string& target) const;

 private:
  std::string path_;
};

/// Writes `text` at `path`. Throws FileError, and then what was at `path` is untouched and nothing else is left.
void write_file(const std::string& path, std::string_view text);
/// The same of several pieces, one after the other.
void write_file(const std::string& path, std::span<const std::span<const std::byte>> pieces);

}  // namespace sda
