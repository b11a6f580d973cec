/// ε_φ of a window of 2k+1 states as a residual multi-layer perceptron: Linear, then blocks
/// h ← h + W₂ act(W₁ norm(h)), with a Linear wherever the width changes (Rozet & Louppe 2023, appendix on Lorenz).
#include <fmt/format.h>

#include "core/torch.hpp"
#include "kernels/residual_mlp_kernel.hpp"
#include "prior/fused_mlp_gradient.hpp"
#include "prior/fused_score.hpp"
#include "prior/network_kinds.hpp"
#include "prior/networks.hpp"
#include "sda/core/error.hpp"

namespace sda {

namespace {

class ResidualMlpPanels final : public PanelKernel {
 public:
  /// `bias_at` gives the first layer's bias at a time t: its own plus what the embedded time adds.
  ResidualMlpPanels(kernels::ResidualMlpKernel kernel, std::function<Tensor(const Tensor&)> bias_at)
      : kernel_(std::move(kernel)), bias_at_(std::move(bias_at)) {}

  std::int64_t rows() const override { return kernels::panel_rows; }
  std::int64_t tape_size() const override { return kernel_.tape_size(); }
  std::int64_t workspace_size() const override { return kernel_.scratch_size() * std::int64_t{sizeof(float)}; }
  Tensor at_time(double t) const override {
    at::NoGradGuard no_grad;
    const Tensor bias = bias_at_(at::scalar_tensor(t, at::kDouble));
    return at::constant_pad_nd(bias, {0, kernels::padded(bias.size(0)) - bias.size(0)}).contiguous();
  }
  void forward(const float* const* rows, std::int64_t n, const float* bias, float* result, std::byte* tape,
               std::byte* workspace) const override {
    kernel_.forward(rows, n, bias, result, tape, reinterpret_cast<float*>(workspace));
  }
  void vjp(const float* v, std::int64_t n, std::byte* tape, float* gradient, std::byte* workspace) const override {
    kernel_.vjp(v, n, tape, gradient, reinterpret_cast<float*>(workspace));
  }

 private:
  kernels::ResidualMlpKernel kernel_;
  std::function<Tensor(const Tensor&)> bias_at_;
};

class ResidualMlp final : public Network {
 public:
  ResidualMlp(const NetworkParameters& p, at::IntArrayRef event, std::uint64_t seed)
      : window_(prepend({p.window_length()}, event)),
        features_(count(window_)),
        activation_(p.activation),
        maker_(parameters_, seed),
        embedding_(maker_, p.embedding) {
    std::int64_t width = features_ + p.embedding;
    std::vector<std::int64_t> widths(static_cast<std::size_t>(p.depth), p.width);
    widths.push_back(features_);
    int position = 0;
    for (const std::int64_t next : widths) {
      if (next != width)
        layers_.push_back({false, maker_.add_affine(fmt::format("network.{}", position++), {next, width}), 0});
      const std::size_t inner = maker_.add_affine(fmt::format("network.{}.1", position), {next, next});
      const std::size_t outer = maker_.add_affine(fmt::format("network.{}.3", position), {next, next});
      layers_.push_back({true, inner, outer});
      ++position;
      width = next;
    }
  }

  Tensor forward(const Tensor& windows, const Tensor& t) const override {
    if (windows.sizes().slice(1) != at::IntArrayRef(window_))
      throw ShapeError({.what = "windows do not fit the network",
                        .where = "residual MLP",
                        .found = to_string(windows.sizes().slice(1)),
                        .expected = to_string(window_)});
    const Tensor time = embedding_.forward(parameters_, t);
    Tensor h = windows.reshape({-1, features_});
    bool first = true;
    for (const Layer& layer : layers_) {
      if (first && layer.residual) h = at::cat({h, time.expand({h.size(0), -1})}, -1);
      if (layer.residual)
        h = h + affine(layer.outer, apply(activation_, affine(layer.affine, layer_norm(h, -1))));
      else
        h = first ? affine_with_time(layer.affine, h, time) : affine(layer.affine, h);
      first = false;
    }
    return h.view(windows.sizes());
  }

