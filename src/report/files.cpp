/// Files that appear whole or not at all: written under a temporary name beside their own, then renamed.
#include "report/files.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "sda/core/error.hpp"

namespace sda::report {
namespace {

/// A name beside `path` for writing; removed at the end of its scope if still there.
class TemporaryName {
 public:
  explicit TemporaryName(const std::string& path) : name_(fmt::format("{}.{}.tmp", path, ::getpid())) {}
  ~TemporaryName() {
    std::error_code ignored;
    std::filesystem::remove(name_, ignored);
  }
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  const std::string& text() const { return name_; }

 private:
  std::string name_;
};

}  // namespace

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw FileError({.what = "cannot be read", .where = path});
  return text;
}

void write_whole(const std::string& path, const std::string& text) {
  const TemporaryName beside(path);
  errno = 0;
  std::ofstream out(beside.text(), std::ios::binary);
  out << text;
  out.close();
  if (!out) {
    throw FileError({.what = "cannot be written",
                     .where = path,
                     .found = errno != 0 ? std::strerror(errno) : "a write that failed",
                     .hint = "look whether the folder can be written and the disk has room"});
  }
  std::error_code error;
  std::filesystem::rename(beside.text(), path, error);
  if (error) throw FileError({.what = "cannot be written", .where = path, .found = error.message()});
}

std::string file_stem(const std::string& name) {
  std::string stem = name.empty() ? "case" : name;
  for (auto& c : stem) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && std::isalnum(byte) == 0 && c != '-' && c != '_' && c != '.') c = '_';
  }
  if (stem.front() == '.') stem.front() = '_';
  return stem;
}

}  // namespace sda::report
