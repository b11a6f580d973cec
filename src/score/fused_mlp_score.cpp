/// The score of a residual MLP by its fused kernel. Windows of a trajectory overlap in memory, so the kernel reads them
/// where they lie; each panel of windows scatters its scores, and its pull-back's sums, by itself.
#include "score/fused_mlp_score.hpp"

#include <algorithm>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {

namespace {

using kernels::panel_rows;

/// Which windows a panel holds, and where their states lie, for trajectories of one length.
class WindowPlan {
 public:
  WindowPlan(const Tensor& x, std::int64_t order, std::int64_t stride)
      : blanket_(plan_blanket(order, stride, x.size(1))),
        state_(count(x.sizes().slice(2))),
        length_(x.size(1)),
        windows_(static_cast<std::int64_t>(blanket_.starts.size())),
        rows_(x.size(0) * windows_),
        owned_(blanket_.starts.size() + 1, length_) {
    for (std::int64_t i = length_ - 1; i >= 0; --i) owned_[static_cast<std::size_t>(blanket_.owner[i])] = i;
  }

  std::int64_t panels() const { return (rows_ + panel_rows - 1) / panel_rows; }
  std::int64_t first_row(std::int64_t panel) const { return panel * panel_rows; }
  std::int64_t rows_of(std::int64_t panel) const { return std::min(panel_rows, rows_ - first_row(panel)); }

  /// Where a window begins among all states' values.
  std::int64_t begin(std::int64_t row) const { return (row / windows_ * length_ + start(row)) * state_; }
  /// Values of a window.
  std::int64_t size() const { return blanket_.window * state_; }
  /// The values of its states that the window gives, counted from its begin.
  std::int64_t first_owned(std::int64_t row) const { return (owned_[window(row)] - start(row)) * state_; }
  std::int64_t end_owned(std::int64_t row) const { return (owned_[window(row) + 1] - start(row)) * state_; }
  /// Values at a window's begin that the window before it holds too; 0 for a trajectory's first.
  std::int64_t shared(std::int64_t row) const {
    const std::size_t w = window(row);
    return w == 0 ? 0 : (blanket_.starts[w - 1] + blanket_.window - blanket_.starts[w]) * state_;
  }

 private:
  std::size_t window(std::int64_t row) const { return static_cast<std::size_t>(row % windows_); }
  std::int64_t start(std::int64_t row) const { return blanket_.starts[window(row)]; }

  BlanketPlan blanket_;
  std::int64_t state_, length_, windows_, rows_;
  std::vector<std::int64_t> owned_;  ///< first state that each window gives, and the length
};

/// Memory of one thread for one panel.
struct Bench {
  explicit Bench(const kernels::ResidualMlpKernel& kernel)
      : scratch(static_cast<std::size_t>(kernel.scratch_size())),
        rows(static_cast<std::size_t>(panel_rows)),
        windows(static_cast<std::size_t>(panel_rows * kernel.in())) {}
  kernels::Aligned<float> scratch;
  std::vector<const float*> rows;  ///< where the panel's windows begin
  std::vector<float> windows;      ///< (row, 2k+1, …event): what comes out of the kernel or goes in for a pull-back
  kernels::Aligned<std::byte> tape{};
};

struct FusedMlp {
  kernels::ResidualMlpKernel kernel;
  Shape window;
  std::int64_t stride;
  std::function<Tensor(const Tensor&)> bias_at;

  /// Trajectories as the kernel reads them: float32, contiguous. Throws ShapeError if the event does not fit; whether
  /// the trajectory is long enough is the plan's to say.
  Tensor accept(const Tensor& x) const {
    const at::IntArrayRef event = at::IntArrayRef(window).slice(1);
    if (x.dim() < 2 || x.sizes().slice(2) != event)
      throw ShapeError({.what = "states do not fit the network",
                        .where = "residual MLP",
                        .found = to_string(x.sizes().slice(1)),
                        .wanted = "length × " + to_string(event)});
    return x.to(at::kFloat).contiguous();
  }

