/// Matrix tiles in registers and the layers of the residual MLP, compiled once for each instruction set.
#include "score/kernels/residual_mlp_kernel.hpp"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "score/kernels/residual_mlp_kernel.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After highway.h, once for each target:
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

HWY_INLINE std::int64_t lanes() {
  return static_cast<std::int64_t>(hn::Lanes(D()));
}

/// Rows of a tile: with two vectors of columns, what fits in 32 or in 16 registers.
constexpr int tile_rows = HWY_TARGET <= HWY_AVX3 ? 12 : 6;

std::int64_t panel_columns() {
  return 2 * lanes();
}

// Epilogues: what happens to a finished tile's vector at (row, column). Buffers share the leading dimension `ld`.

struct AddBias {
  const float* bias;
  float* out;
  std::int64_t ld;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const {
    hn::StoreU(hn::Add(v, hn::LoadU(D(), bias + column)), D(), out + row * ld + column);
  }
};

/// silu(a) = a s with s = 1/(1 + e^−a), and its derivative s + a s (1 − s).
struct AddBiasThenSilu {
  const float* bias;
  float* out;
  float* derivative;  ///< may be null
  std::int64_t ld;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const {
    const D d;
    const V one = hn::Set(d, 1.0f);
    const V a = hn::Add(v, hn::LoadU(d, bias + column));
    const V s = hn::Div(one, hn::Add(one, hn::Exp(d, hn::Min(hn::Neg(a), hn::Set(d, 88.0f)))));
    const V silu = hn::Mul(a, s);
    hn::StoreU(silu, d, out + row * ld + column);
    if (derivative != nullptr) hn::StoreU(hn::MulAdd(silu, hn::Sub(one, s), s), d, derivative + row * ld + column);
  }
};

struct AddBiasToStream {
  const float* bias;
  float* stream;
  std::int64_t ld;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const {
    float* at = stream + row * ld + column;
    hn::StoreU(hn::Add(hn::LoadU(D(), at), hn::Add(v, hn::LoadU(D(), bias + column))), D(), at);
  }
};

struct Multiply {
  const float* factor;
  float* out;
  std::int64_t ld;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const {
    hn::StoreU(hn::Mul(v, hn::LoadU(D(), factor + row * ld + column)), D(), out + row * ld + column);
  }
};

struct Write {
  float* out;
  std::int64_t ld;
  HWY_INLINE void operator()(std::int64_t row, std::int64_t column, V v) const {
    hn::StoreU(v, D(), out + row * ld + column);
  }
};

/// A tile of a B: tile_rows rows of `a` (leading dimension lda) times one packed panel of columns.
template <class Epilogue>
HWY_INLINE void tile(const float* HWY_RESTRICT a, std::int64_t lda, const float* HWY_RESTRICT b, std::int64_t depth,
                     std::int64_t row, std::int64_t column, const Epilogue& epilogue) {
  const D d;
  const std::int64_t n = lanes();
  V left[tile_rows], right[tile_rows];
#pragma GCC unroll 12
  for (int m = 0; m < tile_rows; ++m) left[m] = right[m] = hn::Zero(d);
  for (std::int64_t k = 0; k < depth; ++k) {
    const V b0 = hn::Load(d, b + 2 * n * k), b1 = hn::Load(d, b + 2 * n * k + n);
#pragma GCC unroll 12
    for (int m = 0; m < tile_rows; ++m) {
      const V value = hn::Set(d, a[m * lda + k]);
      left[m] = hn::MulAdd(value, b0, left[m]);
      right[m] = hn::MulAdd(value, b1, right[m]);
    }
  }
#pragma GCC unroll 12
  for (int m = 0; m < tile_rows; ++m) {
    epilogue(row + m, column, left[m]);
    epilogue(row + m, column + n, right[m]);
  }
}

/// All tiles of (panel_rows, depth) × (depth, columns): a panel of columns stays in cache for all rows.
template <class Epilogue>
void multiply(const float* a, std::int64_t lda, const float* packed, std::int64_t depth, std::int64_t columns,
              const Epilogue& epilogue) {
  for (std::int64_t column = 0; column < columns; column += panel_columns())
    for (std::int64_t row = 0; row < panel_rows; row += tile_rows)
      tile(a + row * lda, lda, packed + column * depth, depth, row, column, epilogue);
}

