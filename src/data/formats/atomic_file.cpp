/// Files that appear whole or not at all: temporary name, fsync, rename; CRC-32 seal (ISO 3309, as in zlib).
#include "data/formats/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

#include "core/descriptor.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view seal_name = "sda-crc ";
constexpr std::size_t seal_size = seal_name.size() + 8;

[[noreturn]] void refuse_write(const std::string& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  throw FileError({.what = fmt::format("cannot be written: {}", std::strerror(error)),
                   .where = path,
                   .hint = full ? "free some space or choose another folder" : "choose another folder"});
}

[[noreturn]] void refuse_read(const std::string& path, int error) {
  throw FileError({.what = fmt::format("cannot be read: {}", std::strerror(error)), .where = path});
}

/// A temporary file, removed at the end unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const char* name() const { return path_.c_str(); }
  int rename_to(const fs::path& target) {
    if (std::rename(path_.c_str(), target.c_str()) != 0) return errno;
    path_.clear();
    return 0;
  }

 private:
  std::string path_;
};

std::string seal_of(std::uint32_t checksum) {
  return fmt::format("{}{:08x}", seal_name, checksum);
}

std::uint32_t add_checksum(std::uint32_t checksum, std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(crc32_z(checksum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

/// The name that the file will have: behind a symbolic link, the file that it points to.
fs::path target_of(const std::string& path) {
  std::error_code ignored;
  if (!fs::is_symlink(path, ignored)) return path;
  const fs::path behind = fs::weakly_canonical(path, ignored);
  return behind.empty() ? fs::path(path) : behind;
}

fs::path folder_of(const fs::path& target) {
  return target.has_parent_path() ? target.parent_path() : fs::path(".");
}

}  // namespace

std::string read_text_file(const std::string& path, Fault refusal) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file && file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (!file.is_open() || file.bad() || errno == EISDIR) {
    refusal.where = path;
    refusal.found = std::strerror(errno == 0 ? EIO : errno);
    throw FileError(refusal);
  }
  return std::move(text).str();
}

std::string checksum(std::span<const std::byte> bytes) {
  return fmt::format("{:08x}", add_checksum(0, bytes));
}

void require_writable(const std::string& path) {
  if (path.empty()) throw FileError({.what = "no file name", .expected = "the name of the file to write"});
  const fs::path target = target_of(path);
  struct stat status {};
  if (::stat(target.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    throw FileError({.what = "cannot be written",
                     .where = path,
                     .found = S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe",
                     .expected = "the name of a file"});
  }
  const fs::path folder = folder_of(target);
  if (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    throw FileError({.what = "there is no folder " + folder.string(), .where = path, .hint = "make it first"});
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) refuse_write(path, errno);
}

void write_whole_file(const std::string& path, std::span<const std::byte> bytes) {
  require_writable(path);
  const fs::path target = target_of(path);
  const fs::path folder = folder_of(target);
  const std::string name = fmt::format(".{}.{}.part", target.filename().string(), ::getpid());

  TemporaryFile temporary((folder / name).string());
  Descriptor file(::open(temporary.name(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) refuse_write(path, errno);
  const std::string seal = seal_of(add_checksum(0, bytes));
  int failed = write_all(file.get(), bytes.data(), bytes.size());
  if (failed == 0) failed = write_all(file.get(), seal.data(), seal.size());
  if (failed == 0 && ::fsync(file.get()) != 0 && errno != EINVAL) failed = errno;
  const int close_failed = file.close();
  if (failed == 0) failed = close_failed;
  if (failed == 0) failed = temporary.rename_to(target);
  if (failed != 0) refuse_write(path, failed);

  // So that the new name outlives a power cut too; where a folder cannot be synchronised nothing is lost but that.
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) ::fsync(directory.get());
}

bool check_whole_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) throw FileError({.what = "no such file", .where = path, .hint = "check the path"});
    refuse_read(path, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    throw FileError({.what = "not a file",
                     .where = path,
                     .found = S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe",
                     .expected = "a file"});
  }
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) refuse_read(path, errno);

  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) throw FileError({.what = "empty file", .where = path});
  std::array<char, seal_size> seal{};
  if (size < seal_size || ::pread(file.get(), seal.data(), seal_size, static_cast<off_t>(size - seal_size)) !=
                              static_cast<ssize_t>(seal_size)) {
    return false;
  }
  const std::string_view found(seal.data(), seal.size());
  if (!found.starts_with(seal_name)) return false;

  std::uint32_t checksum = 0;
  std::vector<std::byte> block(std::size_t{1} << 20);
  for (std::size_t at = 0; at < size - seal_size;) {
    const std::size_t expected = std::min(block.size(), size - seal_size - at);
    const ssize_t got = ::read(file.get(), block.data(), expected);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) refuse_read(path, got < 0 ? errno : EIO);
    checksum = add_checksum(checksum, {block.data(), static_cast<std::size_t>(got)});
    at += static_cast<std::size_t>(got);
  }
  const std::string expected = seal_of(checksum);
  if (found != expected) {
    throw FileError({.what = "the file is damaged: its checksum does not match",
                     .where = path,
                     .found = std::string(expected.substr(seal_name.size())),
                     .expected = std::string(found.substr(seal_name.size())),
                     .hint = "take a good copy or make the file again"});
  }
  return true;
}

}  // namespace sda::io
