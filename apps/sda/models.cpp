#include "models.hpp"

#include <filesystem>
#include <system_error>

namespace sda::app {
namespace {

namespace fs = std::filesystem;

/// Beside the program, so that an installation can be moved: PREFIX/bin/sda has its models in PREFIX/share/sda/models.
fs::path folder_of_models() {
  std::error_code unknown;
  const fs::path program = fs::read_symlink("/proc/self/exe", unknown);
  return program.parent_path().parent_path() / "share" / "sda" / "models";
}

}  // namespace

std::string model_file(const std::string& name) {
  if (name.find('/') != std::string::npos || fs::exists(name)) return name;
  const fs::path installed = folder_of_models() / (name + ".nc");
  return fs::exists(installed) ? installed.string() : name;
}

CLI::Option* add_model_flag(CLI::App& flags, std::string& model, const std::string& help) {
  return flags.add_option("--model", model, help)->type_name(value::file)->transform(model_file);
}

}  // namespace sda::app
