/// How ranks share an ensemble: groups of ranks share out the members, and the ranks of a group the states of each.
#pragma once

#include <cstdint>

#include "sda/core/communicator.hpp"

namespace sda {

/// Ranks 0 … s − 1 of `all` are the first group, and so on. The communicators have to outlive it.
class RankGrid {
 public:
  /// One process that has everything.
  RankGrid() = default;
  /// `states` are this rank's group within `all`, in the same order.
  RankGrid(const Communicator& all, const Communicator& states) : all_(&all), states_(&states) {}

  const Communicator& all() const { return *all_; }
  const Communicator& states() const { return *states_; }
  bool is_first() const { return all_->rank() == 0; }
  std::int64_t groups() const { return all_->size() / states_->size(); }
  std::int64_t group() const { return all_->rank() / states_->size(); }

  /// This rank's of `members` and of trajectories of `length` states. Where there are more groups than members, some
  /// have none.
  Share members_of(std::int64_t members) const { return share_of(members, groups(), group()); }
  Share states_of(std::int64_t length) const { return share_of(length, states_->size(), states_->rank()); }

  /// Parts of trajectories, (member, state, …), as the two above share them out, put together at the first rank;
  /// elsewhere an undefined tensor.
  Tensor gather(const Tensor& part) const;
  /// What the first rank gives.
  std::int64_t from_first(std::int64_t value) const;

 private:
  const Communicator* all_ = &alone();
  const Communicator* states_ = &alone();
};

}  // namespace sda
