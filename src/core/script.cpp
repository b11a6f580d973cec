/// TorchScript modules: loading, calling, and putting other parameters in.
#include "core/script.hpp"

#include <torch/script.h>

#include <filesystem>
#include <mutex>
#include <sstream>

#include "sda/core/error.hpp"

namespace sda {

/// A parameter, and the part of the module that owns it.
struct Slot {
  std::string name;
  torch::jit::Module owner;
  std::string attribute;
};

struct Script::Module {
  torch::jit::Module module;
  std::vector<Slot> slots;
  std::mutex setting;
};

namespace {

/// The line that says what is wrong: TorchScript's messages go on with the Python source and C++'s frames.
std::string reason(const std::string& message) {
  std::istringstream lines(message);
  std::string last;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("Exception raised from") || line.starts_with("frame #")) break;
    if (!line.empty()) last = line;
  }
  return last;
}

[[noreturn]] void refuse_file(const std::string& where, const std::string& message) {
  throw FileError({.what = "no TorchScript module can be read",
                   .where = where,
                   .found = message.substr(0, message.find('\n')),
                   .expected = "a file that torch.jit.save wrote"});
}

std::vector<Slot> slots_of(const torch::jit::Module& root) {
  std::vector<Slot> slots;
  for (const auto& entry : root.named_modules()) {
    for (const auto& parameter : entry.value.named_parameters(/*recurse=*/false)) {
      slots.push_back(
          {entry.name.empty() ? parameter.name : entry.name + "." + parameter.name, entry.value, parameter.name});
    }
  }
  return slots;
}

}  // namespace

template <class Source>
Script Script::load(Source&& source, const std::string& where) {
  auto loaded = std::make_shared<Module>();
  try {
    loaded->module = torch::jit::load(source, at::kCPU);
  } catch (const std::exception& error) {
    refuse_file(where, error.what());
  }
  loaded->module.eval();
  loaded->slots = slots_of(loaded->module);
  return {loaded, where};
}

Script Script::from_file(const std::string& path) {
  if (!std::filesystem::exists(path)) {
    throw FileError({.what = "no such file", .where = path, .hint = "check the path of the TorchScript module"});
  }
  return load(path, path);
}

Script Script::from_bytes(const std::string& bytes, const std::string& where) {
  return load(std::istringstream(bytes), where);
}

std::string Script::bytes() const {
  std::ostringstream stream;
  module_->module.save(stream);
  return std::move(stream).str();
}

Tensor Script::operator()(const std::vector<Tensor>& inputs) const {
  const auto refuse = [&](const std::string& found, const std::string& expected) {
    std::string shapes;
    for (const auto& input : inputs) shapes += (shapes.empty() ? "" : ", ") + to_string(input.sizes());
    throw UsageError({.what = "forward of a TorchScript module failed on inputs " + shapes,
                      .where = where_,
                      .found = found,
                      .expected = expected});
  };
  torch::jit::IValue result;
  try {
    result = module_->module.forward({inputs.begin(), inputs.end()});
  } catch (const std::exception& error) {
    refuse(reason(error.what()), "");
  }
  if (!result.isTensor()) refuse(result.tagKind(), "one tensor");
  return result.toTensor();
}

at::ScalarType Script::dtype(at::ScalarType otherwise) const {
  for (const auto& parameter : module_->module.parameters()) return parameter.scalar_type();
  for (const auto& buffer : module_->module.buffers()) {
    if (buffer.is_floating_point()) return buffer.scalar_type();
  }
  return otherwise;
}

std::vector<std::pair<std::string, Tensor>> Script::parameters() const {
  std::vector<std::pair<std::string, Tensor>> all;
  for (const auto& slot : module_->slots) all.emplace_back(slot.name, slot.owner.attr(slot.attribute).toTensor());
  return all;
}

void Script::set_parameters(const std::vector<Tensor>& values) const {
  const std::lock_guard<std::mutex> lock(module_->setting);
  bool other_device = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto& slot = module_->slots[i];
    const Tensor present = slot.owner.attr(slot.attribute).toTensor();
    if (present.is_same(values[i])) continue;
    other_device = other_device || present.device() != values[i].device();
    slot.owner.setattr(slot.attribute, values[i]);
  }
  if (!other_device) return;
  for (const auto& entry : module_->module.named_modules()) {
    for (const auto& buffer : entry.value.named_buffers(/*recurse=*/false)) {
      auto owner = entry.value;
      owner.setattr(buffer.name, buffer.value.to(values.front().device()));
    }
  }
}

}  // namespace sda
