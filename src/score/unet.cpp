/// ε_φ as a U-Net with modulation by the embedded time: over time for global networks, over space for local ones
/// (Ronneberger et al. 2015; Rozet & Louppe 2023, appendix). A block is h ← h + conv act(conv norm(h + e(t))).
#include <fmt/format.h>

#include "core/torch.hpp"
#include "score/networks.hpp"
#include "sda/core/error.hpp"

namespace sda {

namespace {

class UNet final : public Network {
 public:
  UNet(const NetworkParameters& p, at::IntArrayRef event, std::uint64_t seed, const Tensor& context)
      : parameters_of_(p),
        event_(event.vec()),
        context_(context),
        activation_(activation(p.activation)),
        maker_(parameters_, seed),
        embedding_(maker_, p.embedding) {
    check();
    const std::int64_t channels = p.global ? count(event_) : p.window_length() * event_.front();
    const std::int64_t extra = context_.defined() ? context_.size(0) : 0;
    const int levels = static_cast<int>(p.channels.size());
    levels_.resize(p.channels.size());
    for (int i = 0; i < levels; ++i) {
      const std::int64_t width = p.channels[i];
      const std::string head = i == 0 ? "network.heads.0" : fmt::format("network.heads.{}.0", i);
      levels_[i].head = add_convolution(head, i == 0 ? channels + extra : p.channels[i - 1], width);
      for (int j = 0; j < p.blocks[i]; ++j)
        levels_[i].descent.push_back(add_block(fmt::format("network.descent.{}.{}", i, j), width));
    }
    for (int i = levels - 1; i >= 0; --i) {  // the way up is numbered from the deepest level
      const int position = levels - 1 - i;
      for (int j = 0; j < p.blocks[i]; ++j)
        levels_[i].ascent.push_back(add_block(fmt::format("network.ascent.{}.{}", position, j), p.channels[i]));
      const std::string tail = fmt::format("network.tails.{}{}", position, i == 0 ? "" : ".2");
      levels_[i].tail = add_convolution(tail, p.channels[i], i == 0 ? channels : p.channels[i - 1]);
    }
  }

  Tensor forward(const Tensor& windows, const Tensor& t) const override {
    require_fits(windows);
    const Tensor time = embedding_.forward(parameters_, t);
    Tensor h = to_channels(windows);
    if (context_.defined()) {
      const Tensor context = context_.to(h.scalar_type()).unsqueeze(0);
      h = at::cat({h, context.expand(prepend({h.size(0)}, context_.sizes()))}, 1);
    }
    std::vector<Tensor> memory;
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      h = convolve(levels_[i].head, h, i == 0 ? 1 : 2);
      for (const Block& block : levels_[i].descent) h = apply(block, h, time);
      memory.push_back(h);
    }
    for (std::size_t i = levels_.size(); i-- > 0;) {
      for (const Block& block : levels_[i].ascent) h = apply(block, h, time);
      if (i > 0)
        h = convolve(levels_[i].tail, upsample(layer_norm(h, 1)), 1) + memory[i - 1];
      else
        h = convolve(levels_[i].tail, h, 1);
    }
    return from_channels(h, windows.sizes());
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
  struct Level {
    std::size_t head = 0, tail = 0;
    std::vector<Block> descent, ascent;
  };

  int spatial() const { return parameters_of_.global ? 1 : static_cast<int>(event_.size()) - 1; }

  void check() const {
    const auto& p = parameters_of_;
    const auto fail = [](const std::string& what, const std::string& found, const std::string& wanted) {
      throw UsageError({.what = what, .where = "network", .found = found, .wanted = wanted});
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

  /// Each level halves the axes that the network runs over and doubles them again on the way up.
  void require_fits(const Tensor& windows) const {
    const bool event_fits = windows.dim() == 2 + static_cast<std::int64_t>(event_.size()) &&
                            windows.sizes().slice(2) == at::IntArrayRef(event_) &&
                            (parameters_of_.global || windows.size(1) == parameters_of_.window_length());
    const std::int64_t divisor = std::int64_t{1} << (levels_.size() - 1);
    bool sizes_fit = event_fits;
    if (event_fits && parameters_of_.global) sizes_fit = windows.size(1) % divisor == 0;
    for (std::size_t i = 1; event_fits && !parameters_of_.global && i < event_.size(); ++i)
      sizes_fit = sizes_fit && event_[i] % divisor == 0;
    if (!sizes_fit)
      throw ShapeError(
          {.what = "windows do not fit the network",
           .where = "unet",
           .found = to_string(windows.sizes().slice(1)),
           .wanted = fmt::format("{} × {}, {} divisible by {}",
                                 parameters_of_.global ? "length" : std::to_string(parameters_of_.window_length()),
                                 to_string(event_), parameters_of_.global ? "the length" : "space", divisor)});
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
    if (parameters_of_.padding == "circular") {
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
    return h + convolve(block.outer, activation_(convolve(block.inner, layer_norm(h + shift, 1), 1)), 1);
  }

  Tensor upsample(const Tensor& h) const {
    return spatial() == 1 ? at::upsample_nearest1d(h, {h.size(2) * 2})
                          : at::upsample_nearest2d(h, {h.size(2) * 2, h.size(3) * 2});
  }

  NetworkParameters parameters_of_;
  Shape event_;
  Tensor context_;
  std::function<Tensor(const Tensor&)> activation_;
  ParameterMaker maker_;
  TimeEmbedding embedding_;
  std::vector<Level> levels_;
};

}  // namespace

std::shared_ptr<Network> make_unet(const NetworkParameters& parameters, at::IntArrayRef event, std::uint64_t seed,
                                   const Tensor& context) {
  return std::make_shared<UNet>(parameters, event, seed, context);
}

}  // namespace sda
