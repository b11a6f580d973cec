/// The denoising loss of a residual MLP with an embedded time and its gradient with respect to all weights, in two
/// phases. Passes of rows walk forward and back through all layers in cache and leave both factors of every map's
/// gradient on a tape. Then each map's gradient is one product over all rows of the batch, a block of W's rows at a
/// time, handed over while it is in cache. No torch in here.
#pragma once

#include <functional>

#include "kernels/residual_mlp.hpp"

namespace sda::kernels {

/// The network: e = E₂ silu(E₁ fourier_features(t) + …) + …, then layers, of which the first, a linear map, takes [x,
/// e]. Views into weights that an optimiser changes in place; they lie one after the other, weight (out, in) then bias.
struct EmbeddedMlpView {
  AffineView embedding[2];
  std::vector<LayerView> layers;
};

struct PackedEmbeddedMlp {
  PackedMatrix embedding[2];
  std::vector<PackedLayer> layers;
  Arithmetic arithmetic = Arithmetic::float32;  ///< of the embedding
  std::int64_t widest = 0;
  /// Where the embedding's fourier_features, silu, its derivative and e begin on a pass's tape, in bytes.
  std::int64_t fourier_features = 0, hidden = 0, slope = 0, embedded = 0;
  /// Where the stream lies before the first linear layer, between one and the next, and after the last; and its
  /// gradient. Blocks change it in place, so what is left there is one factor of a linear layer's gradient.
  std::vector<std::int64_t> forward{}, backward{};
};

/// One linear map: ∂L/∂W = gᵀ a and ∂L/∂b = Σ g over rows of g (rows, out) and a (rows, in), which lie on the tapes.
struct TrainedMap {
  const AffineView* view;
  PackedMatrix* packed;
  Arithmetic arithmetic;
  bool linear;                   ///< by the products' Precise: both factors lie on the tapes as float32
  std::int64_t gradient, input;  ///< g and a on a pass's tape, in bytes
  std::int64_t offset;           ///< of W among all weights; b follows it
};

class ResidualMlpGradient {
 public:
  ResidualMlpGradient(EmbeddedMlpView network, Arithmetic arithmetic);
  ResidualMlpGradient(const ResidualMlpGradient&) = delete;
  ResidualMlpGradient& operator=(const ResidualMlpGradient&) = delete;

  /// Values of a row of x.
  std::int64_t features() const { return packed_.layers.back().first.out; }

  /// The linear maps, those with most work first; each may be packed and differentiated by another thread.
  std::int64_t maps() const { return static_cast<std::int64_t>(maps_.size()); }
  std::int64_t rows_of(std::int64_t map) const { return maps_[static_cast<std::size_t>(map)].view->out; }
  /// A block of a map's rows.
  static constexpr std::int64_t block = 96;

  /// Packs rows begin … end − 1 of a map's weights anew; begin a multiple of `block`, end too or the last.
  void pack(std::int64_t map, std::int64_t begin, std::int64_t end);

  /// What a pass of at most `max_rows` rows leaves behind.
  struct Pass {
    std::int64_t rows = 0;
    Aligned<std::byte> tape{};
    Aligned<double> squares{};  ///< ‖ε_φ − ε‖² of each row
  };
  Pass make_pass() const;
  /// Working memory of one thread, for batches of `rows`.
  struct Scratch {
    std::int64_t rows = 0;
    Aligned<float> floats{}, left{}, gradient{};
    Aligned<std::byte> factors{};
  };
  Scratch make_scratch(std::int64_t rows) const;

  /// The first phase: ε_φ(x, t) − ε of n ≤ max_rows rows; x and epsilon (n, features), t (n). Then back from the loss
  /// scale · Σ_rows ‖ε_φ(x, t) − ε‖².
  void forward(const float* x, const float* t, const float* epsilon, std::int64_t n, Pass& pass,
               Scratch& scratch) const;
  void back(float scale, Pass& pass, Scratch& scratch) const;

  /// The second: the gradient of a map's rows begin … end − 1 (see `pack`) over all passes, in one order whatever the
  /// passes, given to take(place of the first weight among all, gradients, how many). All passes but the last have an
  /// even number of rows.
  using Take = std::function<void(std::int64_t, const float*, std::int64_t)>;
  void differentiate(std::int64_t map, std::int64_t begin, std::int64_t end, const std::vector<Pass>& passes,
                     std::int64_t number_of_passes, Scratch& scratch, const Take& take) const;

 private:
  EmbeddedMlpView network_;
  PackedEmbeddedMlp packed_;
  std::vector<TrainedMap> maps_{};
  std::int64_t tape_size_ = 0, gradient_size_ = 0;
};

}  // namespace sda::kernels
