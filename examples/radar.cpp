/// An instrument of one's own as a plugin: how far a radar that stands somewhere sees a target fly by.
///     sda --plugin build/examples/libradar.so observe …    with    operator = [{physical = true}, {radar = [10, 0]}]
#include <ATen/ATen.h>

#include "sda/observation/operator.hpp"

class Radar final : public sda::StateFunction {
 public:
  Radar(double x, double y) : x_(x), y_(y) {}
  /// (n, …) with x and y first → (n, 1): the distance. Guidance differentiates it by autograd.
  sda::Tensor read(const sda::Tensor& states) const override {
    return at::hypot(states.select(1, 0) - x_, states.select(1, 1) - y_).unsqueeze(1);
  }

 private:
  double x_, y_;
};

const bool known = sda::register_link("radar", "[x, y]: distance from there",
                                      [](const auto& at, auto) { return std::make_shared<Radar>(at.at(0), at.at(1)); });
