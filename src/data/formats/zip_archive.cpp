/// Zip archives (stored entries, PKWARE APPNOTE 6.3).
#include "data/formats/zip_archive.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "sda/core/error.hpp"

namespace sda::io {
namespace {

bool is_intact([[maybe_unused]] std::string_view content, [[maybe_unused]] std::uint64_t checksum) {
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
  return true;  // no mutation would get past the checksum
#else
  return crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size()) == checksum;
#endif
}

}  // namespace

std::string_view Bytes::take(std::size_t size) {
  if (size > data_.size() - at_) {
    throw FileError({.what = "the archive is damaged or truncated", .where = where_});
  }
  const auto part = data_.substr(at_, size);
  at_ += size;
  return part;
}

std::uint64_t Bytes::number(std::size_t size) {
  std::uint64_t value = 0;
  const auto bytes = take(size);
  for (std::size_t i = 0; i < size; ++i) value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

std::string Bytes::line() {
  const auto end = data_.find('\n', at_);
  const auto text = take(end == std::string_view::npos ? data_.size() : end - at_);
  take(1);
  return std::string(text);
}

ZipArchive::ZipArchive(std::string path) : path_(std::move(path)) {
  std::ifstream file(path_, std::ios::binary);
  if (!file || std::filesystem::is_directory(path_)) {
    throw FileError({.what = fmt::format("cannot be read: {}", file ? "a folder" : std::strerror(errno)),
                     .where = path_,
                     .expected = "a state.pth as torch.save wrote it"});
  }
  data_.assign(std::istreambuf_iterator<char>(file), {});
  if (!data_.starts_with("PK\3\4")) {
    throw FileError({.what = "not an archive of torch.save",
                     .where = path_,
                     .expected = "a zip archive, as PyTorch 1.6 and later write it",
                     .hint = "load it with PyTorch and save it again"});
  }
  read_directory();
}

std::string ZipArchive::find_suffix(const std::string& suffix) const {
  for (const auto& [name, entry] : entries_)
    if (name.ends_with(suffix)) return name;
  return {};
}

std::string_view ZipArchive::read(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw FileError({.what = "the archive lacks " + name, .where = path_});
  const Entry& entry = found->second;
  // Local header: signature and ten fields, then the name and an extra field of lengths of their own.
  Bytes local = at(entry.offset);
  if (local.take(4) != "PK\3\4") throw FileError({.what = "the archive is damaged", .where = path_});
  local.take(22);
  const auto skipped = local.number(2);
  const auto extra = local.number(2);
  local.take(skipped + extra);
  const auto content = local.take(entry.size);
  if (!is_intact(content, entry.checksum)) {
    throw FileError({.what = "the archive is damaged: the checksum of " + name + " does not match", .where = path_});
  }
  return content;
}

Bytes ZipArchive::at(std::uint64_t offset) const {
  Bytes bytes(data_, path_);
  bytes.take(offset);
  return bytes;
}

void ZipArchive::read_directory() {
  const auto end = data_.rfind("PK\5\6");
  if (end == std::string::npos) throw FileError({.what = "the archive is truncated", .where = path_});
  Bytes tail = at(end);
  tail.take(10);
  const auto count = tail.number(2);
  tail.take(4);
  const auto offset = tail.number(4);
  tail.take(tail.number(2));  // the archive's comment
  if (offset == 0xFFFFFFFF) throw FileError({.what = "archives beyond 4 GiB are not read", .where = path_});
  Bytes directory = at(offset);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (directory.take(4) != "PK\1\2") throw FileError({.what = "the archive is damaged", .where = path_});
    directory.take(6);
    const auto method = directory.number(2);
    directory.take(4);
    Entry entry;
    entry.checksum = directory.number(4);
    const auto packed = directory.number(4);
    entry.size = directory.number(4);
    const auto name = directory.number(2), extra = directory.number(2), comment = directory.number(2);
    directory.take(8);
    entry.offset = directory.number(4);
    const std::string text(directory.take(name));
    directory.take(extra + comment);
    if (method != 0 || packed != entry.size) {
      throw FileError(
          {.what = "the archive is compressed, which torch.save never does", .where = path_, .found = text});
    }
    entries_[text] = entry;
  }
}

}  // namespace sda::io
