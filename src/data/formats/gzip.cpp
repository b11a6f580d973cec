/// What gzip packed, by zlib.
#include "data/formats/gzip.hpp"

#include <zlib.h>

#include <memory>

#include "sda/core/error.hpp"

namespace sda::io {
namespace {

struct Close {
  void operator()(gzFile_s* file) const { gzclose(file); }
};
using GzipFile = std::unique_ptr<gzFile_s, Close>;

}  // namespace

bool is_gzip(std::string_view first_bytes) {
  return first_bytes.starts_with("\x1F\x8B");
}

std::string first_bytes_of_gzip(const std::string& path, std::size_t size) {
  const GzipFile file(gzopen(path.c_str(), "rb"));
  std::string bytes(size, '\0');
  const int read = file ? gzread(file.get(), bytes.data(), static_cast<unsigned>(size)) : 0;
  bytes.resize(static_cast<std::size_t>(read > 0 ? read : 0));
  return bytes;
}

std::string read_gzip(const std::string& path) {
  constexpr std::size_t at_once = std::size_t{1} << 20;
  const GzipFile file(gzopen(path.c_str(), "rb"));
  if (!file) throw FileError({.what = "cannot be read", .where = path});
  std::string all;
  for (int read = 1; read > 0;) {
    const std::size_t before = all.size();
    all.resize(before + at_once);
    read = gzread(file.get(), all.data() + before, at_once);
    all.resize(before + static_cast<std::size_t>(read > 0 ? read : 0));
  }
  int status = Z_OK;
  const char* message = gzerror(file.get(), &status);
  if (status == Z_OK || status == Z_STREAM_END) return all;
  throw FileError({.what = "the packed file is damaged or truncated",
                   .where = path,
                   .found = message == nullptr ? "" : message,
                   .hint = "take a good copy or make it again"});
}

}  // namespace sda::io
