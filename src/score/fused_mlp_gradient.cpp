/// The denoising loss's gradient of a residual MLP: each thread takes its rows through the fused kernel into sums of
/// its own, which are added in one order.
#include "score/fused_mlp_gradient.hpp"

#include "core/torch.hpp"
#include "score/networks.hpp"

namespace sda {

namespace {

class FusedMlpGradient final : public DenoisingGradient {
 public:
  FusedMlpGradient(kernels::EmbeddedMlpView network, kernels::Arithmetic arithmetic, Tensor gradient)
      : kernel_(std::move(network), arithmetic), gradient_(std::move(gradient)) {}

  double evaluate(const Tensor& x, const Tensor& t, const Tensor& epsilon) override {
    const std::int64_t n = x.size(0), threads = std::min<std::int64_t>(at::get_num_threads(), n);
    for (auto i = static_cast<std::int64_t>(sums_.size()); i < threads; ++i) {
      sums_.push_back(kernel_.make_sums());
      benches_.push_back(kernel_.make_bench());
    }
    for (auto& sums : sums_) sums.fresh = true, sums.squares = 0;

    const Tensor rows = x.contiguous(), noise = epsilon.contiguous(), waves = time_waves(t, at::kFloat).contiguous();
    const auto scale = 1 / static_cast<float>(x.numel());
    at::parallel_for(0, kernel_.parts(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t part = begin; part < end; ++part) kernel_.pack(part);
    });
    at::parallel_for(0, threads, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t thread = begin; thread < end; ++thread)
        add_rows(n * thread / threads, n * (thread + 1) / threads, rows, waves, noise, scale, thread);
    });
    at::parallel_for(0, kernel_.parts(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t part = begin; part < end; ++part) kernel_.collect(sums_, part, gradient_.data_ptr<float>());
    });
    double squares = 0;
    for (const auto& sums : sums_) squares += sums.squares;
    return squares / static_cast<double>(x.numel());
  }

 private:
  /// Rows begin … end − 1 in passes of nearly equal size.
  void add_rows(std::int64_t begin, std::int64_t end, const Tensor& rows, const Tensor& waves, const Tensor& noise,
                float scale, std::int64_t thread) {
    const std::int64_t n = end - begin, passes = (n + kernels::most_rows - 1) / kernels::most_rows;
    for (std::int64_t pass = 0; pass < passes; ++pass) {
      const std::int64_t first = begin + n * pass / passes, last = begin + n * (pass + 1) / passes;
      kernel_.add(
          rows.data_ptr<float>() + first * kernel_.features(), waves.data_ptr<float>() + first * kernel_.waves(),
          noise.data_ptr<float>() + first * kernel_.features(), last - first, scale, sums_[thread], benches_[thread]);
    }
  }

  kernels::ResidualMlpGradient kernel_;
  Tensor gradient_;
  std::vector<kernels::ResidualMlpGradient::Sums> sums_;  ///< of each thread
  std::vector<kernels::ResidualMlpGradient::Bench> benches_;
};

}  // namespace

std::unique_ptr<DenoisingGradient> make_fused_mlp_gradient(kernels::EmbeddedMlpView network,
                                                           kernels::Arithmetic arithmetic, const Tensor& gradient) {
  return std::make_unique<FusedMlpGradient>(std::move(network), arithmetic, gradient);
}

}  // namespace sda
