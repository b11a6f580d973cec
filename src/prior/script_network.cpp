/// A network of the user's own, from TorchScript.
#include <fmt/format.h>

#include <algorithm>

#include "core/script.hpp"
#include "core/torch.hpp"
#include "prior/network_kinds.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

class ScriptNetwork final : public Network {
 public:
  ScriptNetwork(Script script, at::IntArrayRef event, const Tensor& context)
      : script_(std::move(script)), event_size_(count(event)), context_(context) {
    for (const auto& [name, value] : script_.parameters()) parameters_.push_back({name, value.detach()});
    if (parameters_.empty()) {
      throw UsageError({.what = "a TorchScript network without parameters",
                        .where = "network.script",
                        .expected = "at least one, of float32"});
    }
  }

  Tensor forward(const Tensor& windows, const Tensor& t) const override {
    std::vector<Tensor> present;
    for (const auto& parameter : parameters_) present.push_back(parameter.value);
    script_.set_parameters(present);
    const Tensor times = t.to(windows.options());
    std::vector<Tensor> inputs{windows, t.dim() == 0 ? times.expand({windows.size(0)}) : times};
    if (context_.defined()) inputs.push_back(context_.to(windows.options()));
    Tensor epsilon = script_(inputs);
    if (epsilon.sizes() != windows.sizes()) {
      throw ShapeError({.what = "a TorchScript network's noise does not have the windows' shape",
                        .where = "network.script",
                        .found = to_string(epsilon.sizes()),
                        .expected = to_string(windows.sizes())});
    }
    return epsilon;
  }

  /// Nothing is known of what it keeps: as much as a residual MLP of width 256 and depth 5 would of each state, or 64
  /// times the window.
  std::int64_t bytes_per_row(std::int64_t length) const override {
    return 4 * std::max<std::int64_t>(64 * length * event_size_, 5 * 6 * 256);
  }

  std::string script() const override { return script_.bytes(); }

 private:
  Script script_;
  std::int64_t event_size_;
  Tensor context_;
};

std::shared_ptr<Network> make_script_network(const NetworkParameters& parameters, at::IntArrayRef event, std::uint64_t,
                                             const Tensor& context) {
  if (!parameters.script_bytes && parameters.script.empty()) {
    throw UsageError({.what = "a network of TorchScript without a file",
                      .where = "network.script",
                      .expected = "the name of a file that torch.jit.save wrote"});
  }
  Script script = parameters.script_bytes ? Script::from_bytes(*parameters.script_bytes, "network.script")
                                          : Script::from_file(parameters.script);
  return std::make_shared<ScriptNetwork>(std::move(script), event, context);
}

}  // namespace

const NetworkType script_type{.kind = NetworkKind::torchscript,
                              .takes_context = [](const NetworkParameters&) { return true; },
                              .size = [](const NetworkParameters&) { return std::string(); },
                              .make = make_script_network};

}  // namespace sda
