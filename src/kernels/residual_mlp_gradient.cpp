/// Training a residual MLP: where its maps and their factors lie.
#include "kernels/residual_mlp_gradient.hpp"

#include <algorithm>

#include "kernels/residual_mlp_gradient_passes.hpp"

namespace sda::kernels {

HWY_EXPORT(mlp_training_forward);
HWY_EXPORT(mlp_training_back);
HWY_EXPORT(mlp_differentiate);
HWY_EXPORT(mlp_make_space);
HWY_EXPORT(mlp_pack_map);

ResidualMlpGradient::ResidualMlpGradient(EmbeddedMlpView network, Arithmetic arithmetic)
    : network_(std::move(network)) {
  const auto floats_on_tape = [this](std::int64_t width) {
    const std::int64_t begin = tape_size_;
    tape_size_ += max_rows * padded(width) * std::int64_t{sizeof(float)};
    return begin;
  };
  std::int64_t offset = 0;
  const auto add = [&](const AffineView& view, PackedMatrix& packed, Arithmetic kind, bool linear, std::int64_t g,
                       std::int64_t a) {
    maps_.push_back({&view, &packed, kind, linear, g, a, offset});
    offset += view.out * view.in + view.out;
    gradient_size_ = std::max(gradient_size_, block * (padded(view.in) + 1));
    packed_.widest = std::max({packed_.widest, padded(view.in), padded(view.out)});
    HWY_DYNAMIC_DISPATCH(mlp_make_space)(maps_.back());
  };
  const AffineView &first = network_.embedding[0], &second = network_.embedding[1];
  packed_.fourier_features = floats_on_tape(first.in);
  packed_.hidden = floats_on_tape(first.out);
  packed_.slope = floats_on_tape(first.out);
  packed_.embedded = floats_on_tape(second.out);
  packed_.arithmetic = arithmetic;
  add(first, packed_.embedding[0], arithmetic, /*linear=*/true, packed_.slope, packed_.fourier_features);
  add(second, packed_.embedding[1], arithmetic, /*linear=*/true, packed_.embedded, packed_.hidden);

  packed_.layers.resize(network_.layers.size());
  packed_.forward = {floats_on_tape(network_.layers.front().first.in)};
  packed_.backward = {floats_on_tape(network_.layers.front().first.in)};
  for (std::size_t i = 0; i < packed_.layers.size(); ++i) {
    const LayerView& view = network_.layers[i];
    PackedLayer& layer = packed_.layers[i];
    layer.residual = view.residual;
    layer.arithmetic = arithmetic_of(view, arithmetic);
    if (view.residual) {
      const BlockTapeLayout tape(padded(view.first.in), max_rows, bytes_of_value(layer.arithmetic), /*training=*/true);
      layer.tape = tape_size_;
      tape_size_ += tape.size;
      add(view.first, layer.first, layer.arithmetic, /*linear=*/false, layer.tape + tape.derivative,
          layer.tape + tape.normalised);
      add(view.second, layer.second, layer.arithmetic, /*linear=*/false, layer.tape + tape.gradient,
          layer.tape + tape.activation);
    } else {
      packed_.backward.push_back(floats_on_tape(view.first.out));
      add(view.first, layer.first, layer.arithmetic, /*linear=*/true, packed_.backward.back(), packed_.forward.back());
      packed_.forward.push_back(floats_on_tape(view.first.out));
    }
  }
  packed_.forward.back() = packed_.backward.back();  // ε_φ, and in its place ∂L/∂ε_φ
  std::stable_sort(maps_.begin(), maps_.end(), [](const TrainedMap& a, const TrainedMap& b) {
    return a.view->out * a.view->in > b.view->out * b.view->in;
  });
}

void ResidualMlpGradient::pack(std::int64_t map, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(mlp_pack_map)(maps_[static_cast<std::size_t>(map)], begin, end);
}

ResidualMlpGradient::Pass ResidualMlpGradient::make_pass() const {
  return {.tape = Aligned<std::byte>(static_cast<std::size_t>(tape_size_)), .squares = Aligned<double>(max_rows)};
}

ResidualMlpGradient::Scratch ResidualMlpGradient::make_scratch(std::int64_t rows) const {
  // The right factor of a map's gradient and a block of the left one, of float32 at most.
  const std::int64_t factors = rounded_up(rows, 32) * (padded(packed_.widest) + block) * std::int64_t{sizeof(float)};
  return {.rows = rows,
          .floats = Aligned<float>(static_cast<std::size_t>(max_rows * packed_.widest)),
          .left = Aligned<float>(static_cast<std::size_t>(linear_left * max_rows * packed_.widest)),
          .gradient = Aligned<float>(static_cast<std::size_t>(gradient_size_)),
          .factors = Aligned<std::byte>(static_cast<std::size_t>(factors))};
}

void ResidualMlpGradient::forward(const float* x, const float* t, const float* epsilon, std::int64_t n, Pass& pass,
                                  Scratch& scratch) const {
  HWY_DYNAMIC_DISPATCH(mlp_training_forward)(packed_, x, t, epsilon, n, pass, scratch);
}

void ResidualMlpGradient::back(float scale, Pass& pass, Scratch& scratch) const {
  HWY_DYNAMIC_DISPATCH(mlp_training_back)(packed_, scale, pass, scratch);
}

void ResidualMlpGradient::differentiate(std::int64_t map, std::int64_t begin, std::int64_t end,
                                        const std::vector<Pass>& passes, std::int64_t number_of_passes,
                                        Scratch& scratch, const Take& take) const {
  HWY_DYNAMIC_DISPATCH(mlp_differentiate)
  (maps_[static_cast<std::size_t>(map)], begin, end, passes, number_of_passes, scratch, take);
}

}  // namespace sda::kernels
