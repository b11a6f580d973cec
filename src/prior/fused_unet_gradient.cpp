/// The denoising loss's gradient of a U-Net. Threads take stacks of images forward and back through the kernel, then
/// share out the convolutions, whose gradients are sums over all images: every sum is taken in one order, whatever the
/// number of threads. The embedded time and its projections, a thousandth of the work, are libtorch's.
#include "prior/fused_unet_gradient.hpp"

#include "core/torch.hpp"
#include "kernels/unet_gradient.hpp"
#include "prior/share_out.hpp"

namespace sda {

namespace {

/// While it lives, libtorch works on one thread: some BLAS kernels sum in another order on several.
class OneThread {
 public:
  OneThread() { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_ = at::get_num_threads();
};

class FusedUNetGradient final : public DenoisingGradient {
 public:
  FusedUNetGradient(UNetTraining network, const Tensor& gradient)
      : DenoisingGradient(gradient), network_(std::move(network)), convolutions_(*network_.kernel) {}

  double evaluate(const Tensor& x, const Tensor& t, const Tensor& epsilon) override {
    const Batch batch = prepare(x, epsilon);
    while (std::ssize(tapes_) < together_) tapes_.push_back(kernels::aligned_bytes(tape_size_));
    gradient_.zero_();
    const Tensor shifts = [&] {
      const at::AutoGradMode enable(true);
      const OneThread alone;
      return network_.shifts(t);
    }();
    Tensor shift_gradient = at::empty_like(shifts);
    double squares = 0;
    for (std::int64_t first = 0; first < std::ssize(stacks_); first += together_) {
      const std::int64_t count = std::min(together_, std::ssize(stacks_) - first);
      std::vector<kernels::UNetGradient::Stack> passes(static_cast<std::size_t>(count));
      for (std::int64_t i = 0; i < count; ++i) passes[i] = {&plans_of(stacks_[first + i]).training, tapes_[i].get()};
      squares += sum_over(count, [&](std::int64_t i, Workspace& workspace) {
        return forward_and_back(stacks_[first + i], batch, shifts, shift_gradient, tapes_[i].get(), workspace);
      });
      share_out(convolutions_.tasks(), [&](std::int64_t task, std::int64_t thread) {
        convolutions_.add(task, passes, first == 0, workspaces_[thread].bytes.get());
      });
    }
    auto* flat = gradient_.data_ptr<float>();
    const auto& convolutions = network_.kernel->convolutions();
    share_out(std::ssize(convolutions), [&](std::int64_t i, std::int64_t) {
      const kernels::ConvolutionView& view = convolutions[i].view;
      const std::int64_t weights = view.out * view.in * (network_.kernel->packed().flat ? 3 : 9);
      convolutions_.write(i, flat + network_.places[i], flat + network_.places[i] + weights);
    });
    const OneThread alone;
    torch::autograd::backward({shifts}, {shift_gradient});
    return squares / static_cast<double>(x.numel());
  }

