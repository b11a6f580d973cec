/// The gradient of a U-Net's convolutions, for one instruction set.
#include "kernels/unet_gradient_sums.hpp"
#include "kernels/winograd-inl.hpp"
#include "kernels/winograd_filter-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {
namespace {

using Stack = UNetGradient::Stack;

template <class T>
void add_pixels(const T* map, const Grid& grid, std::int64_t ld, float* sum) {
  for (std::int64_t c = 0; c < ld; c += lanes()) {
    V total = load(sum + c);
    for_each_row(grid, [&](std::int64_t pixel, std::int64_t) HWY_ATTR {
      for (std::int64_t x = 0; x < grid.width; ++x) total = hn::Add(total, load(map + (pixel + x) * ld + c));
    });
    store(total, sum + c);
  }
}

/// Row `py` of a convolution's products, over the tiles of all stacks.
template <class Gemm, class Y, class X, int py>
void add_products(const PackedConvolution& c, const std::vector<Stack>& stacks, const std::vector<Site>& sites, Sum sum,
                  std::byte* workspace) {
  using T = typename Gemm::T;
  const std::int64_t ldx = padded(c.in), ldg = padded(c.out), capacity = tiles_at_once(c);
  auto* v = reinterpret_cast<T*>(workspace);
  T *m = v + X::products * capacity * ldx, *left = m + X::products * capacity * ldg, *right = left + capacity * ldg;
  std::int64_t filled = 0;
  const auto multiply = [&] {
    const Piece all{0, filled, rounded_up(filled, Gemm::depth_multiple)};
    for (std::int64_t px = 0; px < X::products; ++px) {
      float* to = sum.products + (py * X::products + px) * sum_size(c);
      Gemm::pack_left(m + px * capacity * ldg, ldg, all, filled, c.out, left);
      Gemm::pack_right(v + px * capacity * ldx, ldx, all, filled, c.in, right);
      if (sum.fresh)
        Gemm::multiply_packed(left, right, c.out, filled, ldx, Write{to, ldx});
      else
        Gemm::multiply_packed(left, right, c.out, filled, ldx, AddTo{to, ldx});
    }
    sum.fresh = false;
    filled = 0;
  };
  for (std::size_t i = 0; i < stacks.size(); ++i) {
    const auto [places, from, to] = sites[i];
    const auto* x = reinterpret_cast<const T*>(stacks[i].tape + places.input.offset);
    const auto* g = reinterpret_cast<const T*>(stacks[i].tape + places.gradient.offset);
    const Tiles tiles = Tiles::making<Y, X>(to);
    for (std::int64_t begin = 0; begin < tiles.count();) {
      const std::int64_t number = std::min(capacity - filled, tiles.count() - begin);
      transform_input_tiles<Gemm, Y, X, py>(x, from, ldx, tiles, begin, number, capacity, v + filled * ldx);
      transform_gradient_tiles<Gemm, Y, X, py>(g, to, ldg, tiles, begin, number, capacity, m + filled * ldg);
      begin += number;
      filled += number;
      if (filled == capacity) multiply();
    }
    if (py == 0) add_pixels(g, to, ldg, sum.bias);
  }
  if (filled > 0) multiply();
}

}  // namespace

void add_to_sum(const PackedConvolution& c, bool flat, int py, const std::vector<Stack>& stacks,
                const std::vector<Site>& sites, Sum sum, std::byte* workspace) {
  with_gemm(c.arithmetic, [&](auto products) {
    with_tiles(c.sampling, flat, [&](auto y, auto x) {
      using Gemm = decltype(products);
      using Y = decltype(y);
      using X = decltype(x);
      if (py == 0) return add_products<Gemm, Y, X, 0>(c, stacks, sites, sum, workspace);
      if constexpr (Y::products > 1) {
        if (py == 1) return add_products<Gemm, Y, X, 1>(c, stacks, sites, sum, workspace);
        if (py == 2) return add_products<Gemm, Y, X, 2>(c, stacks, sites, sum, workspace);
      }
      if constexpr (Y::products > 3) add_products<Gemm, Y, X, 3>(c, stacks, sites, sum, workspace);
    });
  });
}

void filter_gradient(const PackedConvolution& c, bool flat, const float* sums, float* weight) {
  const std::int64_t taps = flat ? 3 : 9;
  with_tiles(c.sampling, flat, [&](auto y, auto x) {
    for (std::int64_t o = 0; o < c.out; ++o)
      transform_filter_adjoint<decltype(y), decltype(x)>(sums + o * padded(c.in), sum_size(c), c.in,
                                                         weight + o * c.in * taps);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();
