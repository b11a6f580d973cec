/// Files that gzip may have packed.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace sda::io {

/// By the first bytes of a file.
bool is_gzip(std::string_view first_bytes);

/// At most `size` bytes of what is in a packed file; fewer, or none, where it is damaged.
std::string first_bytes_of_gzip(const std::string& path, std::size_t size);

/// The bytes of a file, unpacked where gzip packed it, a block at a time.
class UnpackedFile {
 public:
  /// Throws FileError for what cannot be read.
  explicit UnpackedFile(const std::string& path);
  /// Appends at most `size` > 0 bytes; false where there are no more. Throws FileError for a damaged file.
  bool append_to(std::string& bytes, std::size_t size);

 private:
  struct Close {
    void operator()(gzFile_s* file) const { gzclose(file); }
  };
  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

}  // namespace sda::io
