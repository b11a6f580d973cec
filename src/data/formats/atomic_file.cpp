/// Files that appear whole or not at all: temporary name, fsync, rename.
#include "sda/data/formats/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "core/descriptor.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

namespace fs = std::filesystem;

/// The name that the file will have: behind a symbolic link, the file that it points to.
fs::path behind_links(const std::string& path) {
  std::error_code ignored;
  if (!fs::is_symlink(path, ignored)) return path;
  const fs::path behind = fs::weakly_canonical(path, ignored);
  return behind.empty() ? fs::path(path) : behind;
}

fs::path folder_of(const fs::path& target) {
  return target.has_parent_path() ? target.parent_path() : fs::path(".");
}

std::string hint_for(const std::string& path, int error) {
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) return "free some space or choose another folder";
  if (error == ENOENT) return fmt::format("there is no folder {}: make it first", folder_of(path).string());
  return "choose another folder";
}

/// Throws FileError where something that is no file has the name.
void require_file_or_nothing(const std::string& path) {
  if (path.empty()) throw FileError({.what = "no file name", .expected = "the name of the file to write"});
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return;
  const bool folder = S_ISDIR(status.st_mode);
  throw FileError({.what = folder ? "cannot be written: Is a directory" : "cannot be written",
                   .where = path,
                   .found = folder ? "a folder" : "a device or pipe",
                   .expected = "the name of a file"});
}

int open_new(const TemporaryFile& file) {
  return ::open(file.path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

/// 0 or the error. What is on the disk is whole before it takes the name.
int write_pieces(const TemporaryFile& file, std::span<const std::span<const std::byte>> pieces) {
  Descriptor out(open_new(file));
  if (out.get() < 0) return errno;
  ::flock(out.get(), LOCK_EX | LOCK_NB);  // for remove_leftovers; a file system without locks is none the worse
  int failed = 0;
  for (const auto& piece : pieces) {
    if (failed == 0) failed = write_all(out.get(), piece.data(), piece.size());
  }
  if (failed == 0 && ::fsync(out.get()) != 0 && errno != EINVAL) failed = errno;
  const int close_failed = out.close();
  return failed == 0 ? close_failed : failed;
}

/// So that a new name outlives a power cut too. Where a folder cannot be synchronised nothing is lost but that.
void synchronise_folder(const fs::path& folder) {
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) ::fsync(directory.get());
}

/// The process that a leftover of `target`'s name is of; −1 where it is none.
pid_t process_of_leftover(const std::string& name, const std::string& target) {
  const std::string begin = "." + target + ".", end = ".part";
  if (name.size() <= begin.size() + end.size() || !name.starts_with(begin) || !name.ends_with(end)) return -1;
  const std::string digits = name.substr(begin.size(), name.size() - begin.size() - end.size());
  const bool number = digits.size() < 10 && digits.find_first_not_of("0123456789") == std::string::npos;
  return number ? static_cast<pid_t>(std::stol(digits)) : -1;
}

/// Whether nobody writes it any more.
bool is_abandoned(const std::string& path, pid_t process) {
  if (::kill(process, 0) == 0 || errno != ESRCH) return false;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return file.get() >= 0 && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
}

}  // namespace

void refuse_to_write(const std::string& path, int error) {
  throw FileError({.what = fmt::format("cannot be written: {}", std::strerror(error)),
                   .where = path,
                   .hint = hint_for(path, error)});
}

void remove_leftovers(const std::string& path) {
  const fs::path named = behind_links(path);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_of(named), ignored)) {
    const pid_t process = process_of_leftover(entry.path().filename().string(), named.filename().string());
    if (process > 0 && is_abandoned(entry.path().string(), process)) fs::remove(entry.path(), ignored);
  }
}

void require_writable(const std::string& path) {
  require_file_or_nothing(path);
  const TemporaryFile probe(path);
  const Descriptor file(open_new(probe));
  if (file.get() < 0) refuse_to_write(path, errno);
}

TemporaryFile::TemporaryFile(const std::string& target) {
  const fs::path named = behind_links(target);
  path_ = (folder_of(named) / fmt::format(".{}.{}.part", named.filename().string(), ::getpid())).string();
}

TemporaryFile::~TemporaryFile() {
  ::unlink(path_.c_str());
}

void TemporaryFile::rename_to(const std::string& target) const {
  const fs::path named = behind_links(target);
  if (std::rename(path_.c_str(), named.c_str()) != 0) refuse_to_write(target, errno);
  synchronise_folder(folder_of(named));
}

void write_file(const std::string& path, std::span<const std::span<const std::byte>> pieces) {
  require_file_or_nothing(path);
  const TemporaryFile file(path);
  if (const int failed = write_pieces(file, pieces); failed != 0) refuse_to_write(path, failed);
  file.rename_to(path);
}

void write_file(const std::string& path, std::string_view text) {
  const std::array<std::span<const std::byte>, 1> all{std::as_bytes(std::span(text))};
  write_file(path, all);
}

}  // namespace sda
