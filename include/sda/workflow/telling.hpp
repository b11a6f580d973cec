/// How a long call tells of itself.
#pragma once

#include <functional>
#include <string>

#include "sda/core/progress.hpp"

namespace sda {

/// How far it is, and lines for a log. Any of them may be empty. `progress` may throw to stop.
struct Telling {
  ProgressCallback progress{};
  std::function<void(const std::string&)> info{}, warning{};

  void say(const std::string& line) const {
    if (info) info(line);
  }
  void warn(const std::string& line) const {
    if (warning) warning(line);
  }
};

}  // namespace sda
