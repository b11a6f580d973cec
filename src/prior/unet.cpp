/// ε_φ as a U-Net with modulation by the embedded time: over time for global networks, over space for local ones
/// (Ronneberger et al. 2015; Rozet & Louppe 2023, appendix). A block is h ← h + conv act(conv norm(h + e(t))).
#include <fmt/format.h>

#include "core/torch.hpp"
#include "kernels/unet_kernel.hpp"
#include "prior/fused_score.hpp"
#include "prior/fused_unet_gradient.hpp"
#include "prior/network_kinds.hpp"
#include "prior/networks.hpp"
#include "sda/core/error.hpp"

namespace sda {

namespace {

/// The shift of every block at an embedded time, from weights that stay where they are.
struct Projections {
  TimeEmbedding embedding;
  std::vector<std::size_t> weights;  ///< indices of each block's, in order

  /// t () or (n) → (…, all blocks' shifts), each padded with zeros.
  Tensor shifts(const std::vector<NamedTensor>& parameters, const Tensor& t) const {
    const Tensor time = embedding.forward(parameters, t);
    std::vector<Tensor> parts;
    for (const std::size_t index : weights) {
      const Tensor shift = at::linear(time, parameters[index].value, parameters[index + 1].value);
      parts.push_back(at::constant_pad_nd(shift, {0, kernels::padded(shift.size(-1)) - shift.size(-1)}));
    }
    return at::cat(parts, -1).contiguous();
  }
};

/// A kernel with what it takes of the network, alive for as long as scores use it.
struct UNetInference {
  std::vector<NamedTensor> weights;
  Projections projections;
  Tensor context;
  std::unique_ptr<kernels::UNetKernel> kernel;
};

class UNetPanels final : public PanelKernel {
 public:
  UNetPanels(std::shared_ptr<const UNetInference> network, kernels::Grid image)
      : network_(std::move(network)), grid_(image), full_(plans(kernels::images_together(image))) {}

  std::int64_t rows() const override { return kernels::images_together(grid_); }
  std::int64_t tape_size() const override { return full_.with_tape.tape_size; }
  std::int64_t workspace_size() const override {
    return std::max(full_.with_tape.workspace_size, full_.without.workspace_size);
  }
  Tensor at_time(double t) const override {
    at::NoGradGuard no_grad;
    return network_->projections.shifts(network_->weights, at::scalar_tensor(t, at::kDouble));
  }
  void forward(const float* const* rows, std::int64_t n, const float* shifts, float* result, std::byte* tape,
               std::byte* workspace) const override {
    with_plans(n, [&](const Plans& plans) {
      network_->kernel->forward(tape == nullptr ? plans.without : plans.with_tape, rows, {shifts, 0}, result, tape,
                                workspace);
    });
  }
  void vjp(const float* v, std::int64_t n, std::byte* tape, float* gradient, std::byte* workspace) const override {
    with_plans(
        n, [&](const Plans& plans) { network_->kernel->vjp(plans.with_tape, v, gradient, nullptr, tape, workspace); });
  }

 private:
  struct Plans {
    kernels::UNetPlan with_tape, without;
  };
  Plans plans(std::int64_t images) const {
    kernels::Grid grid = grid_;
    grid.images = images;
    return {network_->kernel->plan(grid, kernels::Keep::for_vjp), network_->kernel->plan(grid, kernels::Keep::nothing)};
  }
  template <class Function>
  void with_plans(std::int64_t n, const Function& f) const {
    if (n == rows())
      f(full_);
    else
      f(plans(n));
  }

  std::shared_ptr<const UNetInference> network_;
  kernels::Grid grid_;
  Plans full_;
};

/// "72 or 74 × 144": the sizes nearest to a grid's that are divisible.
std::string sizes_that_fit(const kernels::Grid& grid, std::int64_t divisor) {
  const auto nearest = [&](std::int64_t size) {
    const std::int64_t below = size / divisor * divisor;
    if (below == size) return fmt::format("{}", size);
    return below == 0 ? fmt::format("{}", divisor) : fmt::format("{} or {}", below, below + divisor);
  };
  return (grid.flat ? "" : nearest(grid.height) + " × ") + nearest(grid.width);
}

/// Of what a network runs over, the space of a local one's windows or the time of a global one's.
struct ImageShape {
  Shape event;
  std::size_t levels;
  bool global;

