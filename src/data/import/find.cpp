/// Which files [data] names: patterns of the shell.
#include "data/import/find.hpp"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <set>

#include "sda/core/error.hpp"

namespace sda::io {

std::vector<std::string> find_files(const DataParameters& p) {
  if (p.files.empty()) {
    throw UsageError({.what = "which files?", .where = "data.files", .expected = "files = \"runs/*.nc\", say"});
  }
  std::vector<std::string> found;
  for (const auto& pattern : p.files) {
    glob_t matches{};
    if (::glob(pattern.c_str(), GLOB_BRACE | GLOB_TILDE, nullptr, &matches) == 0) {
      for (std::size_t i = 0; i < matches.gl_pathc; ++i) {
        const std::string path = matches.gl_pathv[i];
        if (std::find(found.begin(), found.end(), path) == found.end()) found.push_back(path);
      }
    } else {
      ::globfree(&matches);
      throw FileError({.what = "no file is found", .where = "data.files", .found = pattern, .hint = "check the path"});
    }
    ::globfree(&matches);
  }
  return found;
}

void require_distinct_names(const DataParameters& p) {
  if (p.variables.empty()) {
    throw UsageError(
        {.what = "which variables make a state?", .where = "data.variables", .expected = "variables = [\"u\"], say"});
  }
  std::set<std::string> seen;
  const auto require_new = [&](const std::string& key, const std::string& name) {
    if (name.empty() || seen.insert(name).second) return;
    throw UsageError({.what = "a name is given twice", .where = "data." + key, .found = name});
  };
  for (const auto& name : p.variables) require_new("variables", name);
  seen.clear();
  require_new("trajectory", p.trajectory);
  require_new("time", p.time);
  require_new("level", p.level);
  for (const auto& name : p.space) require_new("space", name);
}

}  // namespace sda::io
