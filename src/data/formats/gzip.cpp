/// What gzip packed, by zlib.
#include "data/formats/gzip.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sda/core/error.hpp"

namespace sda::io {
namespace {

[[noreturn]] void refuse_read(const std::string& path, int error) {
  throw FileError({.what = "cannot be read",
                   .where = path,
                   .found = std::strerror(error),
                   .hint = error == ENOENT ? "check the path" : ""});
}

}  // namespace

bool is_gzip(std::string_view first_bytes) {
  return first_bytes.starts_with("\x1F\x8B");
}

std::string first_bytes_of_gzip(const std::string& path, std::size_t size) {
  std::string bytes;
  try {
    UnpackedFile(path).append_to(bytes, size);
  } catch (const FileError&) {
  }
  return bytes;
}

UnpackedFile::UnpackedFile(const std::string& path) : path_(path) {
  errno = 0;
  file_.reset(gzopen(path.c_str(), "rb"));
  if (!file_) refuse_read(path, errno == 0 ? EIO : errno);
}

bool UnpackedFile::append_to(std::string& bytes, std::size_t size) {
  const std::size_t before = bytes.size();
  bytes.resize(before + size);
  errno = 0;
  const int read = gzread(file_.get(), bytes.data() + before, static_cast<unsigned>(size));
  const int error = errno;
  bytes.resize(before + static_cast<std::size_t>(std::max(0, read)));
  int status = Z_OK;
  const char* message = gzerror(file_.get(), &status);
  if (status == Z_ERRNO) refuse_read(path_, error == 0 ? EIO : error);
  if (status == Z_OK || status == Z_STREAM_END) return read > 0;
  throw FileError({.what = "the packed file is damaged or truncated",
                   .where = path_,
                   .found = message == nullptr ? "" : message,
                   .hint = "take a good copy or make it again"});
}

}  // namespace sda::io
