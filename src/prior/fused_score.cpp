/// The score of a trajectory by a network's kernel. Windows of a trajectory overlap in memory, so the kernel reads them
/// where they lie; each panel of windows scatters its scores, and its VJP's sums, by itself.
#include "prior/fused_score.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "core/torch.hpp"
#include "kernels/aligned.hpp"
#include "sda/core/error.hpp"

namespace sda {

namespace {

/// A local network's windows, or the whole trajectory as a global one's.
WindowPlan windows_of(const FusedNetwork& network, std::int64_t length) {
  if (network.order > 0) return plan_windows(network.order, network.stride, length);
  return {.window = length, .starts = {0}, .owner = std::vector<std::int64_t>(static_cast<std::size_t>(length), 0)};
}

/// Which windows a panel holds, and where their states lie, for trajectories of one length.
class PanelPlan {
 public:
  PanelPlan(const Tensor& x, WindowPlan plan)
      : plan_(std::move(plan)),
        state_(count(x.sizes().slice(2))),
        length_(x.size(1)),
        windows_(static_cast<std::int64_t>(plan_.starts.size())),
        rows_(x.size(0) * windows_),
        owned_(plan_.starts.size() + 1, length_) {
    for (std::int64_t i = length_ - 1; i >= 0; --i) owned_[static_cast<std::size_t>(plan_.owner[i])] = i;
  }

  /// Panels of `rows` windows, the last of them of what is left.
  void share_out(std::int64_t rows) { panel_rows_ = rows; }
  std::int64_t panels() const { return (rows_ + panel_rows_ - 1) / panel_rows_; }
  std::int64_t first_row(std::int64_t panel) const { return panel * panel_rows_; }
  std::int64_t rows_of(std::int64_t panel) const { return std::min(panel_rows_, rows_ - first_row(panel)); }

  /// Where a window begins among all states' values.
  std::int64_t begin(std::int64_t row) const { return (row / windows_ * length_ + start(row)) * state_; }
  /// States of a window, and values.
  std::int64_t window_length() const { return plan_.window; }
  std::int64_t size() const { return plan_.window * state_; }
  /// The values of its states that the window gives, counted from its begin.
  std::int64_t first_owned(std::int64_t row) const { return (owned_[window(row)] - start(row)) * state_; }
  std::int64_t end_owned(std::int64_t row) const { return (owned_[window(row) + 1] - start(row)) * state_; }
  /// Values at a window's begin that the window before it holds too; 0 for a trajectory's first.
  std::int64_t shared(std::int64_t row) const {
    const std::size_t w = window(row);
    return w == 0 ? 0 : (plan_.starts[w - 1] + plan_.window - plan_.starts[w]) * state_;
  }

 private:
  std::size_t window(std::int64_t row) const { return static_cast<std::size_t>(row % windows_); }
  std::int64_t start(std::int64_t row) const { return plan_.starts[window(row)]; }

  WindowPlan plan_;
  std::int64_t state_, length_, windows_, rows_, panel_rows_ = 1;
  std::vector<std::int64_t> owned_;  ///< first state that each window gives, and the length
};

/// Memory of one thread for one panel.
struct Workspace {
  Workspace(const PanelKernel& kernel, std::int64_t window)
      : scratch(kernels::aligned_bytes(kernel.workspace_size())),
        rows(static_cast<std::size_t>(kernel.rows())),
        windows(static_cast<std::size_t>(kernel.rows() * window)) {}
  kernels::AlignedBytes scratch;
  std::vector<const float*> rows;  ///< where the panel's windows begin
  std::vector<float> windows;      ///< (row, 2k+1, …event): what comes out of the kernel or goes in for a VJP
  kernels::AlignedBytes tape{};
};

/// The network's kernel for trajectories of one length.
struct Trajectory {
  PanelPlan plan;
  std::shared_ptr<const PanelKernel> kernel;

  Trajectory(const FusedNetwork& network, const Tensor& x)
      : plan(x, windows_of(network, x.size(1))), kernel(network.kernel_for(plan.window_length())) {
    plan.share_out(kernel->rows());
  }

  /// Calls f(panel, workspace) for panels first … last − 1; threads share them.
  template <class Function>
  void for_each_panel(std::int64_t first, std::int64_t last, Function f) const {
    at::parallel_for(first, last, 1, [&](std::int64_t begin, std::int64_t end) {
      Workspace workspace(*kernel, plan.size());
      for (std::int64_t panel = begin; panel < end; ++panel) f(panel, workspace);
    });
  }