/// (x − mean) / √(unbiased variance + 1e-5) of each row's first `width` values; zero up to the end of their vector.
void normalise(const float* x, std::int64_t ld, std::int64_t width, float* out, float* inverse) {
  const D d;
  const std::int64_t n = lanes();
  for (std::int64_t row = 0; row < panel_rows; ++row) {
    const float* from = x + row * ld;
    float* to = out + row * ld;
    V sum = hn::Zero(d);
    for (std::int64_t i = 0; i < width; i += n) sum = hn::Add(sum, hn::LoadU(d, from + i));
    const V mean = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sum)) / static_cast<float>(width));
    V squares = hn::Zero(d);
    for (std::int64_t i = 0; i < width; i += n) {
      const auto inside = hn::FirstN(d, static_cast<std::size_t>(std::min(n, width - i)));
      const V centred = hn::IfThenElseZero(inside, hn::Sub(hn::LoadU(d, from + i), mean));
      squares = hn::MulAdd(centred, centred, squares);
      hn::StoreU(centred, d, to + i);
    }
    const float variance = hn::GetLane(hn::SumOfLanes(d, squares)) / static_cast<float>(width - 1);
    inverse[row] = 1 / std::sqrt(variance + 1e-5f);
    const V scale = hn::Set(d, inverse[row]);
    for (std::int64_t i = 0; i < width; i += n) hn::StoreU(hn::Mul(hn::LoadU(d, to + i), scale), d, to + i);
  }
}

/// stream ← stream + the pull-back of `normalise`: inverse (g − mean g − y Σ g y / (width − 1)).
void add_normalise_pull_back(const float* g, const float* y, const float* inverse, std::int64_t ld, std::int64_t width,
                             float* stream) {
  const D d;
  const std::int64_t n = lanes();
  for (std::int64_t row = 0; row < panel_rows; ++row) {
    const float *gr = g + row * ld, *yr = y + row * ld;
    float* to = stream + row * ld;
    V sum = hn::Zero(d), product = hn::Zero(d);
    for (std::int64_t i = 0; i < width; i += n) {
      const V value = hn::LoadU(d, gr + i);  // zero beyond the width, as the packed weights are
      sum = hn::Add(sum, value);
      product = hn::MulAdd(value, hn::LoadU(d, yr + i), product);
    }
    const V mean = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sum)) / static_cast<float>(width));
    const V slope = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, product)) / static_cast<float>(width - 1));
    const V scale = hn::Set(d, inverse[row]);
    for (std::int64_t i = 0; i < width; i += n) {
      const auto inside = hn::FirstN(d, static_cast<std::size_t>(std::min(n, width - i)));
      const V centred = hn::NegMulAdd(hn::LoadU(d, yr + i), slope, hn::Sub(hn::LoadU(d, gr + i), mean));
      const V change = hn::IfThenElseZero(inside, hn::Mul(scale, centred));
      hn::StoreU(hn::Add(hn::LoadU(d, to + i), change), d, to + i);
    }
  }
}

/// (n, width) rows into a zero-padded panel, and back.
void spread(const float* rows, std::int64_t n, std::int64_t width, float* panel) {
  std::fill_n(panel, panel_rows * padded(width), 0.0f);
  for (std::int64_t row = 0; row < n; ++row) std::copy_n(rows + row * width, width, panel + row * padded(width));
}
void collect(const float* panel, std::int64_t n, std::int64_t width, float* rows) {
  for (std::int64_t row = 0; row < n; ++row) std::copy_n(panel + row * padded(width), width, rows + row * width);
}

using Layer = ResidualMlpKernel::Layer;

/// What a residual block keeps for its pull-back: the normalised rows, silu's derivative, 1/√(variance + 1e-5).
template <class Float>
struct BlockTape {
  Float *normalised, *derivative, *inverse;
  BlockTape(Float* at, std::int64_t ld)
      : normalised(at), derivative(at + panel_rows * ld), inverse(at + 2 * panel_rows * ld) {}
};

// Buffers of a layer of width w have the leading dimension padded(w).

void forward(const std::vector<Layer>& layers, std::int64_t buffer, const float* rows, std::int64_t n,
             const float* first_bias, float* result, float* tape, float* scratch) {
  float *stream = scratch, *next = scratch + buffer, *activation = scratch + 2 * buffer, *unkept = scratch + 3 * buffer;
  float unkept_inverse[panel_rows];
  spread(rows, n, layers.front().first.in, stream);
  const float* bias = first_bias;
  for (const Layer& layer : layers) {
    const auto &first = layer.first, &second = layer.second;
    const std::int64_t from = padded(first.in), to = padded(first.out);
    if (layer.residual) {
      const BlockTape<float> kept(tape, to);
      float* y = tape != nullptr ? kept.normalised : unkept;
      normalise(stream, to, first.in, y, tape != nullptr ? kept.inverse : unkept_inverse);
      multiply(y, to, first.forward.data(), first.in, to,
               AddBiasThenSilu{first.bias.data(), activation, tape != nullptr ? kept.derivative : nullptr, to});
      multiply(activation, to, second.forward.data(), second.in, to, AddBiasToStream{second.bias.data(), stream, to});
      if (tape != nullptr) tape += block_tape_size(to);
    } else {
      if (bias == nullptr) bias = first.bias.data();
      multiply(stream, from, first.forward.data(), first.in, to, AddBias{bias, next, to});
      std::swap(stream, next);
    }
    bias = nullptr;
  }
  collect(stream, n, layers.back().first.out, result);
}

