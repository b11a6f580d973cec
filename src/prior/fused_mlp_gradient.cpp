/// The denoising loss's gradient of a residual MLP: threads share passes of rows, then blocks of the maps' gradients.
/// Nothing is summed across threads, so their number changes no bit.
#include "prior/fused_mlp_gradient.hpp"

#include "core/torch.hpp"
#include "prior/networks.hpp"
#include "prior/share_out.hpp"

namespace sda {

namespace {

using kernels::ResidualMlpGradient;

class FusedMlpGradient final : public DenoisingGradient {
 public:
  FusedMlpGradient(kernels::EmbeddedMlpView network, kernels::Arithmetic arithmetic, Tensor weights,
                   const Tensor& gradient)
      : DenoisingGradient(gradient), kernel_(std::move(network), arithmetic), weights_(std::move(weights)) {}

  double evaluate(const Tensor& x, const Tensor& t, const Tensor& epsilon) override {
    prepare(x.size(0));
    const double loss = walk(x, t, epsilon, /*and_back=*/true);
    auto* to = gradient_.data_ptr<float>();
    differentiate([to](std::int64_t begin, const float* from, std::int64_t n) { std::copy_n(from, n, to + begin); },
                  /*pack_after=*/false);
    return loss;
  }

  double descend(const Tensor& x, const Tensor& t, const Tensor& epsilon, const WeightUpdate& update) override {
    prepare(x.size(0));
    const double loss = walk(x, t, epsilon, /*and_back=*/true);
    differentiate(update, /*pack_after=*/true);
    return loss;
  }

  double loss(const Tensor& x, const Tensor& t, const Tensor& epsilon) override {
    prepare(x.size(0));
    return walk(x, t, epsilon, /*and_back=*/false);
  }

 private:
  /// Rows of a pass: few enough that a layer's buffers and weights stay in cache, many enough that weights are seldom
  /// read. Every thread gets as many passes as any other, of a multiple of four rows.
  void prepare(std::int64_t n) {
    constexpr std::int64_t max = 128;
    static_assert(max <= kernels::max_rows);
    threads_ = at::get_num_threads();
    // What a descent changes it packs at once; changes by libtorch's operations are counted there.
    if (packed_version_ != weights_._version()) pack();
    pass_rows_ = kernels::rounded_up((n + passes_for(n, max) - 1) / passes_for(n, max), 4);
    number_of_passes_ = (n + pass_rows_ - 1) / pass_rows_;
    while (static_cast<std::int64_t>(passes_.size()) < number_of_passes_) passes_.push_back(kernel_.make_pass());
    if (scratch_.empty() || scratch_.front().rows < n || static_cast<std::int64_t>(scratch_.size()) < threads_) {
      scratch_.clear();
      for (std::int64_t thread = 0; thread < threads_; ++thread) scratch_.push_back(kernel_.make_scratch(n));
    }
  }
  std::int64_t passes_for(std::int64_t n, std::int64_t max) const {
    return kernels::rounded_up((n + max - 1) / max, threads_);
  }

  void pack() {
    share_out(kernel_.maps(), [&](std::int64_t map, std::int64_t) { kernel_.pack(map, 0, kernel_.rows_of(map)); });
    packed_version_ = weights_._version();
  }

  /// The mean of (ε_φ − ε)², and, there and back, the tapes of all passes.
  double walk(const Tensor& x, const Tensor& t, const Tensor& epsilon, bool and_back) {
    const std::int64_t n = x.size(0), features = kernel_.features();
    const Tensor rows = x.contiguous(), times = t.contiguous(), noise = epsilon.contiguous();
    const auto *from = rows.data_ptr<float>(), *time = times.data_ptr<float>(), *drawn = noise.data_ptr<float>();
    const auto scale = 1 / static_cast<float>(x.numel());
    share_out(number_of_passes_, [&](std::int64_t pass, std::int64_t thread) {
      const std::int64_t first = pass * pass_rows_;
      kernel_.forward(from + first * features, time + first, drawn + first * features, std::min(pass_rows_, n - first),
                      passes_[pass], scratch_[thread]);
      if (and_back) kernel_.back(scale, passes_[pass], scratch_[thread]);
    });
    double squares = 0;
    for (std::int64_t pass = 0; pass < number_of_passes_; ++pass)
      for (std::int64_t row = 0; row < passes_[pass].rows; ++row) squares += passes_[pass].squares[row];
    return squares / static_cast<double>(x.numel());
  }

  /// Each map's gradient, block by block. Whole maps where there are enough of them for the threads, for a map's input
  /// is packed once for all of its blocks.
  void differentiate(const WeightUpdate& take, bool pack_after) {
    constexpr std::int64_t enough = 4;
    const bool whole = kernel_.maps() >= enough * threads_;
    blocks_.clear();
    for (std::int64_t map = 0; map < kernel_.maps(); ++map) {
      const std::int64_t rows = kernel_.rows_of(map), step = whole ? rows : ResidualMlpGradient::block;
      for (std::int64_t begin = 0; begin < rows; begin += step)
        blocks_.push_back({map, begin, std::min(begin + step, rows)});
    }
    share_out(static_cast<std::int64_t>(blocks_.size()), [&](std::int64_t task, std::int64_t thread) {
      const auto [map, begin, end] = blocks_[task];
      kernel_.differentiate(map, begin, end, passes_, number_of_passes_, scratch_[thread], take);
      if (pack_after) kernel_.pack(map, begin, end);
    });
  }

  struct Block {
    std::int64_t map, begin, end;
  };

  ResidualMlpGradient kernel_;
  Tensor weights_;
  std::int64_t packed_version_ = -1;
  std::int64_t threads_ = 1, pass_rows_ = 0, number_of_passes_ = 0;
  std::vector<ResidualMlpGradient::Pass> passes_;      ///< of a batch
  std::vector<ResidualMlpGradient::Scratch> scratch_;  ///< of each thread
  std::vector<Block> blocks_;
};

}  // namespace

std::unique_ptr<DenoisingGradient> make_fused_mlp_gradient(kernels::EmbeddedMlpView network,
                                                           kernels::Arithmetic arithmetic, const Tensor& weights,
                                                           const Tensor& gradient) {
  return std::make_unique<FusedMlpGradient>(std::move(network), arithmetic, weights, gradient);
}

}  // namespace sda
