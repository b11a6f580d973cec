/// The score of a residual MLP by its fused kernel: rows in panels, panels split over threads.
#include "score/fused_mlp_score.hpp"

#include <algorithm>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {

namespace {

using kernels::panel_rows;

struct FusedMlp {
  kernels::ResidualMlpKernel kernel;
  Shape window;
  std::function<Tensor(const Tensor&)> bias_at;

  std::int64_t panels(const Tensor& rows) const { return (rows.size(0) + panel_rows - 1) / panel_rows; }

  /// Rows as the kernel reads them: float32, contiguous. Throws ShapeError.
  Tensor accept(const Tensor& rows) const {
    if (rows.sizes().slice(1) != at::IntArrayRef(window))
      throw ShapeError({.what = "windows do not fit the network",
                        .where = "residual MLP",
                        .found = to_string(rows.sizes().slice(1)),
                        .wanted = to_string(window)});
    return rows.to(at::kFloat).contiguous();
  }

  Tensor bias(double t) const {
    at::NoGradGuard no_grad;
    const Tensor bias = bias_at(at::scalar_tensor(t, at::kDouble));
    return at::constant_pad_nd(bias, {0, kernels::padded(bias.size(0)) - bias.size(0)}).contiguous();
  }

  /// Calls f(panel, first row, rows, scratch) for every panel; threads share them.
  template <class Function>
  void for_each_panel(const Tensor& rows, Function f) const {
    const std::int64_t n = rows.size(0);
    at::parallel_for(0, panels(rows), 1, [&](std::int64_t begin, std::int64_t end) {
      kernels::AlignedFloats scratch(static_cast<std::size_t>(kernel.scratch_size()));
      for (std::int64_t panel = begin; panel < end; ++panel)
        f(panel, panel * panel_rows, std::min(panel_rows, n - panel * panel_rows), scratch.data());
    });
  }

  Tensor forward(const Tensor& rows, const Tensor& first_bias, float* tapes) const {
    Tensor result = at::empty_like(rows);
    const std::int64_t size = count(window);
    for_each_panel(rows, [&](std::int64_t panel, std::int64_t row, std::int64_t n, float* scratch) {
      float* tape = tapes != nullptr ? tapes + panel * kernel.tape_size() : nullptr;
      kernel.forward(rows.data_ptr<float>() + row * size, n, first_bias.data_ptr<float>(),
                     result.data_ptr<float>() + row * size, tape, scratch);
    });
    return result;
  }
};

class FusedLinearisation final : public Linearisation {
 public:
  FusedLinearisation(std::shared_ptr<const FusedMlp> mlp, const Tensor& x, double t, std::int64_t memory)
      : mlp_(std::move(mlp)), rows_(mlp_->accept(x)), bias_(mlp_->bias(t)) {
    const std::int64_t floats = mlp_->panels(rows_) * mlp_->kernel.tape_size();
    if (floats * static_cast<std::int64_t>(sizeof(float)) <= memory) tapes_ = at::empty({floats}, rows_.options());
    epsilon_ = mlp_->forward(rows_, bias_, tapes_.defined() ? tapes_.data_ptr<float>() : nullptr).to(x.scalar_type());
  }

  const Tensor& epsilon() const override { return epsilon_; }

  Tensor pull_back(const Tensor& v) const override {
    const Tensor from = mlp_->accept(v);
    Tensor gradient = at::empty_like(from);
    const auto& kernel = mlp_->kernel;
    const std::int64_t size = count(mlp_->window);
    mlp_->for_each_panel(rows_, [&](std::int64_t panel, std::int64_t row, std::int64_t n, float* scratch) {
      kernels::AlignedFloats own_tape;
      const float* tape = nullptr;
      if (tapes_.defined()) {
        tape = tapes_.data_ptr<float>() + panel * kernel.tape_size();
      } else {
        own_tape.resize(static_cast<std::size_t>(kernel.tape_size()));
        std::vector<float> unused(static_cast<std::size_t>(n * size));
        kernel.forward(rows_.data_ptr<float>() + row * size, n, bias_.data_ptr<float>(), unused.data(), own_tape.data(),
                       scratch);
        tape = own_tape.data();
      }
      kernel.pull_back(from.data_ptr<float>() + row * size, n, tape, gradient.data_ptr<float>() + row * size, scratch);
    });
    return gradient.to(v.scalar_type());
  }

 private:
  std::shared_ptr<const FusedMlp> mlp_;
  Tensor rows_, bias_;
  Tensor tapes_;  ///< of all panels; undefined where they did not fit in memory
  Tensor epsilon_;
};

class FusedMlpScore final : public DifferentiableScore {
 public:
  FusedMlpScore(FusedMlp mlp, std::int64_t memory)
      : mlp_(std::make_shared<const FusedMlp>(std::move(mlp))), memory_(memory) {}

  Tensor epsilon(const Tensor& x, double t) const override {
    return mlp_->forward(mlp_->accept(x), mlp_->bias(t), nullptr).to(x.scalar_type());
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
                                                                std::function<Tensor(const Tensor&)> bias_at,
                                                                std::int64_t memory) {
  return std::make_shared<FusedMlpScore>(FusedMlp{std::move(kernel), std::move(window), std::move(bias_at)}, memory);
}

}  // namespace sda
