/// The denoising loss of a network and its gradient with respect to the weights, as training needs them.
#pragma once

#include <memory>

#include "sda/score/network.hpp"
#include "sda/score/scores.hpp"

namespace sda {

/// L = mean ‖ε_φ(x(t), t) − ε‖² over a batch (Rozet & Louppe 2023, Algorithm 1) and ∂L/∂φ.
class DenoisingGradient {
 public:
  virtual ~DenoisingGradient() = default;
  /// x(t) and ε (n, window, …event), t (n), float32: writes ∂L/∂φ where `make_denoising_gradient` was told to, and
  /// returns L.
  virtual double evaluate(const Tensor& x, const Tensor& t, const Tensor& epsilon) = 0;
};

/// Binds the network's parameters to `weights` and its gradients to `gradient`, both flat, in the network's order (see
/// Network::bind): the optimiser changes `weights`, every evaluation writes `gradient` anew. By the network's own
/// kernel where it has one, else by autograd; `precision` is the kernel's (weights and sums are float32 always).
std::unique_ptr<DenoisingGradient> make_denoising_gradient(std::shared_ptr<Network> network, const Tensor& weights,
                                                           const Tensor& gradient, Precision precision,
                                                           Evaluation evaluation = Evaluation::automatic);

}  // namespace sda