  WindowPlan plan(const Tensor& x) const { return {x, (window.front() - 1) / 2, stride}; }

  Tensor bias(double t) const {
    at::NoGradGuard no_grad;
    const Tensor bias = bias_at(at::scalar_tensor(t, at::kDouble));
    return at::constant_pad_nd(bias, {0, kernels::padded(bias.size(0)) - bias.size(0)}).contiguous();
  }

  /// Calls f(panel, bench) for every panel; threads share them.
  template <class Function>
  void for_each_panel(const WindowPlan& plan, Function f) const {
    at::parallel_for(0, plan.panels(), 1, [&](std::int64_t begin, std::int64_t end) {
      Bench bench(kernel);
      for (std::int64_t panel = begin; panel < end; ++panel) f(panel, bench);
    });
  }

  /// ε of the panel's windows into bench.windows.
  void forward_panel(const WindowPlan& plan, std::int64_t panel, const float* x, const float* first_bias,
                     std::byte* tape, Bench& bench) const {
    const std::int64_t n = plan.rows_of(panel), first = plan.first_row(panel);
    for (std::int64_t i = 0; i < n; ++i) bench.rows[i] = x + plan.begin(first + i);
    kernel.forward(bench.rows.data(), n, first_bias, bench.windows.data(), tape, bench.scratch.data());
  }

  Tensor forward(const WindowPlan& plan, const Tensor& x, const Tensor& first_bias, std::byte* tapes) const {
    Tensor result = at::empty_like(x);
    auto* to = result.data_ptr<float>();
    for_each_panel(plan, [&](std::int64_t panel, Bench& bench) {
      std::byte* tape = tapes != nullptr ? tapes + panel * kernel.tape_size() : nullptr;
      forward_panel(plan, panel, x.data_ptr<float>(), first_bias.data_ptr<float>(), tape, bench);
      for (std::int64_t i = 0; i < plan.rows_of(panel); ++i) {
        const std::int64_t row = plan.first_row(panel) + i, from = plan.first_owned(row), end = plan.end_owned(row);
        std::copy_n(bench.windows.data() + i * plan.size() + from, end - from, to + plan.begin(row) + from);
      }
    });
    return result;
  }
};

class FusedLinearisation final : public Linearisation {
 public:
  FusedLinearisation(std::shared_ptr<const FusedMlp> mlp, const Tensor& x, double t, std::int64_t memory)
      : mlp_(std::move(mlp)), x_(mlp_->accept(x)), plan_(mlp_->plan(x_)), bias_(mlp_->bias(t)) {
    const std::int64_t bytes = plan_.panels() * mlp_->kernel.tape_size();
    if (bytes <= memory) tapes_ = at::empty({bytes}, at::kByte);
    epsilon_ = mlp_->forward(plan_, x_, bias_, tapes_.defined() ? tape_of(0) : nullptr).to(x.scalar_type());
  }

  const Tensor& epsilon() const override { return epsilon_; }

