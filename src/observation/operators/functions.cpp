/// What an instrument reads by a function of the user's own: a TorchScript module, or a class registered by name.
#include <fmt/format.h>

#include "core/script.hpp"
#include "observation/operators/kinds.hpp"
#include "sda/core/error.hpp"

namespace sda {

Tensor StateFunction::vjp(const Tensor& states, const Tensor& v) const {
  return observation::vjp_by_autograd([this](const Tensor& x) { return read(x); }, states, v);
}

}  // namespace sda

namespace sda::observation {
namespace {

/// States (n, …field) → what the function makes of them, (n, …observation), whatever leading axes there are.
class FunctionLink final : public StateLink {
 public:
  FunctionLink(const Field& field, std::shared_ptr<const StateFunction> function, std::string name)
      : StateLink(field, observation_of(field, *function, name)),
        function_(std::move(function)),
        name_(std::move(name)) {}

  Tensor read(const Tensor& x) const override {
    return function_->read(x.reshape(prepend({-1}, field().sizes))).reshape(observation_shape_for(x));
  }
  Tensor vjp(const Tensor& x, const Tensor& v) const override {
    const Tensor g =
        function_->vjp(x.reshape(prepend({-1}, field().sizes)), v.reshape(prepend({-1}, observation().sizes)));
    return g.reshape(x.sizes());
  }
  bool is_affine() const override { return false; }
  std::string describe() const override { return name_; }

 private:
  /// By its answer to two states of 1: a component for each value of an observation unless space is as it was.
  static Field observation_of(const Field& field, const StateFunction& function, const std::string& name) {
    const Tensor y = function.read(at::ones(prepend({2}, field.sizes), at::kDouble));
    if (y.dim() < 1 || y.size(0) != 2 || y.numel() == 0) {
      throw ShapeError(
          {.what = "an operator of your own does not give an observation for each state",
           .where = name,
           .found = fmt::format("{} for states {}", to_string(y.sizes()), to_string(prepend({2}, field.sizes))),
           .expected = "2 × …"});
    }
    Field observation = field;
    observation.names.clear();
    observation.sizes = y.sizes().slice(1).vec();
    if (observation.sizes.empty()) observation.sizes = {1};
    observation.has_components = true;
    if (observation.sizes.size() != field.sizes.size() || observation.space() != field.space() ||
        !field.has_components) {
      observation.axes.clear();
      observation.areas = Tensor();
      observation.curvilinear.reset();
    }
    return observation;
  }

  std::shared_ptr<const StateFunction> function_;
  std::string name_;
};

class ScriptFunction final : public StateFunction {
 public:
  explicit ScriptFunction(Script script) : script_(std::move(script)) {}
  Tensor read(const Tensor& states) const override {
    return script_({states.to(script_.dtype(states.scalar_type()))}).to(states.scalar_type());
  }

 private:
  Script script_;
};

MadeLink make_function_link(const LinkSite& site, std::shared_ptr<const StateFunction> function, std::string name) {
  require_physical(site, "a function of your own");
  return std::make_unique<FunctionLink>(site.field, std::move(function), std::move(name));
}

}  // namespace

std::vector<LinkKind> function_links() {
  return {{.name = "torchscript",
           .help = "\"FILE\": a module saved from Python whose forward(states) is what is read, after physical",
           .value = takes::text(),
           .make =
               [](const LinkSite& site) {
                 auto function = std::make_shared<ScriptFunction>(Script::from_file(site.link.text));
                 return make_function_link(site, std::move(function), "TorchScript " + site.link.text);
               },
           .runs_code = true}};
}

}  // namespace sda::observation

namespace sda {

bool register_link(const std::string& kind, const std::string& help, MakeStateFunction make) {
  observation::add_link_kind({.name = kind,
                              .help = help,
                              .value = observation::takes::numbers(),
                              .make = [kind, make = std::move(make)](const observation::LinkSite& site) {
                                return observation::make_function_link(site, make(site.link.numbers, site.field.sizes),
                                                                       kind);
                              }});
  return true;
}

}  // namespace sda
