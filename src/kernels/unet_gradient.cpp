/// The gradient of a U-Net's convolutions, compiled once for each instruction set.
#include "kernels/unet_gradient.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/unet_gradient.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, once for each target:
#include "kernels/convolution-inl.hpp"

#ifndef SDA_SCORE_KERNELS_UNET_GRADIENT_ONCE
#define SDA_SCORE_KERNELS_UNET_GRADIENT_ONCE
namespace sda::kernels {
namespace {

/// A convolution's maps in one pass.
struct Site {
  ConvolutionPlaces places;
  Grid from, to;
};

struct Sum {
  float *products, *bias;
  bool fresh;
};

/// Rows of a sum: products write whole tiles of them.
std::int64_t sum_rows(std::int64_t out) {
  return rounded_up(out, 96);
}
std::int64_t sum_size(const PackedConvolution& c) {
  return sum_rows(c.out) * padded(c.in);
}

/// Tiles that are summed over at once: so many that the sums are seldom touched, and few enough for the cache.
std::int64_t tiles_at_once(const PackedConvolution& c) {
  constexpr std::int64_t bytes = 2 << 20, max = 1024, min = 128, axis = 4;
  const std::int64_t each = axis * (padded(c.in) + padded(c.out)) * bytes_of_value(c);
  return std::clamp(bytes / each / 32 * 32, min, max);
}

}  // namespace
}  // namespace sda::kernels
#endif

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
template <class Products, class Y, class X, int py>
void add_products(const PackedConvolution& c, const std::vector<Stack>& stacks, const std::vector<Site>& sites, Sum sum,
                  std::byte* workspace) {
  using T = typename Products::T;
  const std::int64_t ldx = padded(c.in), ldg = padded(c.out), capacity = tiles_at_once(c);
  auto* v = reinterpret_cast<T*>(workspace);
  T *m = v + X::products * capacity * ldx, *left = m + X::products * capacity * ldg, *right = left + capacity * ldg;
  std::int64_t filled = 0;
  const auto multiply = [&] {
    const Piece all{0, filled, rounded_up(filled, Products::depth_multiple)};
    for (std::int64_t px = 0; px < X::products; ++px) {
      float* to = sum.products + (py * X::products + px) * sum_size(c);
      Products::pack_left(m + px * capacity * ldg, ldg, all, filled, c.out, left);
      Products::pack_right(v + px * capacity * ldx, ldx, all, filled, c.in, right);
      if (sum.fresh)
        Products::multiply_packed(left, right, c.out, filled, ldx, Write{to, ldx});
      else
        Products::multiply_packed(left, right, c.out, filled, ldx, AddTo{to, ldx});
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
      combine_tiles<Products, Y, X, py>(x, from, ldx, tiles, begin, number, capacity, v + filled * ldx);
      spread_tiles<Products, Y, X, py>(g, to, ldg, tiles, begin, number, capacity, m + filled * ldg);
      begin += number;
      filled += number;
      if (filled == capacity) multiply();
    }
    if (py == 0) add_pixels(g, to, ldg, sum.bias);
  }
  if (filled > 0) multiply();
}

void add(const PackedConvolution& c, bool flat, int py, const std::vector<Stack>& stacks,
         const std::vector<Site>& sites, Sum sum, std::byte* workspace) {
  with_products(c.arithmetic, [&](auto products) {
    with_tiles(c.reach, flat, [&](auto y, auto x) {
      using Products = decltype(products);
      using Y = decltype(y);
      using X = decltype(x);
      if (py == 0) return add_products<Products, Y, X, 0>(c, stacks, sites, sum, workspace);
      if constexpr (Y::products > 1) {
        if (py == 1) return add_products<Products, Y, X, 1>(c, stacks, sites, sum, workspace);
        if (py == 2) return add_products<Products, Y, X, 2>(c, stacks, sites, sum, workspace);
      }
      if constexpr (Y::products > 3) add_products<Products, Y, X, 3>(c, stacks, sites, sum, workspace);
    });
  });
}