  /// Each level halves the axes and doubles them again on the way up. Throws ShapeError where it cannot.
  kernels::Grid image(std::int64_t window) const {
    const kernels::Grid grid{.images = 1,
                             .height = !global && event.size() == 3 ? event[1] : 1,
                             .width = global ? window : event.back(),
                             .flat = global || event.size() == 2};
    const std::int64_t divisor = std::int64_t{1} << (levels - 1);
    if ((!grid.flat && grid.height % divisor != 0) || grid.width % divisor != 0)
      throw ShapeError(
          {.what = "windows do not fit the network",
           .where = "unet",
           .found = to_string(prepend({window}, event)),
           .expected = fmt::format("{} × {}, {} divisible by {}", global ? "length" : std::to_string(window),
                                   to_string(event), global ? "the length" : "space", divisor),
           .hint = "these fit: " + sizes_that_fit(grid, divisor)});
    return grid;
  }
};

class UNet final : public Network {
 public:
  UNet(const NetworkParameters& p, at::IntArrayRef event, std::uint64_t seed, const Tensor& context)
      : parameters_of_(p),
        event_(event.vec()),
        context_(context),
        activation_(p.activation),
        maker_(parameters_, seed),
        embedding_(maker_, p.embedding) {
    check();
    const std::int64_t channels = p.global ? count(event_) : p.window_length() * event_.front();
    const std::int64_t extra = context_.defined() ? context_.size(0) : 0;
    const int levels = static_cast<int>(p.channels.size());
    levels_.resize(p.channels.size());
    for (int i = 0; i < levels; ++i) {
      const std::int64_t width = p.channels[i];
      const std::string name = i == 0 ? "network.heads.0" : fmt::format("network.heads.{}.0", i);
      levels_[i].downsample = add_convolution(name, i == 0 ? channels + extra : p.channels[i - 1], width);
      for (int j = 0; j < p.blocks[i]; ++j)
        levels_[i].encoder.push_back(add_block(fmt::format("network.descent.{}.{}", i, j), width));
    }
    for (int i = levels - 1; i >= 0; --i) {  // the way up is numbered from the deepest level
      const int position = levels - 1 - i;
      for (int j = 0; j < p.blocks[i]; ++j)
        levels_[i].decoder.push_back(add_block(fmt::format("network.ascent.{}.{}", position, j), p.channels[i]));
      const std::string name = fmt::format("network.tails.{}{}", position, i == 0 ? "" : ".2");
      levels_[i].upsample = add_convolution(name, p.channels[i], i == 0 ? channels : p.channels[i - 1]);
    }
  }

  Tensor forward(const Tensor& windows, const Tensor& t) const override {
    require_fits(windows);
    const Tensor time = embedding_.forward(parameters_, t);
    Tensor h = to_channels(windows);
    if (context_.defined()) {
      const Tensor context = context_.to(h.options()).unsqueeze(0);
      h = at::cat({h, context.expand(prepend({h.size(0)}, context_.sizes()))}, 1);
    }
    std::vector<Tensor> memory;
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      h = convolve(levels_[i].downsample, h, i == 0 ? 1 : 2);
      for (const Block& block : levels_[i].encoder) h = apply(block, h, time);
      memory.push_back(h);
    }
    for (std::size_t i = levels_.size(); i-- > 0;) {
      for (const Block& block : levels_[i].decoder) h = apply(block, h, time);
      if (i > 0)
        h = convolve(levels_[i].upsample, upsample(layer_norm(h, 1)), 1) + memory[i - 1];
      else
        h = convolve(levels_[i].upsample, h, 1);
    }
    return from_channels(h, windows.sizes());
  }

  std::shared_ptr<const DifferentiableScore> fused_score(std::int64_t memory, std::int64_t stride,
                                                         Precision precision) const override {
    if (!has_kernel()) return nullptr;
    const auto inference = std::make_shared<UNetInference>(
        UNetInference{.weights = copy_of(parameters_), .projections = projections(), .context = {}, .kernel = {}});
    if (context_.defined()) inference->context = context_.to(at::kFloat).contiguous();
    inference->kernel = make_kernel(inference->weights, inference->context, precision);
    const bool global = parameters_of_.global;
    return make_fused_score({.name = "unet",
                             .event = event_,
                             .order = global ? 0 : parameters_of_.order,
                             .stride = stride,
                             .kernel_for =
                                 [inference, shape = image_shape()](std::int64_t window) {
                                   return std::make_shared<UNetPanels>(inference, shape.image(window));
                                 }},
                            memory);
  }

