/// Functions and networks that a user saved from Python with torch.jit.save. Private to src/.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sda/core/tensor.hpp"

namespace sda {

/// A TorchScript module, evaluated on the CPU or where its parameters are set.
class Script {
 public:
  /// Throws FileError if there is no such file or it holds no TorchScript.
  static Script from_file(const std::string& path);
  /// Of `bytes()`; `where` names them in messages.
  static Script from_bytes(const std::string& bytes, const std::string& where);

  /// The module as a file holds it.
  std::string bytes() const;
  /// forward(inputs…); one tensor. Throws UsageError, in TorchScript's words, if it fails or gives something else.
  Tensor operator()(const std::vector<Tensor>& inputs) const;
  /// The dtype of its first parameter or buffer; `otherwise` where it has none.
  at::ScalarType dtype(at::ScalarType otherwise) const;

  /// Names and tensors of the parameters, in the module's order.
  std::vector<std::pair<std::string, Tensor>> parameters() const;
  /// Evaluates with these from now on, in the order of `parameters()`, and with buffers on their device.
  void set_parameters(const std::vector<Tensor>& values) const;

 private:
  struct Module;
  /// From what torch::jit::load takes.
  template <class Source>
  static Script load(Source&& source, const std::string& where);
  Script(std::shared_ptr<Module> module, std::string where) : module_(std::move(module)), where_(std::move(where)) {}
  std::shared_ptr<Module> module_;
  std::string where_;
};

}  // namespace sda