  /// ε of the panel's windows into workspace.windows.
  void forward_panel(std::int64_t panel, const float* x, const float* of_time, std::byte* tape,
                     Workspace& workspace) const {
    const std::int64_t n = plan.rows_of(panel), first = plan.first_row(panel);
    for (std::int64_t i = 0; i < n; ++i) workspace.rows[i] = x + plan.begin(first + i);
    kernel->forward(workspace.rows.data(), n, of_time, workspace.windows.data(), tape, workspace.scratch.get());
  }

  /// `tape_of` says where a panel's tape is kept; null for none.
  template <class TapeOf>
  Tensor forward(const Tensor& x, const Tensor& of_time, const TapeOf& tape_of) const {
    Tensor result = at::empty_like(x);
    auto* to = result.data_ptr<float>();
    for_each_panel(0, plan.panels(), [&](std::int64_t panel, Workspace& workspace) {
      forward_panel(panel, x.data_ptr<float>(), of_time.data_ptr<float>(), tape_of(panel), workspace);
      for (std::int64_t i = 0; i < plan.rows_of(panel); ++i) {
        const std::int64_t row = plan.first_row(panel) + i, from = plan.first_owned(row), end = plan.end_owned(row);
        std::copy_n(workspace.windows.data() + i * plan.size() + from, end - from, to + plan.begin(row) + from);
      }
    });
    return result;
  }
};

/// Trajectories as kernels read them: float32, contiguous. Throws ShapeError if the event does not fit; whether the
/// trajectory is long enough is the plan's to say.
Tensor accept(const FusedNetwork& network, const Tensor& x) {
  const at::IntArrayRef event = network.event;
  if (x.dim() < 2 || x.sizes().slice(2) != event)
    throw ShapeError({.what = "states do not fit the network",
                      .where = network.name,
                      .found = to_string(x.sizes().slice(1)),
                      .expected = "length × " + to_string(event)});
  return x.to(at::kFloat).contiguous();
}

/// A linearisation's tapes, left for the next one: a sampler asks for as much hundreds of times, and pages that the
/// kernel clears anew each time cost half as much as what is written to them.
class SpareTapes {
 public:
  struct Memory {
    kernels::AlignedBytes bytes;
    std::int64_t size = 0;
  };

  Memory take(std::int64_t size) {
    Memory spare = exchange({});
    if (spare.size >= size) return spare;
    spare = {};  // given back before more is asked for
    return {kernels::aligned_bytes(size), size};
  }
  /// Of two that were in use at once, the later one stays.
  void leave(Memory memory) { exchange(std::move(memory)); }

 private:
  Memory exchange(Memory memory) {
    const std::scoped_lock lock(mutex_);
    return std::exchange(spare_, std::move(memory));
  }
  std::mutex mutex_;
  Memory spare_;
};

class FusedLinearisation final : public Linearisation {
 public:
  FusedLinearisation(std::shared_ptr<const FusedNetwork> network, std::shared_ptr<SpareTapes> spare, const Tensor& x,
                     double t, std::int64_t memory)
      : network_(std::move(network)),
        spare_(std::move(spare)),
        x_(accept(*network_, x)),
        trajectory_(*network_, x_),
        of_time_(trajectory_.kernel->at_time(t)),
        kept_(std::min(trajectory_.plan.panels(), memory / trajectory_.kernel->tape_size())),
        tapes_(spare_->take(kept_ * trajectory_.kernel->tape_size())),
        epsilon_(
            trajectory_
                .forward(x_, of_time_, [this](std::int64_t panel) { return panel < kept_ ? tape_of(panel) : nullptr; })
                .to(x.scalar_type())) {}
  ~FusedLinearisation() override { spare_->leave(std::move(tapes_)); }
  FusedLinearisation(const FusedLinearisation&) = delete;
  FusedLinearisation& operator=(const FusedLinearisation&) = delete;

  const Tensor& epsilon() const override { return epsilon_; }

  Tensor vjp(const Tensor& v) const override {
    const Tensor from = accept(*network_, v);
    Tensor gradient = at::zeros_like(from);
    const std::int64_t panels = trajectory_.plan.panels(), max = panels_at_once();
    for (std::int64_t first = 0; first < panels; first += max)
      vjp_panels(first, std::min(panels, first + max), from, gradient);
    return gradient.to(v.scalar_type());
  }

 private:
  std::byte* tape_of(std::int64_t panel) const { return tapes_.bytes.get() + panel * trajectory_.kernel->tape_size(); }