  std::unique_ptr<DenoisingGradient> fused_gradient(const Tensor& gradient, Precision precision) const override {
    if (!has_kernel()) return nullptr;
    UNetTraining training;
    if (context_.defined()) training.context = context_.to(at::kFloat).contiguous();
    training.kernel = make_kernel(parameters_, training.context, precision);
    training.shifts = [weights = parameters_, all = projections()](const Tensor& t) { return all.shifts(weights, t); };
    training.image = [shape = image_shape()](std::int64_t window) { return shape.image(window); };
    const auto* begin = parameters_.front().value.data_ptr<float>();
    for (const auto& convolution : training.kernel->convolutions())
      training.places.push_back(convolution.view.weight - begin);
    return make_fused_unet_gradient(std::move(training), gradient);
  }

  std::int64_t bytes_per_row(std::int64_t length) const override {
    std::int64_t points = parameters_of_.global ? length : count(at::IntArrayRef(event_).slice(1));
    std::int64_t values = 0;
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      values += points * parameters_of_.channels[i] * (4 + 16 * parameters_of_.blocks[i]);
      points = std::max<std::int64_t>(1, points >> spatial());
    }
    return values * static_cast<std::int64_t>(c10::elementSize(dtype()));
  }

 private:
  struct Block {
    std::size_t project, inner, outer;  ///< indices of weights
  };
  /// Of the finest level, `downsample` is the first convolution and `upsample` the last, both with stride 1.
  struct Level {
    std::size_t downsample = 0, upsample = 0;
    std::vector<Block> encoder, decoder;
  };

  ImageShape image_shape() const { return {event_, levels_.size(), parameters_of_.global}; }

  bool has_kernel() const {
    const bool space = parameters_of_.global || event_.size() <= 3;
    return space && dtype() == at::kFloat && activation_ == Activation::silu && parameters_of_.kernel_size == 3 &&
           *std::min_element(parameters_of_.channels.begin(), parameters_of_.channels.end()) > 1;
  }

  Projections projections() const {
    Projections all{embedding_, {}};
    for (const Level& level : levels_)
      for (const Block& block : level.encoder) all.weights.push_back(block.project);
    for (auto level = levels_.rbegin(); level != levels_.rend(); ++level)
      for (const Block& block : level->decoder) all.weights.push_back(block.project);
    return all;
  }

  std::unique_ptr<kernels::UNetKernel> make_kernel(const std::vector<NamedTensor>& weights, const Tensor& context,
                                                   Precision precision) const {
    using kernels::Sampling;
    const auto view = [&](std::size_t index, Sampling sampling) {
      const Tensor &weight = weights[index].value, &bias = weights[index + 1].value;
      return kernels::ConvolutionView{weight.data_ptr<float>(), bias.data_ptr<float>(), weight.size(1), weight.size(0),
                                      sampling};
    };
    const auto views = [&](const std::vector<Block>& blocks) {
      std::vector<kernels::UNetBlockView> all;
      for (const Block& block : blocks)
        all.push_back({view(block.inner, Sampling::same), view(block.outer, Sampling::same)});
      return all;
    };
    kernels::UNetView network{
        .levels = {}, .flat = spatial() == 1, .circular = parameters_of_.padding == Padding::circular};
    for (const Level& level : levels_) {
      const bool finest = network.levels.empty();
      network.levels.push_back({view(level.downsample, finest ? Sampling::same : Sampling::down), views(level.encoder),
                                views(level.decoder), view(level.upsample, finest ? Sampling::same : Sampling::up)});
    }
    const kernels::ImageView image{.channels = weights[levels_.front().upsample].value.size(0),
                                   .planar = !parameters_of_.global,
                                   .context = context.defined() ? context.data_ptr<float>() : nullptr,
                                   .extra = context.defined() ? context.size(0) : 0};
    return std::make_unique<kernels::UNetKernel>(std::move(network), image, arithmetic_of(precision));
  }

  int spatial() const { return parameters_of_.global ? 1 : static_cast<int>(event_.size()) - 1; }

