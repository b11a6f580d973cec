/// The U-Net: its weights packed, and the buffers of its passes laid out.
#include "kernels/unet_kernel.hpp"

#include "kernels/unet_passes.hpp"

namespace sda::kernels {

HWY_EXPORT(unet_forward);
HWY_EXPORT(unet_vjp);
HWY_EXPORT(unet_pack);

UNetKernel::UNetKernel(UNetView network, ImageView image, Arithmetic arithmetic)
    : network_(std::move(network)), image_(image) {
  packed_.flat = network_.flat;
  packed_.circular = network_.circular;
  const auto describe = [&](const ConvolutionView& view, PackedConvolution& packed, Arithmetic multiplies) {
    packed.sampling = view.sampling;
    packed.arithmetic = multiplies;
    packed.in = view.in;
    packed.out = view.out;
    convolutions_.push_back({view, &packed});
  };
  const auto describe_blocks = [&](const std::vector<UNetBlockView>& views, std::vector<PackedUNetBlock>& blocks) {
    blocks.resize(views.size());
    for (std::size_t j = 0; j < views.size(); ++j) {
      describe(views[j].inner, blocks[j].inner, arithmetic);
      describe(views[j].outer, blocks[j].outer, arithmetic);
      blocks[j].shift = packed_.shifts;
      packed_.shifts += padded(views[j].inner.in);
    }
  };
  packed_.levels.resize(network_.levels.size());
  // The first map sees the state, whose resolution near t = 0 is finer than bfloat16, and the last gives the result.
  const auto of_ends = [&](std::size_t i) { return i == 0 ? Arithmetic::float32 : arithmetic; };
  for (std::size_t i = 0; i < network_.levels.size(); ++i) {
    describe(network_.levels[i].downsample, packed_.levels[i].downsample, of_ends(i));
    describe_blocks(network_.levels[i].encoder, packed_.levels[i].encoder);
  }
  for (std::size_t i = network_.levels.size(); i-- > 0;) {
    describe_blocks(network_.levels[i].decoder, packed_.levels[i].decoder);
    describe(network_.levels[i].upsample, packed_.levels[i].upsample, of_ends(i));
  }
  for (std::int64_t part = 0; part < parts(); ++part) pack(part);
}

void UNetKernel::pack(std::int64_t part) {
  HWY_DYNAMIC_DISPATCH(unet_pack)(convolutions_[part].view, packed_.flat, *convolutions_[part].packed);
}

namespace {

/// Shares out a tape and a workspace.
class Planner {
 public:
  explicit Planner(Keep keep) : keep_(keep) {}

  /// A buffer that is kept from `Keep` on, and else lies on the workspace until the next `release`.
  Place place(std::int64_t bytes, Keep from) {
    const bool kept = keep_ >= from;
    std::int64_t& end = kept ? tape : workspace;
    const Place place{kept, end};
    end += rounded_up(bytes, 64);
    max_ = std::max(max_, workspace);
    return place;
  }
  /// A buffer of the workspace for the whole pass.
  Place hold(std::int64_t bytes) {
    const Place place{false, workspace};
    workspace += rounded_up(bytes, 64);
    max_ = std::max(max_, workspace);
    held_ = workspace;
    return place;
  }
  void release() { workspace = held_; }
  std::int64_t workspace_size() const { return max_; }

  std::int64_t tape = 0, workspace = 0;

