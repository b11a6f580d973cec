/// Text of files, and their names.
#include "report/files.hpp"

#include <cctype>
#include <fstream>
#include <iterator>

#include "sda/core/error.hpp"

namespace sda::report {

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw FileError({.what = "cannot be read", .where = path});
  return text;
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
