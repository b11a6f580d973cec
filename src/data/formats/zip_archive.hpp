/// Zip archives whose entries are stored as they are (PKWARE APPNOTE 6.3), as torch.save writes them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace sda::io {

/// Reads little-endian numbers and never past the end.
class Bytes {
 public:
  Bytes(std::string_view data, std::string where) : data_(data), where_(std::move(where)) {}

  std::string_view take(std::size_t size);
  std::uint64_t number(std::size_t size);
  /// Up to and without the next newline.
  std::string line();

 private:
  std::string_view data_;
  std::string where_;
  std::size_t at_ = 0;
};

/// The entries of an archive by name, each held to its checksum. Throws FileError for what is no such archive.
class ZipArchive {
 public:
  explicit ZipArchive(std::string path);

  bool has(const std::string& name) const { return entries_.contains(name); }
  /// The name of the one entry that ends so; empty if there is none.
  std::string find_suffix(const std::string& suffix) const;
  std::string_view read(const std::string& name) const;

 private:
  struct Entry {
    std::uint64_t offset = 0, size = 0, checksum = 0;
  };
  Bytes at(std::uint64_t offset) const;
  void read_directory();

  std::string path_, data_;
  std::map<std::string, Entry> entries_;
};

}  // namespace sda::io
