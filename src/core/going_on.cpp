#include "sda/core/going_on.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "sda/core/error.hpp"

namespace sda {

std::string saved_in(const std::string& path, const std::string& how_far) {
  if (path.empty()) return "nothing was written";
  return fmt::format("saved in {}{}; the same command with --resume goes on", path,
                     how_far.empty() ? "" : " (" + how_far + ")");
}

void require_saved(const std::string& path) {
  std::error_code ignored;
  require_saved(path, std::filesystem::exists(path, ignored));
}

void require_saved(const std::string& path, bool is_there) {
  if (is_there) return;
  throw UsageError({.what = "nothing to go on from",
                    .where = path,
                    .expected = "what a run that was stopped has left",
                    .hint = "start without --resume"});
}

std::string of_an_earlier_run(const std::string& path) {
  return path + " is of an earlier run and will be replaced; --resume would have gone on from it";
}

}  // namespace sda
