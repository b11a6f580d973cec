/// Networks ε_φ(x(t), t): parameters by name and a forward pass that autograd can follow.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "sda/core/fields.hpp"
#include "sda/core/tensor.hpp"
#include "sda/prior/precision.hpp"

namespace sda {

class DenoisingGradient;
class DifferentiableScore;

struct NamedTensor {
  std::string name;
  Tensor value;
};

enum class NetworkKind { residual_mlp, unet, torchscript };
constexpr auto choice_names(NetworkKind) {
  return std::array{"resmlp", "unet", "torchscript"};
}
enum class Activation { silu, relu, elu, gelu, selu };
constexpr auto choice_names(Activation) {
  return std::array{"SiLU", "ReLU", "ELU", "GELU", "SELU"};
}
/// What lies beyond the edges of a U-Net's maps.
enum class Padding { zeros, circular };
constexpr auto choice_names(Padding) {
  return std::array{"zeros", "circular"};
}

/// What a network is. Names and defaults follow the reference; `order` k gives windows of 2k+1 states.
struct NetworkParameters {
  NetworkKind kind = NetworkKind::residual_mlp;
  std::int64_t order = 2;       ///< k of a local network
  bool global = false;          ///< unet over time on trajectories of any length; `window` in training
  std::int64_t window = 0;      ///< of training, for global networks; 2k+1 otherwise
  std::int64_t embedding = 32;  ///< features of the time embedding
  Activation activation = Activation::silu;
  std::int64_t width = 256;                           ///< resmlp
  std::int64_t depth = 5;                             ///< resmlp
  std::vector<std::int64_t> channels{64};             ///< unet, for each level
  std::vector<std::int64_t> blocks{3};                ///< unet, for each level
  std::int64_t kernel_size = 3;                       ///< unet, odd
  Padding padding = Padding::zeros;                   ///< unet
  std::string script{};                               ///< torchscript: the file
  std::shared_ptr<const std::string> script_bytes{};  ///< what was in it, where it comes from a model file; no key

  /// States in a training window.
  std::int64_t window_length() const { return global ? window : 2 * order + 1; }
};

template <class Visitor>
void fields(Visitor& v, NetworkParameters& p) {
  v("kind", p.kind, "resmlp (local), unet, or torchscript (your own)");
  v("order", p.order, "k: each state's score from a window of 2k+1 states", at_least(1));
  v("global", p.global, "a unet over time that takes trajectories of any length", any());
  v("window", p.window, "states in a training window of a global network", at_least(0));
  v("embedding", p.embedding, "features of the time embedding", at_least(1));
  v("activation", p.activation, "activation function");
  v("width", p.width, "resmlp: features of each hidden layer", at_least(1));
  v("depth", p.depth, "resmlp: hidden layers", at_least(1));
  v("channels", p.channels, "unet: channels at each level", at_least(1));
  v("blocks", p.blocks, "unet: residual blocks at each level", at_least(1));
  v("kernel_size", p.kernel_size, "unet: odd size of the convolutions", at_least(1));
  v("padding", p.padding, "unet: zeros or circular");
  v("script", p.script, "torchscript: file of a module whose forward(windows, t) is the noise expected in the windows",
    any());
}

/// ε_φ. Windows are (n, length, …event); `t` is (n) or a scalar tensor. Parameters are float32 (or float64 after
/// `to`), named as in the reference without its wrapper's prefix: "embedding.0.weight", "network.1.3.bias".
class Network {
 public:
  virtual ~Network() = default;
  virtual Tensor forward(const Tensor& windows, const Tensor& t) const = 0;
  /// In a fixed order. The tensors share storage with the network's own.
  const std::vector<NamedTensor>& parameters() const { return parameters_; }
  /// Values copied into the parameters, after names, shapes and dtypes were compared. Throws FileError naming
  /// `where`, the first name that differs and both shapes.
  void load(const std::vector<NamedTensor>& values, const std::string& where);
  void to(at::ScalarType dtype);
  /// Moves the parameters; windows and t of `forward` must be there too.
  void to(at::Device device);
  at::Device device() const;
  /// Makes every parameter a view into `flat` (all values, in order) that accumulates its gradient into the same
  /// part of `flat_gradient`; for training. Throws ShapeError if the sizes differ.
  void bind(const Tensor& flat, const Tensor& flat_gradient);
  /// A copy of all values in order, flat.
  Tensor flat_values() const;
  /// Sets all values from a flat tensor. Throws ShapeError if the sizes differ.
  void set_flat_values(const Tensor& flat);
  at::ScalarType dtype() const;
  /// Bytes one row of `length` states keeps for a VJP; for chunking.
  virtual std::int64_t bytes_per_row(std::int64_t length) const = 0;
  /// The score by a kernel of the network's own, from a copy of its present weights; null where there is none for its
  /// shape, activation or dtype. A local network's takes trajectories of any length ≥ 2k+1, windows `stride` apart.
  /// `memory` bounds what a linearisation keeps, in bytes.
  virtual std::shared_ptr<const DifferentiableScore> fused_score(std::int64_t memory, std::int64_t stride = 1,
                                                                 Precision precision = Precision::automatic) const;
  /// The denoising loss's gradient by a kernel of the network's own, for parameters bound to flat weights, into the
  /// flat `gradient`; null where there is none.
  virtual std::unique_ptr<DenoisingGradient> fused_gradient(const Tensor& gradient, Precision precision) const;
  /// Of a network from TorchScript its module, as a file holds it; else empty.
  virtual std::string script() const { return {}; }

 protected:
  std::vector<NamedTensor> parameters_;
};

/// Whether a network of these parameters sees context fields beside the state.
bool takes_context(const NetworkParameters& parameters);
/// "5 hidden layers of width 256, embedding 32, SiLU"; empty for a network that we do not know the inside of.
std::string size_in_words(const NetworkParameters& parameters);

/// A network with first weights from the stream (seed, network_weights): PyTorch's default, uniform on
/// ±1/√fan_in. `context` (c, …space) is appended to a unet's channels; undefined for none.
/// Of kind torchscript the first weights are the module's own; its forward takes windows (n, length, …event), t (n)
/// and, if there are context fields, these, (c, …space), and gives ε of the windows' shape. Throws UsageError where
/// parameters and event do not fit, FileError for a module that cannot be read.
std::shared_ptr<Network> make_network(const NetworkParameters& parameters, at::IntArrayRef event, std::uint64_t seed,
                                      const Tensor& context = {});

}  // namespace sda
