/// TorchScript modules as Python's torch.jit.save writes them.
#pragma once

#include <torch/script.h>

#include <filesystem>
#include <string>

namespace sda::test {

/// Saves a module with this forward and a parameter a = 2 of this dtype; returns the path.
inline std::string saved_script(const std::string& path, const std::string& forward,
                                at::ScalarType dtype = at::kFloat) {
  torch::jit::Module module(std::filesystem::path(path).stem().string());
  module.register_parameter("a", at::full({1}, 2, dtype), /*is_buffer=*/false);
  module.define(forward);
  module.save(path);
  return path;
}

}  // namespace sda::test
