// The layers of the residual MLP on a panel of rows, forward and back, per instruction set (Highway) and kind of
// product. Linear maps keep float32's digits: they are little work (a window wide), and the first one sees the state
// itself, whose resolution near t = 0 is finer than bfloat16. Wide residual blocks, nearly all of the work, multiply as
// asked; the stream h that runs through them, norms, activations and sums are float32.
// src/kernels/reference/residual_mlp.hpp says the same in plain loops.
#pragma once

#include "kernels/epilogues-inl.hpp"
#include "kernels/residual_mlp.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {

template <class Gemm>
const typename Gemm::T* narrowed(const float* stream, std::int64_t size, typename Gemm::T* buffer) {
  for (std::int64_t i = 0; i < size; i += lanes()) Gemm::keep(load(stream + i), buffer + i);
  return buffer;
}

/// Rows of a factor, `columns` of each, as they lie there or narrowed into `buffer`.
template <class Gemm, class Kept>
RowByRow<typename Gemm::T> as_factor(const Kept* rows, std::int64_t ld, std::int64_t n, std::int64_t columns,
                                     [[maybe_unused]] typename Gemm::T* buffer) {
  if constexpr (std::is_same_v<Kept, typename Gemm::T>) {
    return {rows, ld};
  } else {
    for (std::int64_t row = 0; row < n; ++row) narrowed<Gemm>(rows + row * ld, columns, buffer + row * columns);
    return {buffer, columns};
  }
}

/// What a block keeps for its VJP, and in training for the gradients of its weights.
template <class T>
struct BlockTape {
  T *normalised, *derivative;
  float* inverse;  ///< 1/√(variance + 1e-5)
  T* activation;   ///< in training: W₂'s input
  T* gradient;     ///< in training: at W₂'s result
  BlockTape(std::byte* at, std::int64_t capacity, std::int64_t ld, bool training) {
    const BlockTapeLayout layout(ld, capacity, sizeof(T), training);
    normalised = reinterpret_cast<T*>(at + layout.normalised);
    derivative = reinterpret_cast<T*>(at + layout.derivative);
    inverse = reinterpret_cast<float*>(at + layout.inverse);
    activation = reinterpret_cast<T*>(at + layout.activation);
    gradient = reinterpret_cast<T*>(at + layout.gradient);
  }
};

/// Rows of a pass and its buffers: stream, next and two more of (capacity, widest) floats each, which lie one after the
/// other. Products also write what follows the rows, up to a multiple of their row_multiple; nobody reads it.
struct Workspace {
  std::int64_t rows;
  std::int64_t capacity;
  float* buffer[4];
};

/// h ← h + W₂ silu(W₁ norm(h) + b₁) + b₂, in place in `stream`. `tape` may be null but in training.
template <class Gemm, bool training = false>
void block_forward(const PackedLayer& layer, const Workspace& work, float* stream, std::byte* tape) {
  using T = typename Gemm::T;
  const auto &first = layer.first, &second = layer.second;
  const std::int64_t ld = padded(first.in);
  const BlockTape<T> kept(tape, work.capacity, ld, training);
  const bool keeps = training || tape != nullptr;
  T* y = keeps ? kept.normalised : reinterpret_cast<T*>(work.buffer[2]);
  T* activation = training ? kept.activation : reinterpret_cast<T*>(work.buffer[3]);
  float unkept_inverse[max_rows];
  normalise<Gemm>(Read{stream, ld}, work.rows, ld, first.in, y, keeps ? kept.inverse : unkept_inverse);
  Gemm::multiply(y, ld, work.rows, first.template forward_as<T>(), first.in, ld,
                 AddBiasThenSilu<Gemm>{first.bias.data(), activation, keeps ? kept.derivative : nullptr, ld});
  Gemm::multiply(activation, ld, work.rows, second.template forward_as<T>(), second.in, ld,
                 AddBiasToStream{second.bias.data(), stream, ld});
}

/// The VJP of a block, in place in `stream`. In training the tape then holds both factors of the weights'
/// gradients: ∂L/∂(W₂'s result) beside W₂'s input, and ∂L/∂(W₁'s result), in place of the derivative, beside W₁'s.
/// `tape_before` is the tape of the block whose turn is next, `tape` itself if there is none.
template <class Gemm, bool training = false>
void block_vjp(const PackedLayer& layer, const Workspace& work, float* stream, float* next, std::byte* tape,
               std::byte* tape_before) {
  using T = typename Gemm::T;
  const auto &first = layer.first, &second = layer.second;
  const std::int64_t ld = padded(first.in);
  const BlockTape<T> kept(tape, work.capacity, ld, training);
  const BlockTape<T> before(tape_before, work.capacity, ld, training);
  T* inner = training ? kept.derivative : reinterpret_cast<T*>(work.buffer[3]);
  const T* g = training ? narrowed<Gemm>(stream, work.rows * ld, kept.gradient)
                        : as_factor<Gemm>(stream, ld, work.rows, ld, reinterpret_cast<T*>(work.buffer[2])).a;
  Gemm::multiply(g, ld, work.rows, second.template backward_as<T>(), second.out, ld,
                 Fetch<Multiply<Gemm>, T>{kept.normalised, ld, {kept.derivative, inner, ld}});
  Gemm::multiply(inner, ld, work.rows, first.template backward_as<T>(), first.out, ld,
                 Fetch<Write, T>{before.derivative, ld, {next, ld}});
  normalise_vjp(next, kept.normalised, kept.inverse, work.rows, ld, first.in, AddTo{stream, ld});
}