  void check() const {
    const auto& p = parameters_of_;
    const auto fail = [](const std::string& what, const std::string& found, const std::string& expected) {
      throw UsageError({.what = what, .where = "network", .found = found, .expected = expected});
    };
    if (p.channels.size() != p.blocks.size() || p.channels.empty())
      fail("a unet needs channels and blocks for each level",
           fmt::format("{} channels, {} blocks", p.channels.size(), p.blocks.size()), "as many of both");
    if (p.kernel_size % 2 == 0) fail("even kernel_size", fmt::format("{}", p.kernel_size), "an odd number");
    if (p.global && event_.size() != 1)
      fail("a global unet runs over time alone", to_string(event_), "an event with one axis");
    if (!p.global && (event_.size() < 2 || event_.size() > 3))
      fail("a local unet needs space to run over", "event " + to_string(event_),
           "channels and 1 or 2 space axes; take kind = \"resmlp\" or global = true");
    if (p.global && p.window < 1) fail("a global network needs a training window", "network.window = 0", "at least 1");
  }

  void require_fits(const Tensor& windows) const {
    const bool event_fits = windows.dim() == 2 + static_cast<std::int64_t>(event_.size()) &&
                            windows.sizes().slice(2) == at::IntArrayRef(event_) &&
                            (parameters_of_.global || windows.size(1) == parameters_of_.window_length());
    if (!event_fits)
      throw ShapeError(
          {.what = "windows do not fit the network",
           .where = "unet",
           .found = to_string(windows.sizes().slice(1)),
           .expected = (parameters_of_.global ? "length" : std::to_string(parameters_of_.window_length())) + " × " +
                       to_string(event_)});
    image_shape().image(windows.size(1));
  }

  Tensor to_channels(const Tensor& windows) const {
    return parameters_of_.global ? windows.transpose(1, 2) : windows.flatten(1, 2);
  }
  Tensor from_channels(const Tensor& h, at::IntArrayRef shape) const {
    return parameters_of_.global ? h.transpose(1, 2) : h.view(shape);
  }

  std::size_t add_convolution(const std::string& name, std::int64_t in, std::int64_t out) {
    Shape shape{out, in};
    shape.insert(shape.end(), static_cast<std::size_t>(spatial()), parameters_of_.kernel_size);
    return maker_.add_affine(name, shape);
  }

  Block add_block(const std::string& name, std::int64_t width) {
    const std::size_t project = maker_.add_affine(name + ".project.0", {width, parameters_of_.embedding});
    const std::size_t inner = add_convolution(name + ".residue.1", width, width);
    return {project, inner, add_convolution(name + ".residue.3", width, width)};
  }

  Tensor convolve(std::size_t index, Tensor h, std::int64_t stride) const {
    const Tensor &weight = parameters_[index].value, &bias = parameters_[index + 1].value;
    const auto axes = static_cast<std::size_t>(spatial());
    std::int64_t padding = parameters_of_.kernel_size / 2;
    if (parameters_of_.padding == Padding::circular) {
      h = at::pad(h, Shape(2 * axes, padding), "circular");
      padding = 0;
    }
    const Shape strides(axes, stride), paddings(axes, padding), ones(axes, 1);
    return axes == 1 ? at::conv1d(h, weight, bias, strides, paddings, ones)
                     : at::conv2d(h, weight, bias, strides, paddings, ones);
  }

  Tensor apply(const Block& block, const Tensor& h, const Tensor& time) const {
    Tensor shift = at::linear(time, parameters_[block.project].value, parameters_[block.project + 1].value);
    for (int i = 0; i < spatial(); ++i) shift = shift.unsqueeze(-1);
    return h + convolve(block.outer, sda::apply(activation_, convolve(block.inner, layer_norm(h + shift, 1), 1)), 1);
  }

  Tensor upsample(const Tensor& h) const {
    return spatial() == 1 ? at::upsample_nearest1d(h, {h.size(2) * 2})
                          : at::upsample_nearest2d(h, {h.size(2) * 2, h.size(3) * 2});
  }

  NetworkParameters parameters_of_;
  Shape event_;
  Tensor context_;
  Activation activation_;
  ParameterMaker maker_;
  TimeEmbedding embedding_;
  std::vector<Level> levels_;
};

std::shared_ptr<Network> make_unet(const NetworkParameters& parameters, at::IntArrayRef event, std::uint64_t seed,
                                   const Tensor& context) {
  return std::make_shared<UNet>(parameters, event, seed, context);
}

}  // namespace

const NetworkType unet_type{.kind = NetworkKind::unet,
                            .takes_context = [](const NetworkParameters& p) { return !p.global; },
                            .size =
                                [](const NetworkParameters& p) {
                                  return fmt::format("channels {}, blocks {}, {} padding", fmt::join(p.channels, "-"),
                                                     fmt::join(p.blocks, "-"), name_of(p.padding));
                                },
                            .make = make_unet};

}  // namespace sda
