/// The gradient of a U-Net's convolutions: which sums there are, and over which maps they are taken.
#include "kernels/unet_gradient.hpp"

#include "kernels/unet_gradient_sums.hpp"

namespace sda::kernels {

HWY_EXPORT(add_to_sum);
HWY_EXPORT(filter_gradient);

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
    all.push_back({level.downsample, plan.levels[i == 0 ? 0 : i - 1].grid, level.grid});
    add_blocks(level.encoder, level.grid);
  }
  for (std::size_t i = plan.levels.size(); i-- > 0;) {
    const UNetLevelPlaces& level = plan.levels[i];
    add_blocks(level.decoder, level.grid);
    all.push_back({level.upsample, level.grid, plan.levels[i == 0 ? 0 : i - 1].grid});
  }
  return all[convolution];
}

}  // namespace

UNetGradient::UNetGradient(const UNetKernel& kernel) : kernel_(kernel) {
  const bool flat = kernel.packed().flat;
  for (const auto& part : kernel.convolutions()) {
    const PackedConvolution& c = *part.packed;
    const std::int64_t products = products_of(c.sampling, flat), axis = c.sampling == Sampling::same ? 4 : 3;
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
  HWY_DYNAMIC_DISPATCH(add_to_sum)
  (*kernel_.convolutions()[convolution].packed, kernel_.packed().flat, row, stacks, sites,
   {sums.products.data(), sums.bias.data(), fresh}, workspace);
}

void UNetGradient::write(std::int64_t convolution, float* weight, float* bias) const {
  const PackedConvolution& c = *kernel_.convolutions()[convolution].packed;
  const Sums& sums = sums_[convolution];
  HWY_DYNAMIC_DISPATCH(filter_gradient)(c, kernel_.packed().flat, sums.products.data(), weight);
  std::copy_n(sums.bias.begin(), c.out, bias);
}

}  // namespace sda::kernels
