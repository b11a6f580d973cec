/// What all links share: shapes with leading axes, and derivatives by autograd.
#include "observation/operators/link.hpp"

namespace sda::observation {
namespace {

/// The leading axes of x, whose last ones are `inner`, with `other` behind them.
Shape leading_with(const Tensor& x, const Shape& inner, const Shape& other) {
  Shape shape = x.sizes().slice(0, static_cast<std::size_t>(x.dim()) - inner.size()).vec();
  shape.insert(shape.end(), other.begin(), other.end());
  return shape;
}

}  // namespace

Shape StateLink::shape_for(const Tensor& v) const {
  return leading_with(v, observation_.sizes, field_.sizes);
}

Shape StateLink::observation_shape_for(const Tensor& x) const {
  return leading_with(x, field_.sizes, observation_.sizes);
}

Tensor vjp_by_autograd(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& v) {
  c10::InferenceMode ordinary(false);
  at::AutoGradMode enabled(true);
  const Tensor from = (x.is_inference() ? x.clone() : x.detach()).requires_grad_();
  const Tensor cotangent = v.is_inference() ? v.clone() : v;
  const Tensor g = torch::autograd::grad({f(from)}, {from}, {cotangent}).front();
  return g.masked_fill(g.isnan(), 0);
}

}  // namespace sda::observation
