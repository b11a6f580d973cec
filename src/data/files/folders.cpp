/// Parts of trajectories, the names of their files, and folders that go again.
#include "sda/data/files/folders.hpp"

#include <fmt/format.h>

#include <cmath>
#include <tuple>

#include "sda/core/error.hpp"

namespace sda {

namespace fs = std::filesystem;

std::vector<Part> split(std::int64_t total, double train_share, double valid_share, const std::string& key) {
  const auto up_to = [&](double share) {
    return static_cast<std::int64_t>(std::floor(share * static_cast<double>(total) + 1e-9));
  };
  const std::int64_t train = up_to(train_share), valid = up_to(train_share + valid_share);
  const bool tests = train_share + valid_share < 1 - 1e-9;
  std::vector<Part> parts;
  for (const auto& [name, begin, end, expected] :
       {std::tuple{"train", std::int64_t{0}, train, train_share > 0},
        std::tuple{"valid", train, valid, valid_share > 0}, std::tuple{"test", valid, total, tests}}) {
    if (!expected) continue;
    if (begin == end) {
      const auto section = key.substr(0, key.find('.'));
      throw UsageError({.what = fmt::format("no trajectory is left for {}.nc", name),
                        .where = key,
                        .found = fmt::format("{} trajectories", total),
                        .expected = fmt::format("enough for the shares {0}.train and {0}.valid, such as 10", section),
                        .hint = key.starts_with("data.") ? "give more, or let data.length cut them into shorter ones"
                                                         : "raise simulation.trajectories"});
    }
    parts.push_back({name, begin, end - begin});
  }
  return parts;
}

std::string part_file(const std::string& part) {
  return part + ".nc";
}

std::string part_file(const std::string& part, std::int64_t i) {
  return fmt::format("{}_{:04}.nc", part, i);
}

std::vector<std::string> files_of_part(const std::string& folder, const std::string& part) {
  const fs::path whole = fs::path(folder) / part_file(part);
  std::vector<std::string> files;
  for (std::int64_t i = 0; fs::exists(fs::path(folder) / part_file(part, i)); ++i)
    files.push_back((fs::path(folder) / part_file(part, i)).string());
  if (files.empty()) return {whole.string()};
  if (!fs::exists(whole)) return files;
  throw FileError({.what = fmt::format("both {} and {}", part_file(part), part_file(part, 0)),
                   .where = folder,
                   .expected = "the files of one import",
                   .hint = "remove those of the other"});
}

void require_no_others(const std::string& folder, const std::string& part, bool several) {
  std::vector<std::string> others{part_file(part, 0)};
  if (several) others.push_back(part_file(part));
  for (const auto& other : others) {
    if (!fs::exists(fs::path(folder) / other)) continue;
    throw FileError({.what = "the folder has files of an earlier run",
                     .where = folder,
                     .found = other,
                     .hint = "remove them, or choose another folder"});
  }
}

OutputFolder::OutputFolder(const std::string& path) : path_(path) {
  std::error_code error;
  made_ = fs::create_directories(path_, error);
  if (error || !fs::is_directory(path_)) {
    kept_ = true;  // nothing of ours to take away
    throw FileError({.what = "cannot make the output folder",
                     .where = path,
                     .found = error ? error.message() : "a file of that name"});
  }
}

OutputFolder::~OutputFolder() {
  if (kept_) return;
  std::error_code ignored;
  for (const auto& file : files_) fs::remove(file, ignored);
  if (made_) fs::remove_all(path_, ignored);
}

std::string OutputFolder::file(const std::string& name) {
  return files_.emplace_back(path_ / name).string();
}

}  // namespace sda
