/// Links of averages: over blocks of the grid and over all of space.
#include <fmt/format.h>

#include <algorithm>

#include "observation/operators/space.hpp"
#include "sda/core/error.hpp"

namespace sda::observation {
namespace {

/// Means over blocks along the last axes of x, as many axes as there are blocks.
Tensor block_means(const Tensor& x, const std::vector<std::int64_t>& blocks) {
  auto y = x;
  std::vector<std::int64_t> within;
  for (std::int64_t a = std::ssize(blocks) - 1; a >= 0; --a) {
    const auto axis = x.dim() - std::ssize(blocks) + a;
    const auto block = blocks[static_cast<std::size_t>(a)];
    y = y.unflatten(axis, {y.size(axis) / block, block});
    within.push_back(axis + 1 + a);  // the axes before will be split as well
  }
  return y.mean(within);
}

/// (…, rows, columns) → (…, rows, block, columns, block): each value, divided by the size of a block, in all places of
/// its block.
Tensor spread_over_blocks(const Tensor& v, const std::vector<std::int64_t>& blocks) {
  auto g = v.div(count(blocks));
  auto sizes = g.sizes().vec();
  auto shape = sizes;
  for (std::int64_t a = std::ssize(blocks); a-- > 0;) {
    const auto axis = v.dim() - std::ssize(blocks) + a, block = blocks[static_cast<std::size_t>(a)];
    sizes.insert(sizes.begin() + axis + 1, block);
    shape[static_cast<std::size_t>(axis)] *= block;
  }
  for (std::int64_t a = 0; a < std::ssize(blocks); ++a) g = g.unsqueeze(v.dim() - std::ssize(blocks) + 2 * a + 1);
  return g.expand(sizes).reshape(shape);
}

/// y = mean over blocks of `block` points along each axis, Σ a x / Σ a where the areas a of cells differ.
class Coarsen final : public StateLink {
 public:
  Coarsen(const Field& field, std::vector<std::int64_t> blocks, const std::string& where)
      : StateLink(field, coarse(field, blocks, where)), blocks_(std::move(blocks)) {
    if (!field.areas.defined()) return;
    const Tensor of_block = spread_over_blocks(observation().areas, blocks_) * static_cast<double>(count(blocks_));
    weight_ = at::where(of_block > 0, field.areas / of_block, at::ones_like(of_block));
  }
  Tensor read(const Tensor& x) const override {
    return block_means(weight_.defined() ? x * weight_.to(x.options()) : x, blocks_);
  }
  Tensor vjp(const Tensor&, const Tensor& v) const override {
    const Tensor g = spread_over_blocks(v, blocks_);
    return weight_.defined() ? g * weight_.to(v.options()) : g;
  }
  bool is_affine() const override { return true; }
  std::string describe() const override {
    const bool equal = std::equal(blocks_.begin() + 1, blocks_.end(), blocks_.begin());
    return "average of blocks of " + (equal ? std::to_string(blocks_.front()) : to_string(blocks_));
  }

 private:
  static Field coarse(const Field& field, const std::vector<std::int64_t>& blocks, const std::string& where) {
    auto space = field.space();
    auto axes = field.axes;
    for (std::size_t a = 0; a < space.size(); ++a) {
      if (blocks[a] < 1 || space[a] % blocks[a] != 0) {
        throw ShapeError({.what = "space cannot be cut into equal blocks",
                          .where = where,
                          .found = fmt::format("a grid {}", to_string(space)),
                          .expected = "a number that divides each size"});
      }
      space[a] /= blocks[a];
      axes[a] = axes[a].in_blocks(blocks[a]);
    }
    return field.with_space(space, axes, field.areas.defined() ? block_means(field.areas, blocks) : Tensor());
  }
  std::vector<std::int64_t> blocks_;
  Tensor weight_{};  ///< (…space): area over the mean area of the block; undefined: 1
};

/// y = mean over space, each point weighing as its cell.
class Mean final : public StateLink {
 public:
  explicit Mean(const Field& field) : StateLink(field, field.with_space({1})) {}
  Tensor read(const Tensor& x) const override {
    if (field().areas.defined()) return mean_over_space(field(), x).reshape(observation_shape_for(x));
    return x.flatten(axis_of(field().first_space_axis()), -1).mean(-1, /*keepdim=*/true);
  }
  Tensor vjp(const Tensor&, const Tensor& v) const override {
    const Tensor& areas = field().areas;
    auto one = areas.defined() ? v : v.div(count(field().space()));
    while (one.dim() < v.dim() - 1 + std::ssize(field().space())) one = one.unsqueeze(-1);
    return areas.defined() ? one * (areas / areas.sum()).to(v.options()) : one.expand(shape_for(v));
  }
  bool is_affine() const override { return true; }
  std::string describe() const override { return "mean over space"; }
};

MadeLink make_coarsen(const LinkSite& site) {
  return std::make_unique<Coarsen>(site.field, for_each_axis(site), place_of(site.link));
}

MadeLink make_coarsen_to(const LinkSite& site) {
  auto blocks = for_each_axis(site);
  for (std::size_t a = 0; a < blocks.size(); ++a) {
    const auto size = site.field.space()[a];
    blocks[a] = size % blocks[a] == 0 ? size / blocks[a] : 0;
  }
  return std::make_unique<Coarsen>(site.field, std::move(blocks), place_of(site.link));
}

}  // namespace

std::vector<LinkKind> average_links() {
  return {
      {.name = "coarsen",
       .help = "n or [n, ...]: average of blocks of n points along each axis of space, by the areas of cells",
       .value = takes::integer_or_integers(1),
       .make = make_coarsen,
       .example = {{{"coarsen", {2, 3}}}, {2, 4, 6}}},
      {.name = "coarsen_to",
       .help = "n or [n, ...]: the same, to a grid of n points along each axis",
       .value = takes::integer_or_integers(1),
       .make = make_coarsen_to,
       .example = {{{"coarsen_to", {2}}}, {2, 4, 6}}},
      {.name = "mean",
       .help = "true: mean over the space that is left, by the areas of cells: of latitudes by their cosine",
       .make = of_field<Mean>,
       .example = {{{"mean", {}}}, {2, 4, 6}}},
  };
}

}  // namespace sda::observation
