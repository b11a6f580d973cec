/// The denoising loss of a residual MLP with an embedded time and its gradient with respect to all weights: rows walk
/// forward and back through all layers in cache, and every map's gradient is one product more. No torch in here.
#pragma once

#include "score/kernels/residual_mlp.hpp"

namespace sda::kernels {

/// The network: e = E₂ silu(E₁ waves + …) + …, then layers, of which the first, a linear map, takes [x, e].
/// Views into weights that an optimiser changes in place.
struct EmbeddedMlpView {
  AffineView embedding[2];
  std::vector<LayerView> layers;
};

struct PackedEmbeddedMlp {
  PackedAffine embedding[2];
  std::vector<PackedLayer> layers;
  std::int64_t widest = 0;
};

class ResidualMlpGradient {
 public:
  ResidualMlpGradient(EmbeddedMlpView network, Arithmetic arithmetic);
  ResidualMlpGradient(const ResidualMlpGradient&) = delete;
  ResidualMlpGradient& operator=(const ResidualMlpGradient&) = delete;

  /// Values of a row of x, and of its embedded time's waves.
  std::int64_t features() const { return packed_.layers.back().first.out; }
  std::int64_t waves() const { return network_.embedding[0].in; }

  /// Weights are packed anew after each change, in `parts()` parts that may run at the same time.
  std::int64_t parts() const { return static_cast<std::int64_t>(packed_.layers.size()) + 1; }
  void pack(std::int64_t part);

  /// The gradient of one linear map, rows padded; and the sums of all of them that one thread makes.
  struct MapGradient {
    Aligned<float> weight{}, bias{};
  };
  struct Sums {
    std::vector<MapGradient> maps{};  ///< embedding, then layers in order
    bool fresh = true;                ///< what is there counts for nothing
    double squares = 0;               ///< Σ (ε_φ − ε)²
  };
  Sums make_sums() const;

  /// Working memory of one thread, `most_rows` rows.
  struct Bench {
    Aligned<float> floats;
    Aligned<std::byte> tape, room;
  };
  Bench make_bench() const;

  /// Adds Σ_rows of ‖ε_φ(x, t) − ε‖² and the gradient of scale · Σ_rows ‖ε_φ(x, t) − ε‖² to `sums`, for n ≤ most_rows
  /// rows: x and epsilon (n, features), waves (n, waves).
  void add(const float* x, const float* waves, const float* epsilon, std::int64_t n, float scale, Sums& sums,
           Bench& bench) const;

  /// gradient = Σ sums for the maps of one part; `gradient` holds every map's weight (out, in) and bias in order.
  void collect(const std::vector<Sums>& sums, std::int64_t part, float* gradient) const;

 private:
  struct Place {
    const AffineView* view;
    std::int64_t offset;  ///< in the flat gradient
  };
  std::int64_t maps_of(std::int64_t part) const { return part == 0 || packed_.layers[part - 1].residual ? 2 : 1; }
  std::int64_t first_map_of(std::int64_t part) const;

  EmbeddedMlpView network_;
  Arithmetic arithmetic_;
  PackedEmbeddedMlp packed_;
  std::vector<Place> places_{};
  std::int64_t tape_size_ = 0, room_size_ = 0;
};

}  // namespace sda::kernels
