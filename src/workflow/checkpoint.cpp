#include "workflow/checkpoint.hpp"

#include <filesystem>

namespace sda {

std::string checkpoint_of(const std::string& file) {
  const std::filesystem::path path(file);
  return (path.parent_path() / (path.stem().string() + ".checkpoint" + path.extension().string())).string();
}

}  // namespace sda
