/// Trajectories that a grid of ranks shares, put together.
#include "sda/core/rank_grid.hpp"

#include "core/torch.hpp"

namespace sda {

Tensor RankGrid::gather(const Tensor& part) const {
  if (all_->size() == 1) return part;
  const std::vector<Tensor> parts = all_->gather(part);
  if (!is_first()) return {};
  std::vector<Tensor> members;
  for (auto group = parts.begin(); group != parts.end(); group += states_->size()) {
    members.push_back(at::cat(std::vector<Tensor>(group, group + states_->size()), 1));
  }
  return at::cat(members, 0);
}

std::int64_t RankGrid::from_first(std::int64_t value) const {
  return all_->sum(at::tensor({is_first() ? value : 0}, at::kLong)).item<std::int64_t>();
}

}  // namespace sda
