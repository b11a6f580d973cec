/// The denoising loss of a network and its gradient with respect to the weights, as training needs them.
#pragma once

#include <functional>
#include <memory>

#include "sda/prior/network.hpp"
#include "sda/prior/scores.hpp"

namespace sda {

/// Changes `n` weights from `begin` on, in the flat order, given ∂L/∂φ of them.
using WeightUpdate = std::function<void(std::int64_t begin, const float* gradient, std::int64_t n)>;

/// L = mean ‖ε_φ(x(t), t) − ε‖² over a batch (Rozet & Louppe 2023, Algorithm 1) and ∂L/∂φ.
class DenoisingGradient {
 public:
  /// `gradient` is flat, in the network's order.
  explicit DenoisingGradient(Tensor gradient) : gradient_(std::move(gradient)) {}
  virtual ~DenoisingGradient() = default;
  DenoisingGradient(const DenoisingGradient&) = delete;
  DenoisingGradient& operator=(const DenoisingGradient&) = delete;
  /// x(t) and ε (n, window, …event), t (n), float32: writes ∂L/∂φ to the flat gradient and returns L.
  virtual double evaluate(const Tensor& x, const Tensor& t, const Tensor& epsilon) = 0;
  /// One step of an optimiser: calls `update` once for every weight, from several threads at once, and returns L of
  /// before. Weights are updated as soon as their gradient is known, which may never be written to the flat one.
  virtual double descend(const Tensor& x, const Tensor& t, const Tensor& epsilon, const WeightUpdate& update);
  /// L alone; the flat gradient is undefined afterwards.
  virtual double loss(const Tensor& x, const Tensor& t, const Tensor& epsilon) { return evaluate(x, t, epsilon); }

 protected:
  Tensor gradient_;
};

/// Binds the network's parameters to `weights` and its gradients to `gradient`, both flat, in the network's order (see
/// Network::bind): an optimiser changes `weights`, by libtorch or in `descend`; every evaluation writes `gradient`
/// anew. By the network's own kernel where it has one, else by autograd; `precision` is the kernel's (weights and sums
/// are float32 always).
std::unique_ptr<DenoisingGradient> make_denoising_gradient(std::shared_ptr<Network> network, const Tensor& weights,
                                                           const Tensor& gradient, Precision precision,
                                                           Evaluation evaluation = Evaluation::automatic);

/// The same where `network`, a copy, is on another device: `weights` go there before each evaluation, windows and the
/// gradient go and come. By autograd.
std::unique_ptr<DenoisingGradient> make_remote_gradient(std::shared_ptr<Network> network, const Tensor& weights,
                                                        const Tensor& gradient);

}  // namespace sda