  std::shared_ptr<const DifferentiableScore> fused_score(std::int64_t memory, std::int64_t stride,
                                                         Precision precision) const override {
    if (!has_kernel()) return nullptr;
    auto layers = views();
    // The first layer's columns of the embedded time go into its bias, once for each t.
    layers.front().first.in = features_;
    auto bias_at = [embedding = embedding_, weights = copy_of(parameters_), index = layers_.front().affine,
                    features = features_](const Tensor& t) {
      const Tensor& weight = weights[index].value;
      const Tensor of_time = weight.narrow(1, features, weight.size(1) - features);
      return at::linear(embedding.forward(weights, t), of_time, weights[index + 1].value);
    };
    auto panels = std::make_shared<const ResidualMlpPanels>(
        kernels::ResidualMlpKernel(layers, arithmetic_of(precision)), std::move(bias_at));
    return make_fused_score({.name = "residual MLP",
                             .event = Shape(window_.begin() + 1, window_.end()),
                             .order = (window_.front() - 1) / 2,
                             .stride = stride,
                             .kernel_for = [panels](std::int64_t) { return panels; }},
                            memory);
  }

  std::unique_ptr<DenoisingGradient> fused_gradient(const Tensor& gradient, Precision precision) const override {
    if (!has_kernel()) return nullptr;
    kernels::EmbeddedMlpView network{.embedding = {view(0), view(2)}, .layers = views()};
    return make_fused_mlp_gradient(std::move(network), arithmetic_of(precision), parameters_.front().value, gradient);
  }

  std::int64_t bytes_per_row(std::int64_t) const override {
    // Autograd keeps about four vectors of each residual block, and each operation one more in passing.
    std::int64_t values = 4 * features_;
    for (const Layer& layer : layers_) values += (layer.residual ? 5 : 1) * parameters_[layer.affine].value.size(0);
    return values * static_cast<std::int64_t>(c10::elementSize(dtype()));
  }

 private:
  struct Layer {
    bool residual = false;
    std::size_t affine = 0;  ///< index of the (inner) weight
    std::size_t outer = 0;   ///< index of the outer weight of a residual block
  };

  bool has_kernel() const {
    return activation_ == Activation::silu && dtype() == at::kFloat && !layers_.front().residual && features_ > 1;
  }

  std::vector<kernels::LayerView> views() const {
    std::vector<kernels::LayerView> views;
    for (const Layer& layer : layers_) {
      views.push_back({layer.residual, view(layer.affine), {}});
      if (layer.residual) views.back().second = view(layer.outer);
    }
    return views;
  }

  kernels::AffineView view(std::size_t index) const {
    const Tensor &weight = parameters_[index].value, &bias = parameters_[index + 1].value;
    return {weight.data_ptr<float>(), bias.data_ptr<float>(), weight.size(1), weight.size(0), weight.size(1)};
  }

  Tensor affine(std::size_t index, const Tensor& h) const {
    return at::linear(h, parameters_[index].value, parameters_[index + 1].value);
  }

  /// W [h, e(t)] + b without writing e(t) beside every row.
  Tensor affine_with_time(std::size_t index, const Tensor& h, const Tensor& time) const {
    const Tensor& weight = parameters_[index].value;
    const Tensor of_time = weight.narrow(1, features_, weight.size(1) - features_);
    return at::linear(h, weight.narrow(1, 0, features_)) + at::linear(time, of_time, parameters_[index + 1].value);
  }

  Shape window_;
  std::int64_t features_;
  Activation activation_;
  ParameterMaker maker_;
  TimeEmbedding embedding_;
  std::vector<Layer> layers_;
};

std::shared_ptr<Network> make_residual_mlp(const NetworkParameters& parameters, at::IntArrayRef event,
                                           std::uint64_t seed, const Tensor& context) {
  if (parameters.global || context.defined())
    throw UsageError({.what = "a residual MLP takes windows of one length and no context fields",
                      .where = "network",
                      .hint = "set network.kind = \"unet\", or network.global = false"});
  return std::make_shared<ResidualMlp>(parameters, event, seed);
}

}  // namespace

const NetworkType residual_mlp_type{
    .kind = NetworkKind::residual_mlp,
    .takes_context = [](const NetworkParameters&) { return false; },
    .size = [](const NetworkParameters& p) { return fmt::format("{} hidden layers of width {}", p.depth, p.width); },
    .make = make_residual_mlp};

}  // namespace sda