 private:
  Keep keep_;
  std::int64_t held_ = 0, max_ = 0;
};

}  // namespace

UNetPlan UNetKernel::plan(const Grid& finest, Keep keep) const {
  UNetPlan plan;
  Planner planner(keep);
  const auto levels = packed_.levels.size();
  const auto map = [](const Grid& grid, std::int64_t channels, std::int64_t bytes) {
    return grid.size() * padded(channels) * bytes;
  };
  plan.levels.resize(levels);
  std::int64_t widest = 0;
  for (std::size_t i = 0; i < levels; ++i) {
    plan.levels[i].grid = i == 0 ? finest : plan.levels[i - 1].grid.halved();
    const std::int64_t bytes = map(plan.levels[i].grid, packed_.levels[i].width(), 4);
    plan.levels[i].stream = planner.hold(bytes);
    widest = std::max(widest, bytes);
  }
  plan.next = planner.hold(widest);
  plan.result = planner.hold(map(finest, packed_.levels.front().downsample.in, 4));

  std::int64_t tiles = 0;
  const auto add_tiles = [&](const PackedConvolution& c, const Grid& outputs) {
    for (const std::int64_t channels : {c.in, c.out}) {
      const std::int64_t products = products_of(c.sampling, packed_.flat);
      const std::int64_t per_tile = c.sampling == Sampling::same ? 2 : 1;
      const auto along = [&](std::int64_t size) { return (size + per_tile - 1) / per_tile; };
      const std::int64_t number = outputs.images * (outputs.flat ? 1 : along(outputs.height)) * along(outputs.width);
      const TileBlocks blocks(number, products, channels, c.arithmetic);
      tiles = std::max(tiles, blocks.room() * TileBlocks::bytes_of_tile(products, channels, c.arithmetic));
    }
  };
  for (std::size_t i = 0; i < levels; ++i) {
    const PackedUNetLevel& level = packed_.levels[i];
    add_tiles(level.downsample, plan.levels[i].grid);
    add_tiles(level.upsample, plan.levels[i].grid);
    for (const auto& block : level.encoder) add_tiles(block.inner, plan.levels[i].grid);
    for (const auto& block : level.decoder) add_tiles(block.inner, plan.levels[i].grid);
  }
  plan.tiles = planner.hold(tiles);

  for (std::size_t i = 0; i < levels; ++i) {
    const PackedUNetLevel& level = packed_.levels[i];
    UNetLevelPlaces& places = plan.levels[i];
    const Grid &grid = places.grid, &finer = plan.levels[i == 0 ? 0 : i - 1].grid;
    const std::int64_t width = level.width();
    const auto inverse = [&] { return planner.place(grid.size() * 4, Keep::for_vjp); };
    const auto place_blocks = [&](const std::vector<PackedUNetBlock>& blocks, std::vector<UNetBlockPlaces>& of_blocks) {
      for (const PackedUNetBlock& block : blocks) {
        planner.release();
        const std::int64_t bytes = map(grid, width, bytes_of_value(block.inner));
        UNetBlockPlaces& of = of_blocks.emplace_back();
        of.inner.input = planner.place(bytes, Keep::for_vjp);
        of.derivative = planner.place(bytes, Keep::for_vjp);
        of.inverse = inverse();
        of.outer.input = planner.place(bytes, Keep::for_gradient);
        of.outer.gradient = planner.place(bytes, Keep::for_gradient);
        of.inner.gradient = planner.place(bytes, Keep::for_gradient);
      }
    };
    place_blocks(level.encoder, places.encoder);
    place_blocks(level.decoder, places.decoder);
    planner.release();
    places.downsample.input =
        planner.place(map(finer, level.downsample.in, bytes_of_value(level.downsample)), Keep::for_gradient);
    places.downsample.gradient =
        planner.place(map(grid, level.downsample.out, bytes_of_value(level.downsample)), Keep::for_gradient);
    planner.release();
    places.upsample.input = planner.place(map(grid, level.upsample.in, bytes_of_value(level.upsample)),
                                          i == 0 ? Keep::for_gradient : Keep::for_vjp);
    places.inverse = inverse();
    places.upsample.gradient =
        planner.place(map(finer, level.upsample.out, bytes_of_value(level.upsample)), Keep::for_gradient);
  }
  plan.tape_size = planner.tape;
  plan.workspace_size = planner.workspace_size();
  return plan;
}

void UNetKernel::forward(const UNetPlan& plan, const float* const* rows, UNetShifts shifts, float* result,
                         std::byte* tape, std::byte* workspace) const {
  HWY_DYNAMIC_DISPATCH(unet_forward)(packed_, image_, plan, rows, shifts, result, tape, workspace);
}

void UNetKernel::vjp(const UNetPlan& plan, const float* v, float* gradient, float* shift_gradient, std::byte* tape,
                     std::byte* workspace) const {
  HWY_DYNAMIC_DISPATCH(unet_vjp)(packed_, image_, plan, v, gradient, shift_gradient, tape, workspace);
}

}  // namespace sda::kernels
