/// The denoising loss's gradient of a U-Net. Threads take stacks of images forward and back through the kernel, then
/// share out the convolutions, whose gradients are sums over all images: every sum is taken in one order, whatever the
/// number of threads. The embedded time and its projections, a thousandth of the work, are libtorch's.
#include "score/fused_unet_gradient.hpp"

#include "core/torch.hpp"
#include "score/kernels/unet_gradient.hpp"
#include "score/share_out.hpp"

namespace sda {

namespace {

class FusedUNetGradient final : public DenoisingGradient {
 public:
  FusedUNetGradient(UNetTraining network, const Tensor& gradient)
      : DenoisingGradient(gradient), network_(std::move(network)), convolutions_(*network_.kernel) {}

  double evaluate(const Tensor& x, const Tensor& t, const Tensor& epsilon) override {
    const Batch batch{x.contiguous(), epsilon.contiguous(), x.size(0), x.numel() / x.size(0)};
    prepare(batch.n, network_.image(x.size(1)));
    const kernels::UNetKernel& kernel = *network_.kernel;
    share_out(kernel.parts(), [&](std::int64_t part, std::int64_t) { network_.kernel->pack(part); });
    gradient_.zero_();
    const Tensor shifts = [&] {
      const at::AutoGradMode enable(true);
      return network_.shifts(t);
    }();
    Tensor shift_gradient = at::empty_like(shifts);
    double squares = 0;
    for (std::size_t first = 0; first < stacks_.size(); first += together_) {
      const std::size_t count = std::min(together_, stacks_.size() - first);
      std::vector<kernels::UNetGradient::Stack> passes(count);
      std::vector<double> sums(count);
      share_out(static_cast<std::int64_t>(count), [&](std::int64_t i, std::int64_t thread) {
        std::byte* tape = tapes_[i].get();
        sums[i] = pass(stacks_[first + i], batch, shifts.data_ptr<float>(), shift_gradient.data_ptr<float>(), tape,
                       benches_[thread]);
        passes[i] = {&plan_of(stacks_[first + i]), tape};
      });
      for (const double sum : sums) squares += sum;
      share_out(convolutions_.tasks(), [&](std::int64_t task, std::int64_t thread) {
        convolutions_.add(task, passes, first == 0, benches_[thread].bytes.get());
      });
    }
    auto* flat = gradient_.data_ptr<float>();
    share_out(kernel.parts(), [&](std::int64_t i, std::int64_t) {
      const kernels::ConvolutionView& view = kernel.convolutions()[i].view;
      const std::int64_t weights = view.out * view.in * (kernel.packed().flat ? 3 : 9);
      convolutions_.collect(i, flat + network_.places[i], flat + network_.places[i] + weights);
    });
    torch::autograd::backward({shifts}, {shift_gradient});
    return squares / static_cast<double>(x.numel());
  }

 private:
  struct Batch {
    Tensor x, epsilon;
    std::int64_t n, size;  ///< images, and values of each
  };
  struct Stack {
    std::int64_t first, images;
  };
  struct Bench {
    kernels::AlignedBytes bytes;
    std::vector<const float*> rows;
    std::vector<float> values;
  };

  /// Plans and memory for batches of n images; those of the batch before if they are the same.
  void prepare(std::int64_t n, kernels::Grid image) {
    const bool same_image = image.height == image_.height && image.width == image_.width;
    if (n == n_ && same_image && benches_.size() >= static_cast<std::size_t>(at::get_num_threads())) return;
    n_ = n;
    image_ = image;
    const std::int64_t most = std::min(kernels::images_together(image), n);
    image.images = most;
    full_ = network_.kernel->plan(image, kernels::Keep::for_gradient);
    image.images = n % most;
    if (n % most != 0) rest_ = network_.kernel->plan(image, kernels::Keep::for_gradient);
    stacks_.clear();
    for (std::int64_t first = 0; first < n; first += most) stacks_.push_back({first, std::min(most, n - first)});
    // Tapes of so many stacks at once.
    constexpr std::int64_t bytes = std::int64_t{1} << 30;
    together_ = static_cast<std::size_t>(std::clamp<std::int64_t>(bytes / full_.tape_size, 1, std::ssize(stacks_)));
    tapes_.clear();
    for (std::size_t i = 0; i < together_; ++i) tapes_.push_back(kernels::aligned_bytes(full_.tape_size));
    benches_.clear();
    const std::int64_t values = most * image.height * image.width * network_.kernel->image().channels;
    for (int i = 0; i < at::get_num_threads(); ++i)
      benches_.push_back({kernels::aligned_bytes(std::max(full_.bench_size, convolutions_.bench_size())),
                          std::vector<const float*>(static_cast<std::size_t>(most)),
                          std::vector<float>(static_cast<std::size_t>(values))});
  }

  const kernels::UNetPlan& plan_of(const Stack& stack) const {
    return stack.images == stacks_.front().images ? full_ : rest_;
  }

  /// Forward and back; Σ (ε_φ − ε)² over the stack's images.
  double pass(const Stack& stack, const Batch& batch, const float* shifts, float* shift_gradient, std::byte* tape,
              Bench& bench) const {
    const kernels::UNetKernel& kernel = *network_.kernel;
    const kernels::UNetPlan& plan = plan_of(stack);
    for (std::int64_t i = 0; i < stack.images; ++i)
      bench.rows[i] = batch.x.data_ptr<float>() + (stack.first + i) * batch.size;
    kernel.forward(plan, bench.rows.data(), {shifts + stack.first * kernel.shifts(), kernel.shifts()},
                   bench.values.data(), tape, bench.bytes.get());
    const float* epsilon = batch.epsilon.data_ptr<float>() + stack.first * batch.size;
    const float scale = 2 / (static_cast<float>(batch.n) * static_cast<float>(batch.size));
    double squares = 0;
    for (std::int64_t i = 0; i < stack.images * batch.size; ++i) {
      const float error = bench.values[i] - epsilon[i];
      squares += static_cast<double>(error) * error;
      bench.values[i] = scale * error;
    }
    kernel.pull_back(plan, bench.values.data(), nullptr, shift_gradient + stack.first * kernel.shifts(), tape,
                     bench.bytes.get());
    return squares;
  }

  UNetTraining network_;
  kernels::UNetGradient convolutions_;
  std::int64_t n_ = 0;
  kernels::Grid image_{.images = 0, .height = 0, .width = 0};
  kernels::UNetPlan full_, rest_;  ///< of most stacks, and of a last that is smaller
  std::vector<Stack> stacks_;
  std::size_t together_ = 1;
  std::vector<kernels::AlignedBytes> tapes_;
  std::vector<Bench> benches_;  ///< of each thread
};

}  // namespace

std::unique_ptr<DenoisingGradient> make_fused_unet_gradient(UNetTraining network, const Tensor& gradient) {
  return std::make_unique<FusedUNetGradient>(std::move(network), gradient);
}

}  // namespace sda