/// The one whose turn is next on the way back, if it is a block like `layer`, or else `layer` itself.
inline const PackedLayer& block_before(const std::vector<PackedLayer>& layers, const PackedLayer& layer) {
  if (&layer == layers.data()) return layer;
  const PackedLayer& before = *(&layer - 1);
  const bool alike = before.residual && before.arithmetic == layer.arithmetic && before.first.in == layer.first.in;
  return alike ? before : layer;
}

/// Memory for a map's packed weights, cleared.
template <class Gemm>
void make_space(const AffineView& affine, PackedMatrix& packed) {
  const auto resize = [](Aligned<std::byte>& bytes, std::int64_t depth, std::int64_t columns) {
    const std::int64_t values = Gemm::parts * rounded_up(depth, Gemm::depth_multiple) * padded(columns);
    bytes.assign(static_cast<std::size_t>(values) * sizeof(typename Gemm::T), std::byte{0});
  };
  packed.in = affine.in;
  packed.out = affine.out;
  resize(packed.forward, affine.in, affine.out);
  resize(packed.backward, affine.out, affine.in);
  packed.bias.assign(static_cast<std::size_t>(padded(affine.out)), 0.0f);
}

/// Rows begin … end − 1 of W and of b; begin a multiple of 32, end too or the last.
template <class Gemm>
void pack_rows_of(const AffineView& affine, std::int64_t begin, std::int64_t end, PackedMatrix& packed) {
  using T = typename Gemm::T;
  Gemm::pack_map(affine, begin, end, reinterpret_cast<T*>(packed.forward.data()),
                 reinterpret_cast<T*>(packed.backward.data()));
  std::copy(affine.bias + begin, affine.bias + end, packed.bias.begin() + begin);
}

template <class Gemm>
void pack_affine(const AffineView& affine, PackedMatrix& packed) {
  make_space<Gemm>(affine, packed);
  pack_rows_of<Gemm>(affine, 0, affine.out, packed);
}

template <class Gemm>
void pack_layer(const LayerView& view, PackedLayer& layer) {
  layer.residual = view.residual;
  if (view.residual) {
    pack_affine<Gemm>(view.first, layer.first);
    pack_affine<Gemm>(view.second, layer.second);
  } else {
    pack_affine<typename Gemm::Precise>(view.first, layer.first);
  }
}

/// Rows through a linear map between blocks, x Wᵀ or g W, given to `epilogue`. `buffer` holds linear_left floats for
/// each value of the rows.
template <class Gemm, class Epilogue>
void linear_multiply(const float* rows, std::int64_t n, const std::byte* packed, std::int64_t depth,
                     std::int64_t columns, float* buffer, const Epilogue& epilogue) {
  using Precise = typename Gemm::Precise;
  using T = typename Precise::T;
  static_assert(Precise::parts * std::int64_t{sizeof(T)} <= linear_left * std::int64_t{sizeof(float)});
  const T* left = Precise::as_left(rows, n, padded(depth), reinterpret_cast<T*>(buffer));
  Precise::multiply(left, Precise::parts * padded(depth), n, reinterpret_cast<const T*>(packed),
                    Precise::parts * rounded_up(depth, Precise::depth_multiple), padded(columns), epilogue);
}
template <class Epilogue>
void linear_forward(Arithmetic arithmetic, const PackedMatrix& map, const float* rows, std::int64_t n, float* buffer,
                    const Epilogue& epilogue) {
  with_gemm(arithmetic, [&](auto products) {
    linear_multiply<decltype(products)>(rows, n, map.forward.data(), map.in, map.out, buffer, epilogue);
  });
}
template <class Epilogue>
void linear_vjp(Arithmetic arithmetic, const PackedMatrix& map, const float* g, std::int64_t n, float* buffer,
                const Epilogue& epilogue) {
  with_gemm(arithmetic, [&](auto products) {
    linear_multiply<decltype(products)>(g, n, map.backward.data(), map.out, map.in, buffer, epilogue);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();
