#include "workflow/checkpoint.hpp"

#include <filesystem>
#include <span>

#include "data/formats/sealed_file.hpp"
#include "sda/data/formats/atomic_file.hpp"

namespace sda {

std::string checkpoint_of(const std::string& file) {
  const std::filesystem::path path(file);
  return (path.parent_path() / (path.stem().string() + ".checkpoint" + path.extension().string())).string();
}

void prepare_output(const std::string& file) {
  require_writable(file);
  remove_leftovers(file);
  remove_leftovers(checkpoint_of(file));
}

std::string checksum_of_file(const std::string& path) {
  const std::string all = io::read_text_file(path, {.what = "cannot be read"});
  return io::checksum(std::as_bytes(std::span(all)));
}

}  // namespace sda
