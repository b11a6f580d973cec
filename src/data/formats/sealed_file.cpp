/// The seal at the end of a file: CRC-32 (ISO 3309, as in zlib).
#include "data/formats/sealed_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

#include "core/descriptor.hpp"
#include "sda/data/formats/atomic_file.hpp"

namespace sda::io {
namespace {

constexpr std::string_view seal_name = "sda-crc ";
constexpr std::size_t seal_size = seal_name.size() + 8;

[[noreturn]] void refuse_read(const std::string& path, int error) {
  throw FileError({.what = fmt::format("cannot be read: {}", std::strerror(error)), .where = path});
}

std::string seal_of(std::uint32_t checksum) {
  return fmt::format("{}{:08x}", seal_name, checksum);
}

std::uint32_t add_checksum(std::uint32_t checksum, std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(crc32_z(checksum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

/// Adds the bytes of `file` before `end` to `checksum`; 0 or the error.
int add_checksum_of(int file, std::size_t end, std::uint32_t& checksum) {
  std::vector<std::byte> block(std::size_t{1} << 20);
  for (std::size_t at = 0; at < end;) {
    const ssize_t got = ::pread(file, block.data(), std::min(block.size(), end - at), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 ? errno : EIO;
    checksum = add_checksum(checksum, {block.data(), static_cast<std::size_t>(got)});
    at += static_cast<std::size_t>(got);
  }
  return 0;
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

void write_sealed_file(const std::string& path, std::span<const std::byte> bytes) {
  const std::string seal = seal_of(add_checksum(0, bytes));
  const std::array<std::span<const std::byte>, 2> pieces{bytes, std::as_bytes(std::span(seal))};
  write_file(path, pieces);
}

int seal(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return errno;
  std::uint32_t checksum = 0;
  if (const int failed = add_checksum_of(descriptor, static_cast<std::size_t>(status.st_size), checksum); failed != 0)
    return failed;
  const std::string text = seal_of(checksum);
  if (::lseek(descriptor, status.st_size, SEEK_SET) < 0) return errno;
  if (const int failed = write_all(descriptor, text.data(), text.size()); failed != 0) return failed;
  return ::fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno;
}

bool check_sealed_file(const std::string& path) {
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
  if (const int failed = add_checksum_of(file.get(), size - seal_size, checksum); failed != 0)
    refuse_read(path, failed);
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