void collect(const PackedConvolution& c, bool flat, const float* sums, float* weight) {
  const std::int64_t taps = flat ? 3 : 9;
  with_tiles(c.reach, flat, [&](auto y, auto x) {
    for (std::int64_t o = 0; o < c.out; ++o)
      spread_taps<decltype(y), decltype(x)>(sums + o * padded(c.in), sum_size(c), c.in, weight + o * c.in * taps);
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sda::kernels {

HWY_EXPORT(add);
HWY_EXPORT(collect);

namespace {

/// A convolution's maps, counted in the network's order as UNetKernel does.
Site site_of(const UNetPlan& plan, std::int64_t convolution) {
  std::vector<Site> all;
  const auto add_blocks = [&](const std::vector<UNetBlockPlaces>& blocks, const Grid& grid) {
    for (const UNetBlockPlaces& block : blocks) {
      all.push_back({block.inner, grid, grid});
      all.push_back({block.outer, grid, grid});
    }
  };
  for (std::size_t i = 0; i < plan.levels.size(); ++i) {
    const UNetLevelPlaces& level = plan.levels[i];
    all.push_back({level.head, plan.levels[i == 0 ? 0 : i - 1].grid, level.grid});
    add_blocks(level.descent, level.grid);
  }
  for (std::size_t i = plan.levels.size(); i-- > 0;) {
    const UNetLevelPlaces& level = plan.levels[i];
    add_blocks(level.ascent, level.grid);
    all.push_back({level.tail, level.grid, plan.levels[i == 0 ? 0 : i - 1].grid});
  }
  return all[convolution];
}

}  // namespace

UNetGradient::UNetGradient(const UNetKernel& kernel) : kernel_(kernel) {
  const bool flat = kernel.packed().flat;
  for (const auto& part : kernel.convolutions()) {
    const PackedConvolution& c = *part.packed;
    const std::int64_t products = products_of(c.reach, flat), axis = c.reach == Reach::same ? 4 : 3;
    for (std::int64_t row = 0; row < products / axis; ++row)
      tasks_.push_back({static_cast<std::int64_t>(sums_.size()), static_cast<int>(row)});
    Sums& sums = sums_.emplace_back();
    sums.products.resize(static_cast<std::size_t>(products * sum_size(c)));
    sums.bias.resize(static_cast<std::size_t>(padded(c.out)));
    // Both factors of a row of products, and once more one product's as they are packed.
    const std::int64_t factors = (padded(c.in) + padded(c.out)) * bytes_of_value(c);
    workspace_size_ = std::max(workspace_size_, (axis + 1) * tiles_at_once(c) * factors);
  }
}

void UNetGradient::add(std::int64_t task, const std::vector<Stack>& stacks, bool fresh, std::byte* workspace) {
  const auto [convolution, row] = tasks_[task];
  Sums& sums = sums_[convolution];
  if (fresh && row == 0) std::fill(sums.bias.begin(), sums.bias.end(), 0.0f);
  std::vector<Site> sites;
  for (const Stack& stack : stacks) sites.push_back(site_of(*stack.plan, convolution));
  HWY_DYNAMIC_DISPATCH(add)
  (*kernel_.convolutions()[convolution].packed, kernel_.packed().flat, row, stacks, sites,
   {sums.products.data(), sums.bias.data(), fresh}, workspace);
}

void UNetGradient::collect(std::int64_t convolution, float* weight, float* bias) const {
  const PackedConvolution& c = *kernel_.convolutions()[convolution].packed;
  const Sums& sums = sums_[convolution];
  HWY_DYNAMIC_DISPATCH(collect)(c, kernel_.packed().flat, sums.products.data(), weight);
  std::copy_n(sums.bias.begin(), c.out, bias);
}

}  // namespace sda::kernels
#endif
