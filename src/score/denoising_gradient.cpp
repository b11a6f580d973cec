/// The denoising loss's gradient by autograd, or by the network's own kernel.
#include "sda/score/denoising_gradient.hpp"

#include "core/torch.hpp"
#include "sda/diffusion/denoising.hpp"

namespace sda {

namespace {

class AutogradGradient final : public DenoisingGradient {
 public:
  AutogradGradient(std::shared_ptr<const Network> network, const Tensor& gradient)
      : DenoisingGradient(gradient), network_(std::move(network)) {}

  double evaluate(const Tensor& x, const Tensor& t, const Tensor& epsilon) override {
    const at::AutoGradMode enable(true);
    gradient_.zero_();
    const Tensor loss = denoising_loss(network_->forward(x, t), epsilon);
    torch::autograd::backward({loss}, {});
    return loss.item<double>();
  }

  double loss(const Tensor& x, const Tensor& t, const Tensor& epsilon) override {
    const at::NoGradGuard no_grad;
    return denoising_loss(network_->forward(x, t), epsilon).item<double>();
  }

 private:
  std::shared_ptr<const Network> network_;
};

}  // namespace

double DenoisingGradient::descend(const Tensor& x, const Tensor& t, const Tensor& epsilon, const WeightUpdate& update) {
  const double loss = evaluate(x, t, epsilon);
  const auto* gradient = gradient_.data_ptr<float>();
  at::parallel_for(0, gradient_.numel(), 1 << 14,
                   [&](std::int64_t begin, std::int64_t end) { update(begin, gradient + begin, end - begin); });
  return loss;
}

std::unique_ptr<DenoisingGradient> make_denoising_gradient(std::shared_ptr<Network> network, const Tensor& weights,
                                                           const Tensor& gradient, Precision precision,
                                                           Evaluation evaluation) {
  network->bind(weights, gradient);
  if (evaluation == Evaluation::automatic)
    if (auto fused = network->fused_gradient(gradient, precision)) return fused;
  return std::make_unique<AutogradGradient>(std::move(network), gradient);
}

}  // namespace sda
