/// The denoising loss's gradient by autograd, or by the network's own kernel.
#include "sda/prior/denoising_gradient.hpp"

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

class RemoteGradient final : public DenoisingGradient {
 public:
  RemoteGradient(std::shared_ptr<Network> network, Tensor weights, const Tensor& gradient)
      : DenoisingGradient(gradient),
        weights_(std::move(weights)),
        device_(network->device()),
        weights_there_(at::empty_like(weights_, at::TensorOptions(device_))),
        gradient_there_(at::empty_like(weights_there_)),
        there_(bound(std::move(network), weights_there_, gradient_there_), gradient_there_) {}

  double evaluate(const Tensor& x, const Tensor& t, const Tensor& epsilon) override {
    weights_there_.copy_(weights_);
    const double loss = there_.evaluate(x.to(device_), t.to(device_), epsilon.to(device_));
    gradient_.copy_(gradient_there_);
    return loss;
  }

  double loss(const Tensor& x, const Tensor& t, const Tensor& epsilon) override {
    weights_there_.copy_(weights_);
    return there_.loss(x.to(device_), t.to(device_), epsilon.to(device_));
  }

 private:
  static std::shared_ptr<Network> bound(std::shared_ptr<Network> network, const Tensor& weights,
                                        const Tensor& gradient) {
    network->bind(weights, gradient);
    return network;
  }

  Tensor weights_;
  at::Device device_;
  Tensor weights_there_, gradient_there_;
  AutogradGradient there_;
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

std::unique_ptr<DenoisingGradient> make_remote_gradient(std::shared_ptr<Network> network, const Tensor& weights,
                                                        const Tensor& gradient) {
  return std::make_unique<RemoteGradient>(std::move(network), weights, gradient);
}

}  // namespace sda