void pull_back(const std::vector<Layer>& layers, std::int64_t buffer, const float* v, std::int64_t n,
               const float* end_of_tape, float* gradient, float* scratch) {
  float *stream = scratch, *next = scratch + buffer, *inner = scratch + 2 * buffer;
  const float* tape = end_of_tape;
  spread(v, n, layers.back().first.out, stream);
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    const auto &first = layer->first, &second = layer->second;
    const std::int64_t from = padded(first.out), to = padded(first.in);
    if (layer->residual) {
      tape -= block_tape_size(to);
      const BlockTape<const float> kept(tape, to);
      multiply(stream, to, second.backward.data(), second.out, to, Multiply{kept.derivative, inner, to});
      multiply(inner, to, first.backward.data(), first.out, to, Write{next, to});
      add_normalise_pull_back(next, kept.normalised, kept.inverse, to, first.in, stream);
    } else {
      multiply(stream, from, first.backward.data(), first.out, to, Write{next, to});
      std::swap(stream, next);
    }
  }
  collect(stream, n, layers.front().first.in, gradient);
}

std::string name() {
  return hwy::TargetName(HWY_TARGET);
}

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sda::kernels {

HWY_EXPORT(panel_columns);
HWY_EXPORT(forward);
HWY_EXPORT(pull_back);
HWY_EXPORT(name);

namespace {

/// (depth, columns) row by row → panels of columns, each (depth, panel); `element(k, column)` reads the source.
template <class Element>
AlignedFloats pack(std::int64_t depth, std::int64_t columns, std::int64_t panel, Element element) {
  AlignedFloats packed(static_cast<std::size_t>(depth * padded(columns)), 0.0f);
  for (std::int64_t begin = 0; begin < columns; begin += panel)
    for (std::int64_t k = 0; k < depth; ++k)
      for (std::int64_t column = begin; column < std::min(columns, begin + panel); ++column)
        packed[static_cast<std::size_t>(begin * depth + k * panel + column - begin)] = element(k, column);
  return packed;
}

ResidualMlpKernel::Packed pack(const AffineView& view) {
  const std::int64_t panel = HWY_DYNAMIC_DISPATCH(panel_columns)();
  ResidualMlpKernel::Packed packed{.in = view.in, .out = view.out};
  packed.forward =
      pack(view.in, view.out, panel, [&](auto k, auto column) { return view.weight[column * view.in + k]; });
  packed.backward =
      pack(view.out, view.in, panel, [&](auto k, auto column) { return view.weight[k * view.in + column]; });
  packed.bias.assign(static_cast<std::size_t>(padded(view.out)), 0.0f);
  std::copy_n(view.bias, view.out, packed.bias.begin());
  return packed;
}

}  // namespace

ResidualMlpKernel::ResidualMlpKernel(const std::vector<LayerView>& layers) {
  for (const LayerView& view : layers) {
    Layer& layer = layers_.emplace_back();
    layer.residual = view.residual;
    layer.first = pack(view.first);
    if (view.residual) layer.second = pack(view.second);
    widest_ = std::max({widest_, padded(view.first.in), padded(view.first.out)});
  }
  out_ = layers_.back().first.out;
  for (const Layer& layer : layers_)
    if (layer.residual) tape_size_ += block_tape_size(padded(layer.first.in));
}

void ResidualMlpKernel::forward(const float* rows, std::int64_t n, const float* first_bias, float* result, float* tape,
                                float* scratch) const {
  HWY_DYNAMIC_DISPATCH(forward)(layers_, panel_rows * widest_, rows, n, first_bias, result, tape, scratch);
}

void ResidualMlpKernel::pull_back(const float* v, std::int64_t n, const float* tape, float* gradient,
                                  float* scratch) const {
  HWY_DYNAMIC_DISPATCH(pull_back)(layers_, panel_rows * widest_, v, n, tape + tape_size_, gradient, scratch);
}

std::string instruction_set() {
  return HWY_DYNAMIC_DISPATCH(name)();
}

}  // namespace sda::kernels
#endif