  /// The panel's tape: kept from the forward pass, or made by another one where memory was short.
  std::byte* kept_or_made(std::int64_t panel, Workspace& workspace) const {
    if (panel < kept_) return tape_of(panel);
    if (!workspace.tape) workspace.tape = kernels::aligned_bytes(trajectory_.kernel->tape_size());
    trajectory_.forward_panel(panel, x_.data_ptr<float>(), of_time_.data_ptr<float>(), workspace.tape.get(), workspace);
    return workspace.tape.get();
  }

  /// So many that their overlaps are small.
  std::int64_t panels_at_once() const {
    constexpr std::int64_t bytes = std::int64_t{64} << 20;
    return std::max<std::int64_t>(at::get_num_threads(),
                                  bytes / (trajectory_.plan.size() * std::int64_t{sizeof(float)}));
  }

  /// Windows overlap: what a panel adds to states that the panel before it holds too waits in a overlap, so that no two
  /// threads write to one place and every sum is taken in one order.
  void vjp_panels(std::int64_t first_panel, std::int64_t last_panel, const Tensor& from, Tensor& gradient) const {
    const PanelPlan& plan = trajectory_.plan;
    const std::int64_t size = plan.size();
    const Tensor overlaps = at::zeros({last_panel - first_panel, size}, from.options());
    const auto overlap_of = [&](std::int64_t panel) {
      return overlaps.data_ptr<float>() + (panel - first_panel) * size;
    };
    auto* to = gradient.data_ptr<float>();
    trajectory_.for_each_panel(first_panel, last_panel, [&](std::int64_t panel, Workspace& workspace) {
      std::byte* tape = kept_or_made(panel, workspace);
      const std::int64_t n = plan.rows_of(panel), first = plan.first_row(panel);
      std::fill(workspace.windows.begin(), workspace.windows.end(), 0.0f);
      for (std::int64_t i = 0; i < n; ++i) {
        const std::int64_t begin = plan.first_owned(first + i), end = plan.end_owned(first + i);
        std::copy_n(from.data_ptr<float>() + plan.begin(first + i) + begin, end - begin,
                    workspace.windows.data() + i * size + begin);
      }
      trajectory_.kernel->vjp(workspace.windows.data(), n, tape, workspace.windows.data(), workspace.scratch.get());
      const std::int64_t overlap_begin = plan.begin(first), overlap_end = overlap_begin + plan.shared(first);
      float* overlap = overlap_of(panel);
      for (std::int64_t i = 0; i < n; ++i) {
        const std::int64_t begin = plan.begin(first + i);
        const float* values = workspace.windows.data() + i * size;
        const std::int64_t in_overlap = std::clamp<std::int64_t>(overlap_end - begin, 0, size);
        for (std::int64_t j = 0; j < in_overlap; ++j) overlap[begin - overlap_begin + j] += values[j];
        for (std::int64_t j = in_overlap; j < size; ++j) to[begin + j] += values[j];
      }
    });
    for (std::int64_t panel = first_panel; panel < last_panel; ++panel) {
      const std::int64_t row = plan.first_row(panel), begin = plan.begin(row);
      const float* overlap = overlap_of(panel);
      for (std::int64_t j = 0; j < plan.shared(row); ++j) to[begin + j] += overlap[j];
    }
  }

  std::shared_ptr<const FusedNetwork> network_;
  std::shared_ptr<SpareTapes> spare_;
  Tensor x_;
  Trajectory trajectory_;
  Tensor of_time_;
  std::int64_t kept_;  ///< panels whose tapes fit in memory
  SpareTapes::Memory tapes_;
  Tensor epsilon_;
};

class FusedScore final : public DifferentiableScore {
 public:
  FusedScore(FusedNetwork network, std::int64_t memory)
      : network_(std::make_shared<const FusedNetwork>(std::move(network))), memory_(memory) {}

  Tensor epsilon(const Tensor& x, double t) const override {
    const Tensor states = accept(*network_, x);
    const Trajectory trajectory(*network_, states);
    return trajectory.forward(states, trajectory.kernel->at_time(t), [](std::int64_t) { return nullptr; })
        .to(x.scalar_type());
  }
  std::unique_ptr<Linearisation> linearise(const Tensor& x, double t) const override {
    return std::make_unique<FusedLinearisation>(network_, tapes_, x, t, memory_);
  }

 private:
  std::shared_ptr<const FusedNetwork> network_;
  std::shared_ptr<SpareTapes> tapes_ = std::make_shared<SpareTapes>();
  std::int64_t memory_;
};

}  // namespace

std::shared_ptr<const DifferentiableScore> make_fused_score(FusedNetwork network, std::int64_t memory) {
  return std::make_shared<FusedScore>(std::move(network), memory);
}

}  // namespace sda