  double loss(const Tensor& x, const Tensor& t, const Tensor& epsilon) override {
    const at::NoGradGuard no_grad;
    const Batch batch = prepare(x, epsilon);
    const Tensor shifts = [&] {
      const OneThread alone;
      return network_.shifts(t);
    }();
    const double squares = sum_over(std::ssize(stacks_), [&](std::int64_t i, Workspace& workspace) {
      return forward(plans_of(stacks_[i]).alone, stacks_[i], batch, shifts, nullptr, workspace);
    });
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
  struct Workspace {
    kernels::AlignedBytes bytes;
    std::vector<const float*> rows;
    std::vector<float> values;
  };
  struct Plans {
    kernels::UNetPlan training, alone;  ///< for a pass forward and back, and forward alone
  };

  std::int64_t threads() const { return std::ssize(workspaces_); }

  /// Packs the weights, and lays out memory unless the batch before was of the same size.
  Batch prepare(const Tensor& x, const Tensor& epsilon) {
    const std::int64_t n = x.size(0);
    const kernels::Grid image = network_.image(x.size(1));
    const bool same_image = image.height == image_.height && image.width == image_.width;
    if (n != n_ || !same_image || threads() != at::get_num_threads()) lay_out(n, image);
    share_out(network_.kernel->parts(), [&](std::int64_t part, std::int64_t) { network_.kernel->pack(part); });
    return {x.contiguous(), epsilon.contiguous(), n, x.numel() / n};
  }

  void lay_out(std::int64_t n, const kernels::Grid& image) {
    n_ = n;
    image_ = image;
    const std::int64_t max = std::min(kernels::images_together(image), n);
    const auto plans = [&](std::int64_t images) -> Plans {
      if (images == 0) return {};
      kernels::Grid grid = image;
      grid.images = images;
      return {network_.kernel->plan(grid, kernels::Keep::for_gradient),
              network_.kernel->plan(grid, kernels::Keep::nothing)};
    };
    full_ = plans(max);
    rest_ = plans(n % max);
    stacks_.clear();
    for (std::int64_t first = 0; first < n; first += max) stacks_.push_back({first, std::min(max, n - first)});
    // Tapes of so many stacks at once.
    constexpr std::int64_t bytes = std::int64_t{1} << 30;
    together_ = std::clamp<std::int64_t>(bytes / full_.training.tape_size, 1, std::ssize(stacks_));
    if (tape_size_ != full_.training.tape_size) tapes_.clear();
    tape_size_ = full_.training.tape_size;
    workspaces_.clear();
    const std::int64_t size =
        std::max({full_.training.workspace_size, full_.alone.workspace_size, convolutions_.workspace_size()});
    const std::int64_t values = max * image.height * image.width * network_.kernel->image().channels;
    for (int i = 0; i < at::get_num_threads(); ++i)
      workspaces_.push_back({kernels::aligned_bytes(size), std::vector<const float*>(static_cast<std::size_t>(max)),
                             std::vector<float>(static_cast<std::size_t>(values))});
  }

  const Plans& plans_of(const Stack& stack) const { return stack.images == stacks_.front().images ? full_ : rest_; }

  /// Σ f(i, workspace), taken in order of i.
  template <class Function>
  double sum_over(std::int64_t n, const Function& f) {
    std::vector<double> each(static_cast<std::size_t>(n));
    share_out(n, [&](std::int64_t i, std::int64_t thread) { each[i] = f(i, workspaces_[thread]); });
    double sum = 0;
    for (const double value : each) sum += value;
    return sum;
  }

  /// Σ (ε_φ − ε)² over the stack's images, and ε_φ − ε in the workspace's values.
  double forward(const kernels::UNetPlan& plan, const Stack& stack, const Batch& batch, const Tensor& shifts,
                 std::byte* tape, Workspace& workspace) const {
    const kernels::UNetKernel& kernel = *network_.kernel;
    for (std::int64_t i = 0; i < stack.images; ++i)
      workspace.rows[i] = batch.x.data_ptr<float>() + (stack.first + i) * batch.size;
    kernel.forward(plan, workspace.rows.data(),
                   {shifts.data_ptr<float>() + stack.first * kernel.shifts(), kernel.shifts()}, workspace.values.data(),
                   tape, workspace.bytes.get());
    const float* epsilon = batch.epsilon.data_ptr<float>() + stack.first * batch.size;
    double squares = 0;
    for (std::int64_t i = 0; i < stack.images * batch.size; ++i) {
      workspace.values[i] -= epsilon[i];
      squares += static_cast<double>(workspace.values[i]) * workspace.values[i];
    }
    return squares;
  }

  double forward_and_back(const Stack& stack, const Batch& batch, const Tensor& shifts, Tensor& shift_gradient,
                          std::byte* tape, Workspace& workspace) const {
    const kernels::UNetPlan& plan = plans_of(stack).training;
    const double squares = forward(plan, stack, batch, shifts, tape, workspace);
    const float scale = 2 / (static_cast<float>(batch.n) * static_cast<float>(batch.size));
    for (float& value : workspace.values) value *= scale;
    network_.kernel->vjp(plan, workspace.values.data(), nullptr,
                         shift_gradient.data_ptr<float>() + stack.first * network_.kernel->shifts(), tape,
                         workspace.bytes.get());
    return squares;
  }

  UNetTraining network_;
  kernels::UNetGradient convolutions_;
  std::int64_t n_ = 0;
  kernels::Grid image_{.images = 0, .height = 0, .width = 0};
  Plans full_, rest_;  ///< of most stacks, and of a last that is smaller
  std::vector<Stack> stacks_;
  std::int64_t together_ = 1, tape_size_ = 0;
  std::vector<kernels::AlignedBytes> tapes_;
  std::vector<Workspace> workspaces_;  ///< of each thread
};

}  // namespace

std::unique_ptr<DenoisingGradient> make_fused_unet_gradient(UNetTraining network, const Tensor& gradient) {
  return std::make_unique<FusedUNetGradient>(std::move(network), gradient);
}

}  // namespace sda