  Tensor pull_back(const Tensor& v) const override {
    const Tensor from = mlp_->accept(v);
    Tensor gradient = at::zeros_like(from);
    // Windows overlap: what a panel adds to states that the panel before it holds too waits in `seams`, so that no two
    // threads write to one place and every sum is taken in one order.
    const std::int64_t size = plan_.size();
    Tensor seams = at::zeros({plan_.panels(), size}, from.options());
    mlp_->for_each_panel(plan_, [&](std::int64_t panel, Bench& bench) {
      const std::byte* tape = kept_or_made(panel, bench);
      const std::int64_t n = plan_.rows_of(panel), first = plan_.first_row(panel);
      std::fill(bench.windows.begin(), bench.windows.end(), 0.0f);
      for (std::int64_t i = 0; i < n; ++i) {
        const std::int64_t begin = plan_.first_owned(first + i), end = plan_.end_owned(first + i);
        std::copy_n(from.data_ptr<float>() + plan_.begin(first + i) + begin, end - begin,
                    bench.windows.data() + i * size + begin);
      }
      mlp_->kernel.pull_back(bench.windows.data(), n, tape, bench.windows.data(), bench.scratch.data());
      const std::int64_t seam_begin = plan_.begin(first), seam_end = seam_begin + plan_.shared(first);
      auto* seam = seams.data_ptr<float>() + panel * size;
      auto* to = gradient.data_ptr<float>();
      for (std::int64_t i = 0; i < n; ++i) {
        const std::int64_t begin = plan_.begin(first + i);
        const float* values = bench.windows.data() + i * size;
        const std::int64_t in_seam = std::clamp<std::int64_t>(seam_end - begin, 0, size);
        for (std::int64_t j = 0; j < in_seam; ++j) seam[begin - seam_begin + j] += values[j];
        for (std::int64_t j = in_seam; j < size; ++j) to[begin + j] += values[j];
      }
    });
    add_seams(seams, gradient);
    return gradient.to(v.scalar_type());
  }

 private:
  std::byte* tape_of(std::int64_t panel) const {
    return reinterpret_cast<std::byte*>(tapes_.data_ptr<std::uint8_t>()) + panel * mlp_->kernel.tape_size();
  }

  /// The panel's tape: kept from the forward pass, or made by another one where memory was short.
  const std::byte* kept_or_made(std::int64_t panel, Bench& bench) const {
    if (tapes_.defined()) return tape_of(panel);
    bench.tape.resize(static_cast<std::size_t>(mlp_->kernel.tape_size()));
    mlp_->forward_panel(plan_, panel, x_.data_ptr<float>(), bias_.data_ptr<float>(), bench.tape.data(), bench);
    return bench.tape.data();
  }

  void add_seams(const Tensor& seams, Tensor& gradient) const {
    for (std::int64_t panel = 0; panel < plan_.panels(); ++panel) {
      const std::int64_t row = plan_.first_row(panel);
      const auto* seam = seams.data_ptr<float>() + panel * plan_.size();
      auto* to = gradient.data_ptr<float>() + plan_.begin(row);
      for (std::int64_t j = 0; j < plan_.shared(row); ++j) to[j] += seam[j];
    }
  }

  std::shared_ptr<const FusedMlp> mlp_;
  Tensor x_;
  WindowPlan plan_;
  Tensor bias_;
  Tensor tapes_;  ///< of all panels; undefined where they did not fit in memory
  Tensor epsilon_;
};

class FusedMlpScore final : public DifferentiableScore {
 public:
  FusedMlpScore(FusedMlp mlp, std::int64_t memory)
      : mlp_(std::make_shared<const FusedMlp>(std::move(mlp))), memory_(memory) {}

  Tensor epsilon(const Tensor& x, double t) const override {
    const Tensor states = mlp_->accept(x);
    return mlp_->forward(mlp_->plan(states), states, mlp_->bias(t), nullptr).to(x.scalar_type());
  }
  std::unique_ptr<Linearisation> linearise(const Tensor& x, double t) const override {
    return std::make_unique<FusedLinearisation>(mlp_, x, t, memory_);
  }

 private:
  std::shared_ptr<const FusedMlp> mlp_;
  std::int64_t memory_;
};

}  // namespace

std::shared_ptr<const DifferentiableScore> make_fused_mlp_score(kernels::ResidualMlpKernel kernel, Shape window,
                                                                std::int64_t stride,
                                                                std::function<Tensor(const Tensor&)> bias_at,
                                                                std::int64_t memory) {
  return std::make_shared<FusedMlpScore>(FusedMlp{std::move(kernel), std::move(window), stride, std::move(bias_at)},
                                         memory);
}

}  // namespace sda
