/// The repository's Markdown: its pages, and what stands in them.
#pragma once

#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "scratch_folder.hpp"

namespace sda::test {

/// Files of the repository with this extension, but for what builds and runs leave there.
inline std::vector<std::filesystem::path> repository_files(const std::string& extension) {
  static const std::set<std::string> not_ours{".git", ".cache", "build", "run"};
  std::vector<std::filesystem::path> found;
  const std::filesystem::recursive_directory_iterator end;
  for (auto entry = std::filesystem::recursive_directory_iterator(SDA_SOURCE_DIR); entry != end; ++entry) {
    if (entry->is_directory() && not_ours.contains(entry->path().filename())) entry.disable_recursion_pending();
    if (entry->path().extension() == extension) found.push_back(entry->path());
  }
  return found;
}

/// A stretch of a page: prose, or what stands between two fences.
struct PageBlock {
  std::string language;  ///< "sh", "toml"; "prose" outside fences
  std::string text;
};

inline std::vector<PageBlock> blocks_of(const std::filesystem::path& page) {
  std::istringstream text(read_bytes(page));
  std::vector<PageBlock> blocks{{"prose", ""}};
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("```")) {
      blocks.push_back({blocks.back().language == "prose" ? line.substr(3) : "prose", ""});
    } else {
      blocks.back().text += line + "\n";
    }
  }
  return blocks;
}

/// All blocks of one language, one after another.
inline std::string text_of(const std::filesystem::path& page, const std::string& language) {
  std::string text;
  for (const auto& block : blocks_of(page)) {
    if (block.language == language) text += block.text;
  }
  return text;
}

}  // namespace sda::test
