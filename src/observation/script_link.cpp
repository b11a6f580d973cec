/// What an instrument reads by a function of the user's own, from TorchScript.
#include <fmt/format.h>

#include "core/script.hpp"
#include "observation/links.hpp"
#include "sda/core/error.hpp"

namespace sda::observation {
namespace {

/// States (n, …field) → what the module makes of them, (n, …reading), whatever leading axes there are.
class ScriptLink final : public StateLink {
 public:
  ScriptLink(const Field& field, Script script, std::string path)
      : StateLink(field, reading_of(field, script, path)), script_(std::move(script)), path_(std::move(path)) {}

  Tensor read(const Tensor& x) const override {
    const auto leading = x.sizes().slice(0, static_cast<std::size_t>(x.dim()) - field().sizes.size());
    const Tensor y = of_states(script_, x.reshape(prepend({count(leading)}, field().sizes)));
    Shape shape = leading.vec();
    shape.insert(shape.end(), reading().sizes.begin(), reading().sizes.end());
    return y.reshape(shape);
  }
  Tensor pull_back(const Tensor& x, const Tensor& v) const override {
    return pull_back_by_autograd([this](const Tensor& from) { return read(from); }, x, v);
  }
  bool is_affine() const override { return false; }
  std::string describe() const override { return "TorchScript " + path_; }

 private:
  static Tensor of_states(const Script& script, const Tensor& x) {
    return script({x.to(script.dtype(x.scalar_type()))}).to(x.scalar_type());
  }

  /// By its answer to two states of 1: a component for each value of a reading unless space is as it was.
  static Field reading_of(const Field& field, const Script& script, const std::string& path) {
    const Tensor y = of_states(script, at::ones(prepend({2}, field.sizes), at::kDouble));
    if (y.dim() < 1 || y.size(0) != 2 || y.numel() == 0) {
      throw ShapeError(
          {.what = "a TorchScript operator does not give a reading for each state",
           .where = path,
           .found = fmt::format("{} for states {}", to_string(y.sizes()), to_string(prepend({2}, field.sizes))),
           .wanted = "2 × …"});
    }
    Field reading = field;
    reading.names.clear();
    reading.sizes = y.sizes().slice(1).vec();
    if (reading.sizes.empty()) reading.sizes = {1};
    reading.has_components = true;
    if (reading.sizes.size() != field.sizes.size() || reading.space() != field.space() || !field.has_components) {
      reading.axes.clear();
    }
    return reading;
  }

  Script script_;
  std::string path_;
};

}  // namespace

std::unique_ptr<StateLink> make_script_link(const OperatorLink& link, const Field& field) {
  return std::make_unique<ScriptLink>(field, Script::from_file(link.text), link.text);
}

}  // namespace sda::observation
