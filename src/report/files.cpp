/// Files that appear whole or not at all: written under a temporary name beside their own, then renamed.
#include "report/files.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "sda/core/error.hpp"

namespace sda::report {

TemporaryFile::TemporaryFile(const std::string& path) : path_(fmt::format("{}.{}.tmp", path, ::getpid())) {}

TemporaryFile::~TemporaryFile() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

void TemporaryFile::rename_to(const std::string& path) const {
  std::error_code error;
  std::filesystem::rename(path_, path, error);
  if (error) throw FileError({.what = "cannot be written", .where = path, .found = error.message()});
}

std::string read_text(const std::string& path, const std::string& for_whom) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw FileError({.what = "cannot be read", .where = for_whom});
  return text;
}

void write_text(const std::string& path, const std::string& text, const std::string& for_whom) {
  errno = 0;
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) {
    throw FileError({.what = "cannot be written",
                     .where = for_whom,
                     .found = errno != 0 ? std::strerror(errno) : "a write that failed",
                     .hint = "look whether the folder can be written and the disk has room"});
  }
}

}  // namespace sda::report
